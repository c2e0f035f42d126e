"""Hands items from the thread that reads a camera to the one that works with them."""

import threading
import time
from collections import deque
from typing import Generic, TypeVar

from spyoncino.errors import SourceError

T = TypeVar("T")


class Handover(Generic[T]):
    """A bounded queue with one writer, one reader, and the reason why nothing more comes."""

    def __init__(self) -> None:
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._error: SourceError | None = None
        self._last_s = time.monotonic()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def silent_s(self) -> float:
        """Seconds since the last item came, or since the beginning."""
        return time.monotonic() - self._last_s

    def offer(self, item: T, max_waiting: int) -> bool:
        """Hand an item over, waiting for room; whether anybody still wants one."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._waiting) < max_waiting)
            return self._put(item)

    def offer_newest(self, item: T, max_waiting: int) -> bool:
        """Hand an item over at once; without room the oldest one is dropped and counted."""
        with self._changed:
            while len(self._waiting) >= max_waiting:
                self._waiting.popleft()
                self.dropped += 1
            return self._put(item)

    def take(self, timeout_s: float | None = None) -> T | None:
        """The oldest item, or ``None`` when none came in that time.

        Raises:
            SourceError: What ``fail`` was told, after everything that came before.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting or self._error, timeout_s):
                return None
            if self._waiting:
                item = self._waiting.popleft()
                self._changed.notify_all()
                return item
            raise self._error or SourceError("The camera is closed.")

    def fail(self, error: SourceError) -> None:
        """Nothing more will come; this is why."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody wants anything more; frees a writer that waits."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        if not self._is_closed:
            self._waiting.append(item)
            self._last_s = time.monotonic()
            self._changed.notify_all()
        return not self._is_closed
