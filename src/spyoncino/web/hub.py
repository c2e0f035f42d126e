"""Tells every connected page what happens; a slow page costs the others nothing."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

CAPACITY = 64
"""Updates that may wait for one page: more than ten seconds of a busy house."""

RESYNC = '{"kind":"resync"}'
"""Told instead of what was lost: the page asks for everything again."""


class Listener:
    """One connected page: a bounded queue of texts.

    Args:
        capacity: Texts that may wait; the next one replaces them all by ``RESYNC``.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._texts: deque[str] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self.lost = 0

    def offer(self, text: str) -> None:
        """Add a text, or give up on all that wait."""
        if len(self._texts) >= self._capacity:
            self.lost += len(self._texts)
            self._texts.clear()
            text = RESYNC
        self._texts.append(text)
        self._wake.set()

    def close(self) -> None:
        """Let ``next`` end."""
        self._closed = True
        self._wake.set()

    async def next(self) -> str | None:
        """The next text; ``None`` when the hub has closed."""
        while not self._texts:
            if self._closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._texts.popleft()


class Hub:
    """All connected pages; used from the event loop alone.

    Args:
        capacity: Of each listener's queue.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._listeners: set[Listener] = set()
        self._lost = 0

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def lost(self) -> int:
        """Updates that slow pages did not get."""
        return self._lost + sum(listener.lost for listener in self._listeners)

    @contextmanager
    def joined(self) -> Iterator[Listener]:
        """Listen for the length of the block."""
        listener = Listener(self._capacity)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._lost += listener.lost

    def tell(self, text: str) -> None:
        """Tell everybody; never waits."""
        for listener in self._listeners:
            listener.offer(text)

    def close(self) -> None:
        """Let every listener end."""
        for listener in self._listeners:
            listener.close()
