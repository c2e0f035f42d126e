"""Time as a parameter: the real clock, and one for tests that moves only when told.

Durations use monotonic time only; wall time is for people and for rows in the database.
"""

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of a clock that never jumps."""
        ...

    def utc_now(self) -> datetime:
        """Aware UTC wall time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a fake clock returns when it was moved that far."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of ``CLOCK_MONOTONIC``."""
        return time.monotonic_ns()

    def utc_now(self) -> datetime:
        """The machine's wall clock in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(seconds)


class FakeClock:
    """A clock that stands still until ``advance`` is called; sleepers wake in order of their time.

    Args:
        start: Wall time at which it begins; 2026-01-01 00:00 UTC when not given.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed_ns = 0
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def monotonic_ns(self) -> int:
        """Nanoseconds advanced so far."""
        return self._elapsed_ns

    def utc_now(self) -> datetime:
        """Start plus what was advanced."""
        return self._start + timedelta(microseconds=self._elapsed_ns / 1000)

    def set_wall(self, now: datetime) -> None:
        """Set the wall clock, as a person or NTP does; durations do not notice."""
        self._start += now - self.utc_now()

    async def sleep(self, seconds: float) -> None:
        """Wait until ``advance`` has moved the clock this far."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due_ns = self._elapsed_ns + int(seconds * 1e9)
        heapq.heappush(self._sleepers, (due_ns, next(self._order), waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Move the clock and let everybody who waited for that moment run."""
        target_ns = self._elapsed_ns + int(seconds * 1e9)
        while self._sleepers and self._sleepers[0][0] <= target_ns:
            self._elapsed_ns, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)
            await asyncio.sleep(0)
        self._elapsed_ns = target_ns
        await asyncio.sleep(0)
