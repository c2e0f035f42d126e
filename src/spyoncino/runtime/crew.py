"""The workers of a pool: started, watched, killed when they hang, replaced when they die.

The crew knows which job each worker has, not why nor what becomes of it: that is the pool's part.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from spyoncino.clock import Clock
from spyoncino.errors import JobError, SpyoncinoError
from spyoncino.runtime.job_queue import QueuedJob
from spyoncino.runtime.jobs import TaskSpec, family_error
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.pool_stats import WorkerStats
from spyoncino.runtime.worker_link import Launcher, WorkerLink
from spyoncino.runtime.worker_messages import (
    FromWorker,
    JobDone,
    Ready,
    RunJob,
    StartFailed,
    Stop,
)
from spyoncino.runtime.worker_slot import Slot, SlotState

_LOG = logging.getLogger(__name__)

_REAP_S: Final = 2.0
"""A killed process is gone within milliseconds, on a busy machine within a second."""

_PATIENCE_BEFORE_FORCE: Final = 0.9
"""Share of the patience in ``stop`` that is left to the workers; the rest is for killing them."""

_TICKS_ASLEEP: Final = 10
"""A supervisor that is this many ticks late was suspended or blocked itself."""

MAY_GROW_BY: Final = 1.5
"""A worker's memory over that at its start: buffers of the largest picture come with it."""


class CrewOwner(Protocol):
    """Who is told what happens to jobs and workers."""

    def on_worker_free(self) -> None:
        """A worker can take a job."""
        ...

    def on_job_done(self, entry: QueuedJob, done: JobDone) -> None:
        """A worker answered."""
        ...

    def on_job_lost(self, entry: QueuedJob, reason: str) -> None:
        """The worker that had this job is gone."""
        ...

    def on_hopeless(self, reason: str) -> None:
        """No worker is left to count on."""
        ...


