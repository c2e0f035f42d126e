"""Drift and jitter from made-up arrivals."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.media.stream_clock import MAX_STRETCHES, clock_figures


def arrivals(
    drift: float, seconds: float = 12, fps: float = 15, late_s: float = 0.0, burst_s: float = 0.0
) -> list[tuple[float, float]]:
    """Times of a camera whose clock runs fast by ``drift``, over a network that delays."""
    chance = random.Random(7)  # noqa: S311 -- no secret
    found = []
    for number in range(round(seconds * fps)):
        sent_s = number / fps
        arrived_s = max(burst_s, sent_s + chance.uniform(0, late_s))
        found.append((sent_s * (1 + drift), 1000.0 + arrived_s))
    return found


@given(st.floats(-0.02, 0.02), st.floats(0, 0.2), st.floats(0, 1), st.floats(12, 40))
def test_drift_is_found_through_jitter_and_the_burst_of_the_beginning(
    drift: float, late_s: float, burst_s: float, seconds: float
) -> None:
    figures = clock_figures(arrivals(drift, seconds, late_s=late_s, burst_s=burst_s))
    assert figures is not None
    # The quickest of 15 pictures a second is late_s / 16 late on average.
    allowed_ppm = 1 + 1e6 * 0.5 * late_s / seconds
    allowed_ppm = max(allowed_ppm + abs(drift) * 100, 3 * figures.drift_error_ppm)
    assert figures.drift_ppm == pytest.approx(drift * 1e6, abs=allowed_ppm)
    assert figures.jitter_ms <= 1.3 * late_s * 1000 + 1


def test_the_error_tells_how_far_the_drift_can_be_trusted() -> None:
    calm = clock_figures(arrivals(0.001, late_s=0.001))
    wild = clock_figures(arrivals(0.001, late_s=0.4))
    assert calm is not None
    assert wild is not None
    assert calm.drift_error_ppm < 100 < wild.drift_error_ppm
    assert abs(wild.drift_ppm - 1000) < 2 * wild.drift_error_ppm
    assert wild.jitter_ms > 300


def test_too_little_says_nothing() -> None:
    assert clock_figures([]) is None
    assert clock_figures(arrivals(0, seconds=1)) is None
    assert clock_figures(arrivals(0, seconds=6)) is None


def test_a_long_watch_costs_no_more() -> None:
    figures = clock_figures(arrivals(-0.0005, seconds=3600, fps=2, late_s=0.05))
    assert figures is not None
    assert figures.drift_ppm == pytest.approx(-500, abs=5)
    assert MAX_STRETCHES <= 60
