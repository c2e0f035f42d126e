"""The life of a job from acceptance to its end: queue, dispatch, retries, settling, counting.

The dispatcher acts whenever a job comes in, a worker becomes free or the supervisor ticks. It knows
workers only through the crew.
"""

import asyncio
import heapq
import itertools
import logging
import os
from collections.abc import Sequence
from typing import Final

from spyoncino.clock import Clock
from spyoncino.errors import JobRejectedError, UsageError
from spyoncino.runtime.attempt import Failure, attempt
from spyoncino.runtime.crew import Crew
from spyoncino.runtime.job_queue import JobQueue, QueuedJob
from spyoncino.runtime.jobs import Job, JobMetrics, JobResult, Outcome, Priority, TaskSpec
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.pool_stats import PoolMeter
from spyoncino.runtime.worker_link import Launcher
from spyoncino.runtime.worker_messages import JobDone, pack, unpack

_LOG = logging.getLogger(__name__)

_QUIET_NS: Final = 10_000_000_000
"""Every shed job is counted, but warned of at most this often."""

_STOPPED: Final = "The worker pool is stopped, so no job is done: start it first."


class Dispatcher:
    """Brings jobs and workers together.

    Args:
        tasks: What the workers can do.
        workers: How many, at least 1.
        clock: Source of time.
        limits: Bounds and patience.
        lossless: Nothing is dropped and no deadline holds.
        launcher: Starts workers.

    Attributes:
        crew: The workers.
        queue: Jobs that wait.
        meter: What was counted.
    """

    def __init__(
        self,
        tasks: Sequence[TaskSpec],
        workers: int,
        clock: Clock,
        limits: PoolLimits,
        launcher: Launcher,
        *,
        lossless: bool,
    ) -> None:
        self.crew = Crew(tasks, workers, clock, limits, launcher, self)
        self.queue = JobQueue(limits.max_queue_size)
        self.meter = PoolMeter(clock.monotonic_ns())
        self._kinds = frozenset(task.kind for task in tasks)
        self._clock = clock
        self._limits = limits
        self._lossless = lossless
        self._background_limit = workers if lossless else max(1, workers - 1)
        self._open: dict[str, QueuedJob] = {}
        self._retries: list[tuple[int, int, QueuedJob]] = []
        self._nothing_open = asyncio.Event()
        self._nothing_open.set()
        self._is_accepting = False
        self._ids = itertools.count(1)
        self._id_prefix = os.urandom(4).hex()
        self._quiet_until_ns = 0

    @property
    def pending(self) -> int:
        """Jobs accepted and not settled."""
        return len(self._open)

    def begin(self) -> None:
        """Accept jobs from here on."""
        self._is_accepting = True

    def end(self) -> None:
        """Accept no more, and cancel everything that no worker has."""
        self._is_accepting = False
        self._retries.clear()
        self.queue.take_all()
        running = {id(entry) for entry in self.crew.entries}
        self.cancel_open(except_for=running)

    def cancel_open(self, except_for: frozenset[int] | set[int] = frozenset()) -> None:
        """Cancel every open job but those whose ``id()`` is named."""
        for entry in list(self._open.values()):
            if id(entry) not in except_for:
                self._settle(entry, Outcome.CANCELLED, _STOPPED)

    async def wait_until_idle(self) -> None:
        """Until no job is open."""
        await self._nothing_open.wait()

    def accept(self, job: Job) -> QueuedJob:
        """Open a job; it must be given to ``offer`` or ``put`` next.

        Raises:
            UsageError: Nobody does this kind of job, or the payload cannot be pickled.
        """
        if job.kind not in self._kinds:
            known = ", ".join(sorted(self._kinds))
            raise UsageError(f"No worker does jobs of kind '{job.kind}'; known kinds: {known}.")
        payload = pack(job.payload)
        number = next(self._ids)
        now_ns = self._clock.monotonic_ns()
        entry = QueuedJob(
            job_id=f"{self._id_prefix}-{number:x}",
            sequence=number,
            job=job,
            payload=payload,
            future=asyncio.get_running_loop().create_future(),
            accepted_ns=now_ns,
            expires_ns=self._expiry_ns(job, now_ns),
        )
        self._open[entry.job_id] = entry
        self._nothing_open.clear()
        entry.future.add_done_callback(lambda future: self._on_settled(entry, future))
        return entry

    def offer(self, entry: QueuedJob) -> None:
        """Queue an accepted job, or settle it at once: shed, or nobody works."""
        if self._refuse(entry):
            return
        try:
            evicted = self.queue.offer(entry)
        except JobRejectedError as error:
            self._shed(entry, Outcome.REJECTED, str(error))
            return
        if evicted is not None:
            self.meter.evicted += 1
            self._shed(evicted, Outcome.REJECTED, "It had to make room for a more urgent job.")
        self.dispatch()

    async def put(self, entry: QueuedJob) -> None:
        """Queue an accepted job, waiting for room."""
        if self._refuse(entry):
            return
        try:
            await self.queue.put(entry)
        except asyncio.CancelledError:
            entry.future.cancel()
            raise
        if entry.future.done() or self._refuse(entry):
            self.queue.remove(entry)
        self.dispatch()

    def dispatch(self) -> None:
        """Give waiting jobs to idle workers."""
        now_ns = self._clock.monotonic_ns()
        while (entry := self._next()) is not None:
            if entry.future.done():
                self.queue.remove(entry)
            elif entry.is_expired(now_ns):
                self.queue.remove(entry)
                self._expire(entry)
            else:
                slot = self.crew.idle_slot(avoid=entry.worker_id)
                if slot is None:
                    return
                self.queue.remove(entry)
                self.crew.assign(slot, entry)

    def tick(self) -> None:
        """Drop what expired, queue what is due again."""
        now_ns = self._clock.monotonic_ns()
        for entry in self.queue.take_expired(now_ns):
            self._expire(entry)
        while self._retries and self._retries[0][0] <= now_ns:
            self.queue.restore(heapq.heappop(self._retries)[2])
        self.dispatch()

    def on_worker_free(self) -> None:
        """A worker can take a job."""
        self.dispatch()

    def on_job_done(self, entry: QueuedJob, done: JobDone) -> None:
        """A worker answered."""
        if done.error:
            _LOG.debug("job %s of kind %s failed: %s", done.job_id, entry.job.kind, done.traceback)
            self._retry_or_fail(entry, done.error, done.error_type, is_final=done.is_final)
        else:
            self._deliver(entry, done)
        self.dispatch()

    def on_job_lost(self, entry: QueuedJob, reason: str) -> None:
        """The worker that had this job is gone."""
        self._retry_or_fail(entry, reason, "", is_final=False)
        self.dispatch()

    def on_hopeless(self, reason: str) -> None:
        """No worker is left to count on: nobody shall wait for nothing."""
        self._retries.clear()
        self.queue.take_all()
        for entry in list(self._open.values()):
            self._settle(entry, Outcome.FAILED, f"No worker is left to do it: {reason}.")

    def _deliver(self, entry: QueuedJob, done: JobDone) -> None:
        value = attempt(unpack, done.value)
        if isinstance(value, Failure):
            sentence = f"its result cannot be read ({value.error_type}: {value.error})"
            self._retry_or_fail(entry, sentence, value.error_type, is_final=True)
        else:
            self._settle(entry, Outcome.DONE, value=value, processing_ms=done.processing_time_ms)

    def _retry_or_fail(
        self, entry: QueuedJob, error: str, error_type: str, *, is_final: bool
    ) -> None:
        now_ns = self._clock.monotonic_ns()
        if entry.future.done():
            return  # withdrawn
        if is_final or not self._is_accepting or not self._may_retry(entry, now_ns):
            times = "1 attempt" if entry.attempts == 1 else f"{entry.attempts} attempts"
            sentence = f"A job of kind '{entry.job.kind}' failed after {times}: {error}"
            self._settle(entry, Outcome.FAILED, sentence, error_type)
            return
        self.meter.retried += 1
        # The first retry of a press is at once, every other one waits twice as long as the last.
        doublings = entry.attempts - (2 if entry.is_press else 1)
        if doublings < 0:
            self.queue.restore(entry)
            return
        delay_s = min(entry.job.retry_delay_s * 2.0**doublings, self._limits.max_retry_delay_s)
        heapq.heappush(self._retries, (now_ns + int(1e9 * delay_s), entry.sequence, entry))

    def _may_retry(self, entry: QueuedJob, now_ns: int) -> bool:
        """A press is retried while anybody may still care, other jobs a few times."""
        if entry.attempts <= entry.job.max_retries:
            return True
        if self._lossless or not entry.is_press:
            return False
        asked_s = entry.job.deadline_s
        patience_s = self._limits.press_patience_s if asked_s is None else asked_s
        return now_ns - entry.accepted_ns < 1e9 * patience_s

    def _expiry_ns(self, job: Job, now_ns: int) -> int | None:
        if self._lossless or job.priority is Priority.PRESS:
            return None
        deadline_s = job.deadline_s
        if deadline_s is None and job.priority is Priority.CONTINUOUS:
            deadline_s = self._limits.continuous_deadline_s
        return None if deadline_s is None else now_ns + int(1e9 * deadline_s)

    def _next(self) -> QueuedJob | None:
        """The job that goes next; none of the background while enough of them run."""
        running = sum(busy.job.priority is Priority.BACKGROUND for busy in self.crew.entries)
        return self.queue.peek(with_background=running < self._background_limit)

    def _refuse(self, entry: QueuedJob) -> bool:
        """Settle a job that cannot be taken now; whether it was so."""
        if not self._is_accepting:
            self._settle(entry, Outcome.CANCELLED, _STOPPED)
        elif self.crew.is_hopeless:
            self._settle(entry, Outcome.FAILED, "No worker is left to do it; see the log.")
        return entry.future.done()

    def _expire(self, entry: QueuedJob) -> None:
        waited_s = (self._clock.monotonic_ns() - entry.accepted_ns) / 1e9
        sentence = (
            f"A job of kind '{entry.job.kind}' was dropped after {waited_s:.1f} s in the queue: "
            "its deadline had passed; analyse fewer frames or add workers."
        )
        self._shed(entry, Outcome.EXPIRED, sentence)

    def _shed(self, entry: QueuedJob, outcome: Outcome, error: str) -> None:
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._quiet_until_ns:
            self._quiet_until_ns = now_ns + _QUIET_NS
            _LOG.warning("%s", error)
        self._settle(entry, outcome, error)

    def _settle(
        self,
        entry: QueuedJob,
        outcome: Outcome,
        error: str = "",
        error_type: str = "",
        *,
        value: object = None,
        processing_ms: float = 0.0,
    ) -> None:
        """End a job, unless it was withdrawn."""
        if entry.future.done():
            return
        now_ns = self._clock.monotonic_ns()
        begun_ns = entry.begun_ns if entry.attempts else now_ns
        metrics = JobMetrics(
            waited_ms=(begun_ns - entry.accepted_ns) / 1e6,
            processing_time_ms=processing_ms,
            total_ms=(now_ns - entry.accepted_ns) / 1e6,
            attempts=entry.attempts,
            worker_id=entry.worker_id,
        )
        result = JobResult(entry.job_id, outcome, value, metrics, error, error_type)
        entry.future.set_result(result)
        self.meter.count(entry.job.priority, result, now_ns)
        self._close(entry)

    def _on_settled(self, entry: QueuedJob, future: asyncio.Future[JobResult]) -> None:
        if future.cancelled():
            self.queue.remove(entry)
            self.meter.by_outcome[Outcome.CANCELLED] += 1
            self._close(entry)

    def _close(self, entry: QueuedJob) -> None:
        del self._open[entry.job_id]
        if not self._open:
            self._nothing_open.set()
