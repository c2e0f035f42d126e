"""The pool's numbers fit together."""

from spyoncino.runtime.pool_limits import PoolLimits


def test_defaults_are_those_the_specification_names() -> None:
    limits = PoolLimits()

    assert (limits.max_queue_size, limits.job_timeout_s) == (100, 30.0)
    assert (limits.worker_restart_threshold, limits.stop_timeout_s) == (10, 10.0)


def test_worker_may_miss_several_beats_before_it_counts_as_hung() -> None:
    limits = PoolLimits()

    assert limits.heartbeat_timeout_s >= 4 * limits.heartbeat_interval_s
    assert limits.tick_s < limits.heartbeat_interval_s
