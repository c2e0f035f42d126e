"""Quantiles, rates and counters of the pool."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.runtime.jobs import JobMetrics, JobResult, Outcome, Priority
from spyoncino.runtime.pool_stats import PoolMeter, Quantiles

SECOND_NS = 1_000_000_000


def done(total_ms: float = 1.0) -> JobResult:
    """A job that went well."""
    metrics = JobMetrics(waited_ms=total_ms / 4, processing_time_ms=total_ms / 2, total_ms=total_ms)
    return JobResult("a-1", Outcome.DONE, metrics=metrics)


def test_quantiles_of_nothing_are_zero() -> None:
    assert Quantiles.of([]) == Quantiles()


def test_quantiles_are_values_that_occurred() -> None:
    assert Quantiles.of(range(100, -1, -1)) == Quantiles(50, 95, 99, 100)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_quantiles_never_fall(values: list[float]) -> None:
    quantiles = Quantiles.of(values)

    assert quantiles.p50_ms <= quantiles.p95_ms <= quantiles.p99_ms <= quantiles.max_ms
    assert quantiles.max_ms == max(values)


def test_shed_jobs_are_counted_by_class_and_failures_are_not() -> None:
    meter = PoolMeter(0)
    meter.count(Priority.CONTINUOUS, JobResult("1", Outcome.EXPIRED), 0)
    meter.count(Priority.BACKGROUND, JobResult("2", Outcome.REJECTED), 0)
    meter.count(Priority.PRESS, JobResult("3", Outcome.FAILED), 0)

    assert meter.shed == {Priority.CONTINUOUS: 1, Priority.BACKGROUND: 1}
    assert meter.error_rate == 1.0
    assert meter.mean_processing_ms == 0.0


def test_rate_of_a_young_pool_counts_from_its_beginning() -> None:
    meter = PoolMeter(100 * SECOND_NS)
    for second in (100, 101):
        meter.count(Priority.CONTINUOUS, done(), second * SECOND_NS)

    assert meter.rate(102 * SECOND_NS) == pytest.approx(1.0)
    assert meter.rate(200 * SECOND_NS) == 0.0


def test_rate_holds_when_more_jobs_are_done_than_are_kept() -> None:
    meter = PoolMeter(0)
    for number in range(5000):
        meter.count(Priority.CONTINUOUS, done(), number * SECOND_NS // 1000)

    assert meter.rate(5 * SECOND_NS) == pytest.approx(1000, rel=0.01)


def test_durations_are_kept_apart() -> None:
    meter = PoolMeter(0)
    meter.count(Priority.CONTINUOUS, done(8.0), 0)

    assert meter.waited.p50_ms == 2.0
    assert meter.processing.p50_ms == meter.mean_processing_ms == 4.0
    assert meter.total.max_ms == 8.0
    assert meter.error_rate == 0.0
