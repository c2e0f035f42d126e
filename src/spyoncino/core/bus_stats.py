"""Numbers of the bus: what each subscriber counts, and how that becomes a ``BusStatus``."""

from collections import deque

LATENCY_SAMPLES = 512
"""Latest waiting times kept for a subscriber: enough for a p99, sorted in about 0.05 ms."""


class Throttle:
    """Lets one thing pass, then nothing for a period; counts what it held back.

    Args:
        every_ns: Length of the period in nanoseconds.
    """

    __slots__ = ("_every_ns", "_held", "_next_ns")

    def __init__(self, every_ns: int) -> None:
        self._every_ns = every_ns
        self._next_ns: int | None = None
        self._held = 0

    def passes(self, now_ns: int) -> bool:
        """Whether this one may pass."""
        if self._next_ns is not None and now_ns < self._next_ns:
            self._held += 1
            return False
        self._next_ns = now_ns + self._every_ns
        return True

    def take_held(self) -> int:
        """How many were held back since this was asked last."""
        held, self._held = self._held, 0
        return held


class SubscriberCounters:
    """Every message offered to a subscriber is, in the end, counted in exactly one of three.

    Attributes:
        delivered: Its handler returned.
        failed: Its handler raised.
        dropped: It was never handed out, or the handler was interrupted by the end of the bus.
        faults_in_a_row: Errors that nobody raised on purpose, since a message was handled last.
        waited_ns: Latest times from publish to the start of handling, in nanoseconds.
    """

    __slots__ = ("delivered", "dropped", "failed", "faults_in_a_row", "waited_ns")

    def __init__(self) -> None:
        self.delivered = 0
        self.failed = 0
        self.dropped = 0
        self.faults_in_a_row = 0
        self.waited_ns: deque[int] = deque(maxlen=LATENCY_SAMPLES)

    def add(self, other: "SubscriberCounters") -> None:
        """Add another subscriber's counts; waiting times are left out."""
        self.delivered += other.delivered
        self.failed += other.failed
        self.dropped += other.dropped

    def waited_ms(self, *quantiles: float) -> tuple[float, ...]:
        """Quantiles (each 0..1) of the waiting time in milliseconds; 0 before the first message.

        The nearest rank is taken, so that each answer is a time that really occurred.
        """
        ordered = sorted(self.waited_ns)
        if not ordered:
            return tuple(0.0 for _ in quantiles)
        last = len(ordered) - 1
        return tuple(ordered[round(quantile * last)] / 1e6 for quantile in quantiles)
