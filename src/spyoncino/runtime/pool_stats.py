"""Figures of the worker pool: what it counted, and how long things took."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from spyoncino.runtime.jobs import JobResult, Outcome, Priority

_KEPT: Final = 1024
"""Jobs over which quantiles and averages are taken."""

_RATE_WINDOW_NS: Final = 10_000_000_000
"""The job rate is that of the last ten seconds."""


class PoolState(StrEnum):
    """How the pool is doing.

    ``degraded``: fewer workers than asked for, the rest goes on. ``failed``: no worker is left to
    count on; they are still tried again from time to time.
    """

    STARTING = "starting"
    RUNNING = "running"
    DEGRADED = "degraded"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of one duration, over the last jobs; all 0 before the first."""

    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0

    @classmethod
    def of(cls, values_ms: Iterable[float]) -> "Quantiles":
        """Nearest-rank quantiles."""
        ranked = sorted(values_ms)
        if not ranked:
            return cls()
        last = len(ranked) - 1
        p50, p95, p99 = (ranked[round(share * last)] for share in (0.5, 0.95, 0.99))
        return cls(p50, p95, p99, ranked[-1])


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """One worker.

    Args:
        worker_id: ``worker-1`` and so on; stays when its process is replaced.
        state: starting, idle, busy, waiting (for its restart) or given_up.
        pid: Of the present process; 0 if there is none.
        jobs_done: Answers, good or bad.
        restarts: Processes after the first.
        busy_share: Share of the last ten seconds spent on jobs, 0..1.
        pss_bytes: Proportional share of physical memory, measured every few seconds.
        build_ms: What its last start spent on building tasks.
        error: Why its last process ended; empty while it is well.
    """

    worker_id: str
    state: str
    pid: int
    jobs_done: int
    restarts: int
    busy_share: float
    pss_bytes: int
    build_ms: float
    error: str


@dataclass(frozen=True, slots=True)
class PoolStats:
    """The whole pool at one moment.

    Args:
        state: How it is doing.
        worker_count: Workers asked for.
        workers_ready: Workers that are idle or busy.
        queue_size: Jobs that wait in the queue.
        queue_by_priority: The same by class.
        pending_jobs: Jobs accepted and not yet settled: waiting, running or between retries.
        in_flight: Jobs that a worker has now.
        job_count: Jobs done.
        job_errors: Jobs that failed after their retries.
        retried: Attempts that were repeated.
        expired: Jobs dropped because of their deadline.
        rejected: Jobs turned away because the queue was full.
        evicted: Jobs thrown out for a more urgent one.
        cancelled: Jobs withdrawn by the caller or by ``stop``.
        shed_by_priority: Expired, rejected and evicted jobs by class.
        restarts: Worker processes started after the first ones.
        job_rate: Jobs done per second, over the last ten seconds.
        error_rate: Failed jobs as a share of those done or failed, 0..1.
        avg_processing_time_ms: Inside the task, mean of the last jobs done.
        waited: From acceptance to the last attempt.
        processing: Inside the task.
        total: From acceptance to the result.
        workers: One row each.
    """

    state: PoolState
    worker_count: int
    workers_ready: int
    queue_size: int
    queue_by_priority: Mapping[Priority, int]
    pending_jobs: int
    in_flight: int
    job_count: int
    job_errors: int
    retried: int
    expired: int
    rejected: int
    evicted: int
    cancelled: int
    shed_by_priority: Mapping[Priority, int]
    restarts: int
    job_rate: float
    error_rate: float
    avg_processing_time_ms: float
    waited: Quantiles
    processing: Quantiles
    total: Quantiles
    workers: tuple[WorkerStats, ...]


@dataclass(frozen=True, slots=True)
class PoolPressure:
    """How much work waits; cheap enough for every second.

    Args:
        continuous_wait_s: Age of the oldest continuous job that waits.
        background_wait_s: Age of the oldest background job that waits.
        continuous_shed: Continuous jobs expired, rejected or evicted so far.
    """

    continuous_wait_s: float = 0.0
    background_wait_s: float = 0.0
    continuous_shed: int = 0


class PoolMeter:
    """Counts how jobs end; cheap enough for every job.

    Args:
        begun_ns: Monotonic time at which counting begins.
    """

    def __init__(self, begun_ns: int) -> None:
        self._begun_ns = begun_ns
        self.retried = 0
        self.evicted = 0
        self.by_outcome: Counter[Outcome] = Counter()
        self.shed: Counter[Priority] = Counter()
        self._done_ns: deque[int] = deque(maxlen=_KEPT)
        self._waited_ms: deque[float] = deque(maxlen=_KEPT)
        self._processing_ms: deque[float] = deque(maxlen=_KEPT)
        self._total_ms: deque[float] = deque(maxlen=_KEPT)

    def count(self, priority: Priority, result: JobResult, now_ns: int) -> None:
        """A job was settled."""
        self.by_outcome[result.outcome] += 1
        if result.outcome in (Outcome.EXPIRED, Outcome.REJECTED):
            self.shed[priority] += 1
        if result.success:
            self._done_ns.append(now_ns)
            self._waited_ms.append(result.metrics.waited_ms)
            self._processing_ms.append(result.metrics.processing_time_ms)
            self._total_ms.append(result.metrics.total_ms)

    def rate(self, now_ns: int) -> float:
        """Jobs done per second, lately."""
        recent = [done_ns for done_ns in self._done_ns if now_ns - done_ns < _RATE_WINDOW_NS]
        since_ns = max(self._begun_ns, now_ns - _RATE_WINDOW_NS)
        if len(recent) == _KEPT:  # there were more in the window than are kept
            since_ns = recent[0]
        return len(recent) * 1e9 / max(now_ns - since_ns, 1)

    @property
    def error_rate(self) -> float:
        """Share of failed jobs, 0..1."""
        failed = self.by_outcome[Outcome.FAILED]
        return failed / max(failed + self.by_outcome[Outcome.DONE], 1)

    @property
    def mean_processing_ms(self) -> float:
        """Inside the task, over the last jobs done."""
        return sum(self._processing_ms) / max(len(self._processing_ms), 1)

    @property
    def waited(self) -> Quantiles:
        """From acceptance to the last attempt."""
        return Quantiles.of(self._waited_ms)

    @property
    def processing(self) -> Quantiles:
        """Inside the task."""
        return Quantiles.of(self._processing_ms)

    @property
    def total(self) -> Quantiles:
        """From acceptance to the result."""
        return Quantiles.of(self._total_ms)
