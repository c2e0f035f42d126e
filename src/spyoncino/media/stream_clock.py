"""A camera's clock against ours, from when its pictures should and did arrive. Pure.

A network only ever delays. The quickest picture of each short stretch is therefore the best witness
of the camera's clock, and the slope through the quickest ones (Theil-Sen: the median of the slopes
between all pairs, which a few late ones do not move) is its drift.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

SETTLE_S = 2.0
"""What piled up while connecting comes in one burst; it says nothing about clocks."""

STRETCH_S = 1.0
"""Length of a stretch of which the quickest picture counts; longer when watched for long."""

MAX_STRETCHES = 60
MIN_STRETCHES = 5
"""Fewer say nothing."""


@dataclass(frozen=True, slots=True)
class ClockFigures:
    """How a stream's times compare with the local clock.

    Args:
        drift_ppm: How much faster the camera's clock runs, in microseconds a second; negative when
            it runs slow.
        drift_error_ppm: The drift is known to this much, plus and minus (95 %).
        jitter_ms: 95 of 100 pictures come within so many milliseconds of the quickest ones.
    """

    drift_ppm: float
    drift_error_ppm: float
    jitter_ms: float


def clock_figures(times: Sequence[tuple[float, float]]) -> ClockFigures | None:
    """Compare two clocks.

    Args:
        times: Of each picture, the stream's time and the local time of its arrival, in seconds, in
            the order of arrival.

    Returns:
        The figures; ``None`` when less than seven seconds were seen.
    """
    if not times:
        return None
    from_s = times[0][1] + SETTLE_S
    settled = [(arrived_s, arrived_s - at_s) for at_s, arrived_s in times if arrived_s >= from_s]
    quickest = _quickest(settled)
    if len(quickest) < MIN_STRETCHES:
        return None
    slope = median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(quickest, 2))
    base = median(delay_s - slope * at_s for at_s, delay_s in quickest)
    off_s = median(abs(delay_s - slope * at_s - base) for at_s, delay_s in quickest)
    span_s = quickest[-1][0] - quickest[0][0]
    # Standard error of a fitted slope over evenly spread points; 1.48 MAD is a standard deviation.
    error = 2 * 1.48 * off_s * math.sqrt(12 / len(quickest)) / span_s
    late = sorted(delay_s - slope * at_s for at_s, delay_s in settled)
    return ClockFigures(
        drift_ppm=round(-slope * 1e6, 1),
        drift_error_ppm=round(error * 1e6, 1),
        jitter_ms=round((late[int(0.95 * (len(late) - 1))] - late[0]) * 1000, 1),
    )


def _quickest(settled: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Arrival and delay of the quickest picture of each stretch."""
    if not settled:
        return []
    stretch_s = max(STRETCH_S, (settled[-1][0] - settled[0][0]) / MAX_STRETCHES)
    best: dict[int, tuple[float, float]] = {}
    for arrived_s, delay_s in settled:
        number = int((arrived_s - settled[0][0]) / stretch_s)
        if number not in best or delay_s < best[number][1]:
            best[number] = (arrived_s, delay_s)
    return list(best.values())
