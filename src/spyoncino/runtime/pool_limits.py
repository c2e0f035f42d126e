"""Every number that decides something in the worker pool."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Bounds and patience of a worker pool.

    Args:
        max_queue_size: Jobs that wait; presses and retries may exceed it.
        job_timeout_s: Hard limit of one attempt (a kind of task may have its own); the worker is
            killed and the job retried.
        continuous_deadline_s: A continuous job without its own deadline is dropped when it waited
            this long: nobody wants to know any more what was in that frame.
        press_patience_s: How long a press without its own deadline is retried; as long as the
            longest event lasts.
        max_retry_delay_s: Ceiling of the doubling wait between retries.
        heartbeat_interval_s: How often a worker says that it lives.
        heartbeat_timeout_s: Silence after which it counts as hung. Four missed beats and some
            room for a machine that swaps.
        start_timeout_s: Until a new worker must have built its tasks. A Raspberry Pi with a cold
            cache needs several seconds to load the model libraries, and beats nothing meanwhile.
        worker_restart_threshold: Failed jobs in a row after which a worker is replaced, because
            its model or device may be in a bad state.
        worker_memory_bytes: An idle worker that holds more, and half as much again as when it was
            ready, is replaced: something leaks. A model that needs more from the start may.
        restart_delay_s: Wait before the second fruitless restart; doubles. The first is at once.
        max_restart_delay_s: Ceiling of that wait.
        give_up_after: Starts in a row that brought no finished job, after which the pool stops
            counting on this worker.
        second_chance_s: A worker that was given up is still tried again this often.
        stop_timeout_s: Until everything is gone after ``stop``.
        tick_s: How often the supervisor looks.
    """

    max_queue_size: int = 100
    job_timeout_s: float = 30.0
    continuous_deadline_s: float = 30.0
    press_patience_s: float = 300.0
    max_retry_delay_s: float = 30.0
    heartbeat_interval_s: float = 0.5
    heartbeat_timeout_s: float = 2.5
    start_timeout_s: float = 30.0
    worker_restart_threshold: int = 10
    worker_memory_bytes: int = 1_000_000_000
    restart_delay_s: float = 0.1
    max_restart_delay_s: float = 30.0
    give_up_after: int = 10
    second_chance_s: float = 60.0
    stop_timeout_s: float = 10.0
    tick_s: float = 0.1
