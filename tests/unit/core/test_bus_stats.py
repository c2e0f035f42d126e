"""Counters and throttles of the bus."""

from spyoncino.core.bus_stats import LATENCY_SAMPLES, SubscriberCounters, Throttle


def test_throttle_lets_one_pass_in_a_period_and_counts_the_rest() -> None:
    throttle = Throttle(100)
    assert throttle.passes(0)
    assert not throttle.passes(0)
    assert not throttle.passes(99)
    assert throttle.passes(100)
    assert not throttle.passes(199)
    assert throttle.passes(250)
    assert throttle.take_held() == 3
    assert throttle.take_held() == 0


def test_sums_leave_waiting_times_out() -> None:
    one, other = SubscriberCounters(), SubscriberCounters()
    one.delivered, one.failed, one.dropped = 1, 2, 3
    other.delivered, other.failed, other.dropped = 10, 20, 30
    other.waited_ns.append(5)
    one.add(other)
    assert (one.delivered, one.failed, one.dropped) == (11, 22, 33)
    assert not one.waited_ns


def test_quantiles_are_times_that_occurred() -> None:
    counters = SubscriberCounters()
    counters.waited_ns.extend(range(100_000_000, -1, -1_000_000))
    assert counters.waited_ms(0.0, 0.5, 0.99, 1.0) == (0.0, 50.0, 99.0, 100.0)


def test_quantiles_before_the_first_message_are_zero() -> None:
    assert SubscriberCounters().waited_ms(0.5, 0.99) == (0.0, 0.0)


def test_only_the_latest_waiting_times_count() -> None:
    counters = SubscriberCounters()
    counters.waited_ns.append(10**12)
    counters.waited_ns.extend([1_000_000] * LATENCY_SAMPLES)
    assert counters.waited_ms(1.0) == (1.0,)
