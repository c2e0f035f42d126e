"""A bounded hand-over from a reader callback to one consumer, which slows the reader down."""

from asyncio import Event
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Messages that wait for their consumer, in order; used from the event loop alone.

    It never refuses a message: it asks the reader to pause when it is full and to go on when half
    of it was consumed, and what the reader had in its hands comes on top.

    Args:
        capacity: Messages at which the reader is asked to pause.
        on_full: Asks the reader to pause.
        on_room: Asks it to go on.
    """

    def __init__(
        self, capacity: int, on_full: Callable[[], None], on_room: Callable[[], None]
    ) -> None:
        self._capacity = capacity
        self._on_full = on_full
        self._on_room = on_room
        self._messages: deque[T] = deque()
        self._wake = Event()
        self._is_closed = False

    def put(self, message: T) -> None:
        """Add a message; ignored after ``close``."""
        if self._is_closed:
            return
        self._messages.append(message)
        self._wake.set()
        if len(self._messages) >= self._capacity:
            self._on_full()

    async def get(self) -> T | None:
        """The next message; ``None`` when closed and empty. One consumer at a time."""
        while not self._messages:
            if self._is_closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        message = self._messages.popleft()
        if len(self._messages) == self._capacity // 2:
            self._on_room()
        return message

    def close(self) -> list[T]:
        """Take no more and let the consumer end; what it has not taken is returned."""
        rest = list(self._messages)
        self._messages.clear()
        self._is_closed = True
        self._wake.set()
        return rest
