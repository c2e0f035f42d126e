"""Notices when the packets between key frames grow: something moves that the encoder must describe.

A cumulative sum (Page 1954) over the logarithm of the sizes, in robust deviations from their median
over the last seconds. So it adapts to night noise and rate control, one fat packet a second (a
clock in the picture, an intra refresh) is no alarm, and a small but lasting growth is one.
"""

import math
from bisect import bisect_left, insort
from collections import deque

WINDOW = 250
"""Packets that make the usual: 10 s of 25 a second."""

MIN_KNOWN = 20
"""Packets before anything is said."""

OFFSET_BYTES = 1500
"""Added to every size: between 50 and 500 bytes, the packets of a picture without noise, lies
nothing; somebody who enters adds kilobytes."""

MIN_DEVIATION = 0.05
"""Least spread of the logarithms: a rate control that is exact to 5 % has no smaller one."""

MAX_STEP = 8.0
"""One packet adds this many deviations at most."""

SLACK = 1.0
"""Deviations that a packet may be too large for nothing to add up."""

LIMIT = 12.0
"""Sum of an alarm: two packets in a row that are far too large, or twelve by two deviations."""

BLAME_FACTOR = 1.5
MAX_LIMIT = 8 * LIMIT
"""After an alarm in which nothing moved the limit is raised, up to here; key frames are compared
in any case."""

FORGIVE_PACKETS = 3000
"""The limit falls back by one step after so many packets (two minutes of 25 a second)."""

MAD_TO_DEVIATION = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution."""

SURVEY_EVERY = 8
"""The spread changes slowly and is measured for every eighth packet."""


class PacketSizes:
    """The usual sizes of one stream, and what is unusual."""

    def __init__(self) -> None:
        self._order: deque[float] = deque()
        self._sorted: list[float] = []
        self._deviation = MIN_DEVIATION
        self._sum = 0.0
        self._limit = LIMIT
        self._learned = 0
        self._blamed_at = 0

    @property
    def is_known(self) -> bool:
        """Whether enough packets of a quiet scene were seen."""
        return len(self._sorted) >= MIN_KNOWN

    @property
    def limit(self) -> float:
        """Sum from which on there is an alarm; higher after false ones."""
        return self._limit

    def learn(self, size_bytes: int) -> None:
        """A packet of a quiet scene has this size."""
        value = math.log(size_bytes + OFFSET_BYTES)
        if len(self._order) == WINDOW:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
        self._order.append(value)
        insort(self._sorted, value)
        self._learned += 1
        if self._learned % SURVEY_EVERY == 0:
            self._survey()
        if self._limit > LIMIT and self._learned - self._blamed_at > FORGIVE_PACKETS:
            self._limit = max(LIMIT, self._limit / BLAME_FACTOR)
            self._blamed_at = self._learned

    def is_jump(self, size_bytes: int) -> bool:
        """Add a packet to the sum; whether packets have grown by now."""
        if not self.is_known:
            return True
        middle = self._sorted[len(self._sorted) // 2]
        step = (math.log(size_bytes + OFFSET_BYTES) - middle) / self._deviation
        self._sum = max(0.0, self._sum + min(step, MAX_STEP) - SLACK)
        return self._sum >= self._limit

    def restart(self) -> None:
        """Begin the sum again."""
        self._sum = 0.0

    def blame(self) -> None:
        """The last alarm was none: be less easily alarmed for a while."""
        self._limit = min(MAX_LIMIT, self._limit * BLAME_FACTOR)
        self._blamed_at = self._learned

    def _survey(self) -> None:
        middle = self._sorted[len(self._sorted) // 2]
        distances = sorted(abs(value - middle) for value in self._sorted)
        deviation = MAD_TO_DEVIATION * distances[len(distances) // 2]
        self._deviation = max(MIN_DEVIATION, deviation)
