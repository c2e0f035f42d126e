"""Fixed buckets and rates."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.core.histogram import LATENCY_BOUNDS_S, Histogram, Rate
from spyoncino.core.latency_budget import STAGES


@given(st.lists(st.floats(0, 100), max_size=50))
def test_every_value_is_counted_in_exactly_one_bucket(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    assert histogram.count == len(values)
    assert math.isclose(histogram.total, sum(values), abs_tol=1e-9)
    for bound, count in histogram.cumulative():
        assert count == sum(value <= bound for value in values)


@given(st.lists(st.floats(0, 60), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    ranked = sorted(values)
    true = ranked[max(0, math.ceil(share * len(ranked)) - 1)]
    upper = min(bound for bound in LATENCY_BOUNDS_S if true <= bound)
    lower = max((bound for bound in (0.0, *LATENCY_BOUNDS_S) if bound < true), default=0.0)
    assert lower <= histogram.quantile(share) <= upper


def test_an_empty_histogram_is_within_every_budget() -> None:
    assert Histogram().quantile(0.95) == 0.0
    assert Histogram().share_within(0.1) == 1.0


def test_the_share_within_a_bound_is_counted() -> None:
    histogram = Histogram()
    for value in (0.05, 0.1, 0.100001, 3.0):
        histogram.observe(value)
    assert histogram.share_within(0.1) == 0.5
    with pytest.raises(ValueError, match="tuple"):
        histogram.share_within(0.11)


def test_what_is_beyond_the_last_bound_is_told_as_the_last_bound() -> None:
    histogram = Histogram()
    histogram.observe(1000.0)
    assert histogram.quantile(0.5) == LATENCY_BOUNDS_S[-1]


def test_every_budget_is_a_bound() -> None:
    budgets = {stage.budget_s for stage in STAGES if stage.budget_s is not None}
    assert budgets <= set(LATENCY_BOUNDS_S)


def test_a_rate_is_that_of_the_last_ten_whole_seconds() -> None:
    rate = Rate()
    assert rate.per_s(0) == 0.0
    for tenth in range(200):  # ten a second for twenty seconds
        rate.note(tenth * 100_000_000)
    assert rate.per_s(20_000_000_000) == 10.0
    assert rate.per_s(25_500_000_000) == 5.0
    assert rate.per_s(60_000_000_000) == 0.0
    assert rate.count == 200


def test_a_young_rate_is_that_of_its_own_seconds() -> None:
    rate = Rate()
    for half in range(6):
        rate.note(1_000_000_000 + half * 500_000_000)
    assert rate.per_s(1_500_000_000) == 0.0
    assert rate.per_s(4_000_000_000) == 2.0