class Crew:
    """A fixed number of workers, each in a slot that is refilled when its process ends.

    Args:
        tasks: What every worker can do.
        workers: How many, at least 1.
        clock: Source of time.
        limits: Patience.
        launcher: Starts workers.
        owner: Who is told.
    """

    def __init__(
        self,
        tasks: Sequence[TaskSpec],
        workers: int,
        clock: Clock,
        limits: PoolLimits,
        launcher: Launcher,
        owner: CrewOwner,
    ) -> None:
        self.slots = tuple(Slot(f"worker-{number}") for number in range(1, workers + 1))
        self._tasks = tuple(tasks)
        self._timeouts_s = {
            task.kind: limits.job_timeout_s if task.timeout_s is None else task.timeout_s
            for task in tasks
        }
        self._clock = clock
        self._limits = limits
        self._launcher = launcher
        self._owner = owner
        self._alive: set[WorkerLink] = set()
        self._changed = asyncio.Event()
        self._may_refill = False
        self._looked_ns = 0

    @property
    def ready(self) -> int:
        """Workers that are idle or busy."""
        return sum(slot.state in (SlotState.IDLE, SlotState.BUSY) for slot in self.slots)

    @property
    def entries(self) -> list[QueuedJob]:
        """Jobs that workers have now."""
        return [slot.entry for slot in self.slots if slot.entry is not None]

    @property
    def is_hopeless(self) -> bool:
        """Whether every worker was given up."""
        return all(slot.state is SlotState.GIVEN_UP for slot in self.slots)

    @property
    def is_starting(self) -> bool:
        """Whether a worker has not been ready yet since the crew was started."""
        return any(slot.state is SlotState.STARTING and not slot.restarts for slot in self.slots)

    async def start(self, minimum: int | None = None) -> None:
        """Start all, and wait for some; ``look`` must be called meanwhile.

        Args:
            minimum: Return when so many are ready, or none is left to wait for; all when not given.

        Raises:
            SpyoncinoError: None is ready; the error is the one the first task's factory raised.
        """
        wanted = len(self.slots) if minimum is None else minimum
        for slot in self.slots:
            self._fill(slot)
        while self.ready < wanted and any(slot.state is SlotState.STARTING for slot in self.slots):
            await self._wait_for_change()
        if not self.ready:
            raise self._start_error()
        self._may_refill = True

    def idle_slot(self, avoid: str) -> Slot | None:
        """A worker that can take a job; ``avoid`` only if there is no other."""
        idle = [slot for slot in self.slots if slot.state is SlotState.IDLE]
        return min(idle, key=lambda slot: (slot.worker_id == avoid, slot.since_ns), default=None)

    def assign(self, slot: Slot, entry: QueuedJob) -> None:
        """Give a job to an idle worker."""
        now_ns = self._clock.monotonic_ns()
        entry.attempts += 1
        entry.begun_ns = now_ns
        entry.worker_id = slot.worker_id
        slot.entry = entry
        self._enter(slot, SlotState.BUSY)
        slot.process.send(RunJob(entry.job_id, entry.job.kind, entry.payload))

    def on_message(self, link: WorkerLink, message: FromWorker) -> None:
        """A worker said something."""
        slot = self._slot_of(link)
        if slot is None:
            return  # it was replaced; what it says comes too late
        slot.heard_ns = self._clock.monotonic_ns()
        if isinstance(message, JobDone):
            self._take_answer(slot, message)
        elif isinstance(message, Ready):
            slot.build_ms, slot.pss_bytes = message.build_ms, message.pss_bytes
            slot.first_pss_bytes = message.pss_bytes
            self._enter(slot, SlotState.IDLE)
            self._owner.on_worker_free()
        elif isinstance(message, StartFailed):
            slot.error, slot.error_type = message.error, message.error_type
        elif message.pss_bytes is not None:
            slot.pss_bytes = message.pss_bytes

    def on_gone(self, link: WorkerLink, how: str) -> None:
        """A worker's process ended."""
        self._alive.discard(link)
        slot = self._slot_of(link)
        if slot is not None:
            self._vacate(slot, slot.error or f"its process {how}")
        self._changed.set()

    def look(self) -> None:
        """Kill what hangs and start what is due; the supervisor calls this with every tick."""
        now_ns = self._clock.monotonic_ns()
        was_asleep = 0 < self._looked_ns < now_ns - int(1e9 * _TICKS_ASLEEP * self._limits.tick_s)
        self._looked_ns = now_ns
        for slot in self.slots:
            slot.sample(now_ns)
            if was_asleep:  # it was main that did not listen: hear first what they have said
                slot.heard_ns = now_ns
                continue
            trouble = self._trouble(slot, now_ns)
            if trouble:
                self._replace(slot, trouble)
            self._refill_if_due(slot, now_ns)
        self._changed.set()

    async def stop(self, patience_s: float) -> None:
        """Let running jobs end and end every process, by force when patience runs out.

        ``look`` must be called meanwhile.
        """
        self._may_refill = False
        now_ns = self._clock.monotonic_ns()
        for link in tuple(self._alive):
            link.send(Stop())
        await self._wait_for_ends(now_ns + int(1e9 * patience_s * _PATIENCE_BEFORE_FORCE))
        for link in tuple(self._alive):
            _LOG.warning("worker process %d did not end by itself and is killed", link.pid)
            link.kill()
        killed_ns = self._clock.monotonic_ns()
        last_ns = max(now_ns + int(1e9 * patience_s), killed_ns + int(1e9 * _REAP_S))
        await self._wait_for_ends(last_ns)
        await self._launcher.close()

    def stats(self) -> tuple[WorkerStats, ...]:
        """One row for each slot."""
        now_ns = self._clock.monotonic_ns()
        return tuple(slot.stats(now_ns) for slot in self.slots)

    def _fill(self, slot: Slot) -> None:
        self._enter(slot, SlotState.STARTING)
        slot.heard_ns = slot.since_ns
        slot.failures = 0
        slot.error = slot.error_type = ""
        slot.link = self._launcher.launch(slot.worker_id, self._tasks, self._limits, self)
        self._alive.add(slot.link)

    def _refill_if_due(self, slot: Slot, now_ns: int) -> None:
        if slot.link is None and now_ns >= slot.restart_at_ns and self._may_refill:
            slot.restarts += 1
            self._fill(slot)

    def _take_answer(self, slot: Slot, done: JobDone) -> None:
        entry = slot.entry
        if entry is None or entry.job_id != done.job_id:
            _LOG.warning("%s answered job %s, which it does not have", slot.worker_id, done.job_id)
            return
        slot.busy_ns = slot.busy_until(slot.heard_ns)
        slot.entry = None
        slot.jobs_done += 1
        slot.fruitless = 0
        slot.failures = slot.failures + 1 if done.error and not done.is_final else 0
        self._enter(slot, SlotState.IDLE)
        if slot.failures >= self._limits.worker_restart_threshold:
            self._replace(slot, f"it failed {slot.failures} jobs in a row")
        self._owner.on_job_done(entry, done)

    def _trouble(self, slot: Slot, now_ns: int) -> str:
        """Why a worker must be replaced; empty if it is well."""
        lasting_s = (now_ns - slot.since_ns) / 1e9
        silent_s = (now_ns - slot.heard_ns) / 1e9
        if slot.state is SlotState.STARTING and lasting_s > self._limits.start_timeout_s:
            return f"it was not ready within {self._limits.start_timeout_s:g} s"
        if slot.state not in (SlotState.IDLE, SlotState.BUSY):
            return ""
        if silent_s > self._limits.heartbeat_timeout_s:
            return f"it has been silent for {silent_s:.1f} s"
        if slot.state is SlotState.IDLE and self._has_grown(slot):
            return f"it holds {slot.pss_bytes / 1e6:.0f} MB of memory"
        if slot.entry is not None:
            limit_s = self._timeouts_s[slot.entry.job.kind]
            if lasting_s > limit_s:
                return f"a job of kind '{slot.entry.job.kind}' took longer than {limit_s:g} s"
        return ""

    def _has_grown(self, slot: Slot) -> bool:
        limit_bytes = max(self._limits.worker_memory_bytes, MAY_GROW_BY * slot.first_pss_bytes)
        return slot.pss_bytes > limit_bytes

    def _replace(self, slot: Slot, reason: str) -> None:
        link = slot.process
        self._vacate(slot, reason)
        link.kill()

    def _vacate(self, slot: Slot, reason: str) -> None:
        """The slot's process is lost: say so, plan the next, hand its job back."""
        entry, slot.entry, slot.link = slot.entry, None, None
        slot.busy_ns = slot.busy_until(self._clock.monotonic_ns())
        slot.error = reason
        if self._may_refill:
            _LOG.warning("%s is replaced: %s", slot.worker_id, reason)
        self._plan_restart(slot)
        if entry is not None:
            self._owner.on_job_lost(entry, f"{slot.worker_id} was lost: {reason}")
        if self.is_hopeless:
            self._owner.on_hopeless(reason)
        self._refill_if_due(slot, slot.since_ns)

    def _plan_restart(self, slot: Slot) -> None:
        limits = self._limits
        if slot.fruitless >= limits.give_up_after:
            self._enter(slot, SlotState.GIVEN_UP)
            delay_s = limits.second_chance_s
        else:
            self._enter(slot, SlotState.WAITING)
            wait_s = limits.restart_delay_s * 2.0 ** (slot.fruitless - 1)
            delay_s = min(wait_s, limits.max_restart_delay_s) if slot.fruitless else 0.0
        slot.fruitless += 1
        slot.restart_at_ns = slot.since_ns + int(1e9 * delay_s)

    def _enter(self, slot: Slot, state: SlotState) -> None:
        slot.state = state
        slot.since_ns = self._clock.monotonic_ns()
        self._changed.set()

    async def _wait_for_ends(self, until_ns: int) -> None:
        while self._alive and self._clock.monotonic_ns() < until_ns:
            await self._wait_for_change()

    async def _wait_for_change(self) -> None:
        """Until a slot changed or the supervisor looked."""
        self._changed.clear()
        await self._changed.wait()

    def _slot_of(self, link: WorkerLink) -> Slot | None:
        return next((slot for slot in self.slots if slot.link is link), None)

    def _start_error(self) -> SpyoncinoError:
        slot = self.slots[0]
        told = family_error(slot.error_type, slot.error)
        return told or JobError(f"No worker process could be started: {slot.error}.")
