"""What one channel keeps in memory about one target, so that no target holds up another."""

import asyncio
import random
from contextlib import suppress
from typing import Final

from spyoncino.clock import Clock
from spyoncino.core.breaker import Breaker, BreakerSpec, BreakerState
from spyoncino.core.guard import sentence
from spyoncino.errors import DeliveryLaterError
from spyoncino.persistence.deliveries import Delivery, DeliveryKey

OWED_AT_ONCE: Final = 64
"""Messages to one target that are in memory; the others wait in the table."""

MAX_DOUBLINGS: Final = 20
"""Pauses are doubled no more often: by then any pause has reached its longest."""

JITTER: Final = 0.3
"""Share of a pause that chance may take off: who failed together shall not come back together."""

_BREAKER: Final = BreakerSpec(failures=5, window_s=60.0, pause_s=15.0, longest_pause_s=300.0)
"""A target that failed so often is left alone by all its messages, then one of them tries."""


class Lane:
    """One target: its messages in memory, its places, its breaker.

    Args:
        at_once: Messages in work at a time.
        clock: Source of time.
    """

    def __init__(self, at_once: int, clock: Clock) -> None:
        self.breaker = Breaker(_BREAKER, clock)
        self._places = {is_loud: asyncio.Semaphore(at_once) for is_loud in (True, False)}
        self.keys: set[DeliveryKey] = set()
        self.has_more = False
        """More is owed than is in memory."""
        self.is_reading = False
        """More is being read from the table; what comes meanwhile waits there."""
        self.problem = ""
        """Why the last try failed; empty after one that did not."""
        self._at_once = at_once

    def places(self, delivery: Delivery) -> asyncio.Semaphore:
        """Where a message waits for its turn: a loud one never behind edits, which may be many."""
        return self._places[delivery.is_loud]

    def takes(self, key: DeliveryKey) -> bool:
        """Whether a message may be kept in memory; otherwise it is noted that there is more."""
        if key in self.keys:
            return True
        if self.is_reading or len(self.keys) >= OWED_AT_ONCE:
            self.has_more = True
            return False
        return True

    @property
    def wants_more(self) -> bool:
        """Whether to read from the table: half of the room is free again."""
        return self.has_more and not self.is_reading and len(self.keys) <= OWED_AT_ONCE // 2

    def failed(self, error: Exception) -> bool:
        """Note why a message did not go.

        Returns:
            Whether that was a failure: what was not tried yet is none.
        """
        is_failure = not isinstance(error, DeliveryLaterError)
        if is_failure or self.breaker.state is BreakerState.HALF_OPEN:
            self.breaker.failed()
        if is_failure:
            self.problem = sentence(error)
        return is_failure

    async def close(self) -> None:
        """Wait for the tries at hand; no other begins."""
        for places in self._places.values():
            for _ in range(self._at_once):
                await places.acquire()


class Times:
    """How old a message is and when it may be tried again, whatever becomes of the wall clock.

    What a former run left is as old as the wall clock says, which is all that is left of it.

    Args:
        delivery: The message.
        longest_s: No pause is longer.
        clock: Source of time.
    """

    def __init__(self, delivery: Delivery, longest_s: float, clock: Clock) -> None:
        self._clock = clock
        now, now_s = clock.utc_now(), self._now_s()
        self._wanted_s = now_s - max(0.0, (now - delivery.queued_at).total_seconds())
        left_s = 0.0 if delivery.retry_at is None else (delivery.retry_at - now).total_seconds()
        self._again_s = now_s + min(left_s, longest_s)
        self._began_s = now_s
        self._is_asked = True  # nobody knows any more who wanted the pause of a former run
        self._pausing: asyncio.Timeout | None = None

    @property
    def waited_s(self) -> float:
        """Seconds since it is owed here: since its first revision that was not sent."""
        return self._now_s() - self._began_s

    @property
    def age_s(self) -> float:
        """Seconds since it was wanted first."""
        return self._now_s() - self._wanted_s

    @property
    def left_s(self) -> float:
        """Seconds until it may be tried again; 0 or less: now."""
        return self._again_s - self._now_s()

    def pause(self, seconds: float, *, is_asked: bool = False) -> None:
        """It may be tried again after so long, which the far side may have asked for."""
        self._again_s, self._is_asked = self._now_s() + seconds, is_asked

    def end_pause(self) -> None:
        """It became urgent: it may be tried at once, unless the far side asked for the pause."""
        if self._is_asked:
            return
        self._again_s = self._now_s()
        if self._pausing is not None and not self._pausing.expired():
            self._pausing.reschedule(asyncio.get_running_loop().time())

    async def until_due(self) -> None:
        """Wait until it may be tried again."""
        if self.left_s <= 0:
            return
        try:
            with suppress(TimeoutError):  # its pause was ended
                async with asyncio.timeout(None) as self._pausing:
                    await self._clock.sleep(self.left_s)
        finally:
            self._pausing = None

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9


def pause_after_s(attempts: int, first_s: float, longest_s: float) -> float:
    """Seconds until the next try.

    Args:
        attempts: Failures so far, at least 1.
        first_s: Pause after the first; doubles with each further.
        longest_s: No pause is longer.
    """
    doubled_s = first_s * 2.0 ** min(attempts - 1, MAX_DOUBLINGS)
    chance = random.random()  # noqa: S311 - no secret hangs on it
    return min(longest_s, doubled_s) * (1 - JITTER * chance)
