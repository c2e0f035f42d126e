"""A circuit breaker: what failed too often is left alone for a while, then tried once.

Pure state over an injected clock; it calls nothing itself, so that it fits whatever may fail: the
restart of a module, a channel to a far service::

    if breaker.may_try():
        error = await guarded(send())
        breaker.failed() if error else breaker.succeeded()
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from spyoncino.clock import Clock


class BreakerState(StrEnum):
    """What the breaker lets through."""

    CLOSED = "closed"
    """Everything."""
    OPEN = "open"
    """Nothing, until its pause is over."""
    HALF_OPEN = "half_open"
    """One trial, whose outcome decides."""


@dataclass(frozen=True, slots=True)
class BreakerSpec:
    """When a breaker opens and for how long.

    Args:
        failures: So many within the window open it, at least 1.
        window_s: A failure counts for so long.
        pause_s: Open for so long before a trial; twice as long after each trial that fails.
        longest_pause_s: The pause grows no further.
    """

    failures: int = 3
    window_s: float = 600.0
    pause_s: float = 600.0
    longest_pause_s: float = 86_400.0


class Breaker:
    """One thing that may fail.

    Args:
        spec: When it opens.
        clock: Source of time.
    """

    def __init__(self, spec: BreakerSpec, clock: Clock) -> None:
        self._spec = spec
        self._clock = clock
        self._state = BreakerState.CLOSED
        self._failed_ns: deque[int] = deque(maxlen=max(1, spec.failures))
        self._pause_s = spec.pause_s
        self._opened_ns = 0

    @property
    def state(self) -> BreakerState:
        """What it lets through now; asking changes nothing."""
        return self._state

    @property
    def recent_failures(self) -> int:
        """Failures within the window."""
        since_ns = self._clock.monotonic_ns() - round(self._spec.window_s * 1e9)
        return sum(failed_ns > since_ns for failed_ns in self._failed_ns)

    @property
    def opens_in_s(self) -> float:
        """Seconds until a trial may be made; 0 when it is not open."""
        if self._state is not BreakerState.OPEN:
            return 0.0
        open_for_s = (self._clock.monotonic_ns() - self._opened_ns) / 1e9
        return max(0.0, self._pause_s - open_for_s)

    def may_try(self) -> bool:
        """Whether to try now.

        A ``True`` of an open breaker is the one trial: nobody else gets one until ``succeeded`` or
        ``failed`` was called.
        """
        if self._state is BreakerState.OPEN and self.opens_in_s <= 0:
            self._state = BreakerState.HALF_OPEN
            return True
        return self._state is BreakerState.CLOSED

    def failed(self) -> bool:
        """Note a failure.

        Returns:
            Whether it opened the breaker.
        """
        self._failed_ns.append(self._clock.monotonic_ns())
        if self._state is BreakerState.HALF_OPEN:
            self._pause_s = min(2 * self._pause_s, self._spec.longest_pause_s)
            return self._open()
        if self._state is BreakerState.CLOSED and self.recent_failures >= self._spec.failures:
            return self._open()
        return False

    def succeeded(self) -> None:
        """Note that it works: a trial closes the breaker; a closed one keeps what it counted.

        One success among many failures does not mean that it is mended: failures are forgotten
        with the window, or with a trial that worked.
        """
        if self._state is BreakerState.HALF_OPEN:
            self.reset()

    def reset(self) -> None:
        """Forget everything, as when somebody mended it by hand."""
        self._state = BreakerState.CLOSED
        self._failed_ns.clear()
        self._pause_s = self._spec.pause_s

    def _open(self) -> bool:
        self._state = BreakerState.OPEN
        self._opened_ns = self._clock.monotonic_ns()
        return True
