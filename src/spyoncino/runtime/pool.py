"""The worker pool: jobs in, results out, worker processes looked after.

It runs on the event loop and never blocks it. Delivery is at least once: a job whose worker died or
hung may have been done before, so tasks that write files write them atomically.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from spyoncino.clock import Clock
from spyoncino.errors import JobRejectedError, UsageError
from spyoncino.runtime.dispatcher import Dispatcher
from spyoncino.runtime.jobs import Job, JobResult, Outcome, Priority, TaskSpec
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.pool_stats import PoolPressure, PoolState, PoolStats
from spyoncino.runtime.worker_link import Launcher, ProcessWorkers

_DEFAULT_LIMITS: Final = PoolLimits()


class WorkerPool:
    """A fixed number of supervised worker processes behind one bounded priority queue.

    Each worker has one job at a time, so jobs in flight never exceed the workers: a second one
    waiting inside a worker would stand behind a long one, and a press behind it. For the same
    reason background jobs never take the last worker of several, except in lossless runs.

    Args:
        tasks: What the workers can do; kinds are unique.
        workers: How many processes, at least 1.
        clock: Source of time.
        limits: Bounds and patience.
        lossless: Nothing is dropped and no deadline holds; ``submit`` waits for room.
        launcher: Starts workers; processes when not given, tests may pass ``InlineWorkers``.

    Attributes:
        worker_count: Workers asked for.

    Raises:
        UsageError: No worker, no task, or a kind twice.
    """

    def __init__(
        self,
        tasks: Sequence[TaskSpec],
        workers: int,
        clock: Clock,
        *,
        limits: PoolLimits = _DEFAULT_LIMITS,
        lossless: bool = False,
        launcher: Launcher | None = None,
    ) -> None:
        if workers < 1 or not tasks or len({task.kind for task in tasks}) < len(tasks):
            raise UsageError("A worker pool needs at least one worker and tasks of unique kinds.")
        self.worker_count = workers
        self._clock = clock
        self._limits = limits
        self._lossless = lossless
        self._dispatcher = Dispatcher(
            tasks, workers, clock, limits, launcher or ProcessWorkers(), lossless=lossless
        )
        self._state = PoolState.STOPPED
        self._supervisor: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def state(self) -> PoolState:
        """How the pool is doing."""
        crew = self._dispatcher.crew
        if self._state is PoolState.RUNNING and crew.is_hopeless:
            return PoolState.FAILED
        if self._state is PoolState.RUNNING and crew.ready < len(crew.slots):
            return PoolState.STARTING if crew.is_starting else PoolState.DEGRADED
        return self._state

    async def start(self, minimum: int | None = None) -> None:
        """Start every worker and wait until each has built its tasks and checked their health.

        It goes on with fewer workers if some fail; those are tried again. Jobs are accepted from
        the first moment on and wait for a worker.

        Args:
            minimum: Return when so many are ready, the others follow; all when not given.

        Raises:
            SpyoncinoError: No worker could start: the error of the task's factory, if it is one of
                this program's family, for example ``ModelError``; else ``JobError``.
        """
        self._state = PoolState.STARTING
        self._supervisor = asyncio.create_task(self._supervise(), name="pool supervisor")
        self._dispatcher.begin()
        try:
            await self._dispatcher.crew.start(minimum)
            self._state = PoolState.RUNNING
        finally:
            if self._state is PoolState.STARTING:
                await self.stop()

    async def stop(self, timeout_s: float | None = None) -> None:
        """Cancel what waits, let running jobs end, end every process; may be called again.

        Args:
            timeout_s: Until everything is gone, by force if needed; ``None`` takes the limit's.
        """
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        self._state = PoolState.STOPPED
        self._dispatcher.end()
        await self._dispatcher.crew.stop(
            self._limits.stop_timeout_s if timeout_s is None else timeout_s
        )
        self._dispatcher.cancel_open()
        supervisor.cancel()
        await asyncio.wait([supervisor])

    async def drain(self) -> None:
        """Wait until no job is open."""
        await self._dispatcher.wait_until_idle()

    async def submit(self, job: Job) -> Any:
        """Do a job and give its value back; in lossless runs it waits for room in the queue.

        Cancelling the caller withdraws the job; a running attempt ends unheard.

        Raises:
            JobExpiredError: Its deadline passed before a worker was free.
            JobRejectedError: The queue was full, or the pool was stopped.
            JobFailedError: It failed after all its retries; see ``JobResult.unwrap``.
            UsageError: Nobody does this kind of job, or the payload cannot be pickled.
        """
        return (await self.run(job)).unwrap()

    async def run(self, job: Job) -> JobResult:
        """Like ``submit``, but every end of the job is a result; raises ``UsageError`` only."""
        entry = self._dispatcher.accept(job)
        if self._lossless:
            await self._dispatcher.put(entry)
        else:
            self._dispatcher.offer(entry)
        return await entry.future

    def try_submit(self, job: Job) -> asyncio.Future[JobResult]:
        """Hand a job in without waiting for anything.

        Returns:
            The result to come; cancelling it withdraws the job.

        Raises:
            JobRejectedError: The queue is full of jobs that matter as much, or nobody works.
            UsageError: Nobody does this kind of job, or the payload cannot be pickled.
        """
        entry = self._dispatcher.accept(job)
        self._dispatcher.offer(entry)
        if entry.future.done():
            raise JobRejectedError(entry.future.result().error)
        return entry.future

    def stats(self) -> PoolStats:
        """Everything worth showing, as it is now."""
        now_ns = self._clock.monotonic_ns()
        crew, queue, meter = self._dispatcher.crew, self._dispatcher.queue, self._dispatcher.meter
        workers = crew.stats()
        return PoolStats(
            state=self.state,
            worker_count=len(workers),
            workers_ready=crew.ready,
            queue_size=len(queue),
            queue_by_priority=queue.by_priority,
            pending_jobs=self._dispatcher.pending,
            in_flight=len(crew.entries),
            job_count=meter.by_outcome[Outcome.DONE],
            job_errors=meter.by_outcome[Outcome.FAILED],
            retried=meter.retried,
            expired=meter.by_outcome[Outcome.EXPIRED],
            rejected=meter.by_outcome[Outcome.REJECTED] - meter.evicted,
            evicted=meter.evicted,
            cancelled=meter.by_outcome[Outcome.CANCELLED],
            shed_by_priority={priority: meter.shed[priority] for priority in Priority},
            restarts=sum(worker.restarts for worker in workers),
            job_rate=meter.rate(now_ns),
            error_rate=meter.error_rate,
            avg_processing_time_ms=meter.mean_processing_ms,
            waited=meter.waited,
            processing=meter.processing,
            total=meter.total,
            workers=workers,
        )

    def pressure(self) -> PoolPressure:
        """How much work waits."""
        now_ns = self._clock.monotonic_ns()
        queue = self._dispatcher.queue
        return PoolPressure(
            queue.oldest_wait_s(Priority.CONTINUOUS, now_ns),
            queue.oldest_wait_s(Priority.BACKGROUND, now_ns),
            self._dispatcher.meter.shed[Priority.CONTINUOUS],
        )

    async def _supervise(self) -> None:
        while True:
            await self._clock.sleep(self._limits.tick_s)
            self._dispatcher.crew.look()
            self._dispatcher.tick()
