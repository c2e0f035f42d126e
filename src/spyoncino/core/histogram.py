"""Fixed-bucket counting of durations and scores, cheap enough for every frame."""

from bisect import bisect_left
from collections.abc import Sequence

LATENCY_BOUNDS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
)
"""Upper ends in seconds; every latency budget is one of them, so that the share within a budget is
counted and not estimated."""

SCORE_BOUNDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Upper ends of confidences, 0..1."""

RATE_WINDOW_S = 10
"""A rate is that of the last ten whole seconds."""

_NS_PER_S = 1_000_000_000


class Histogram:
    """Counts values in fixed buckets; one observation is a binary search and two additions.

    Args:
        bounds: Upper ends of the buckets, rising; each belongs to its bucket. What is larger than
            the last is counted in one more.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = LATENCY_BOUNDS_S) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """Values counted."""
        return sum(self.counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """Each upper end with the number of values at or below it, infinity last."""
        found: list[tuple[float, int]] = []
        below = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            below += count
            found.append((bound, below))
        return found

    def share_within(self, bound: float) -> float:
        """Share of the values at or below one of the bounds; 1 before the first value.

        Raises:
            ValueError: It is no upper end of a bucket.
        """
        last = self.bounds.index(bound)
        count = self.count
        return sum(self.counts[: last + 1]) / count if count else 1.0

    def quantile(self, share: float) -> float:
        """About where this share (0..1) of the values lies; 0 before the first value.

        Linear within the bucket, as Prometheus does it; beyond the last bound it is that bound.
        """
        rank = share * self.count
        below, begin = 0, 0.0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            if count and below + count >= rank:
                return begin + (bound - begin) * max(0.0, rank - below) / count
            below += count
            begin = bound
        return self.bounds[-1] if self.count else 0.0


class Rate:
    """Things per second over the last ten whole seconds."""

    __slots__ = ("_counts", "_first_s", "_seconds", "count")

    def __init__(self) -> None:
        self._seconds = [-1] * (RATE_WINDOW_S + 1)
        self._counts = [0] * (RATE_WINDOW_S + 1)
        self._first_s: int | None = None
        self.count = 0

    def note(self, now_ns: int) -> None:
        """One more."""
        second = now_ns // _NS_PER_S
        place = second % len(self._seconds)
        if self._seconds[place] != second:
            self._seconds[place] = second
            self._counts[place] = 0
        if self._first_s is None:
            self._first_s = second
        self._counts[place] += 1
        self.count += 1

    def per_s(self, now_ns: int) -> float:
        """How many a second, the running second left out; 0 before the first whole second."""
        now_s = now_ns // _NS_PER_S
        if self._first_s is None:
            return 0.0
        window_s = min(RATE_WINDOW_S, now_s - self._first_s)
        if window_s <= 0:
            return 0.0
        recent = zip(self._seconds, self._counts, strict=True)
        return sum(n for second, n in recent if now_s - window_s <= second < now_s) / window_s
