"""The bounded queue in front of the workers: presses first, then by class and age.

Age makes up for class: a background job is overtaken by a bounded number of continuous ones, so
that previews are made on a machine that is never quiet. It decides who waits, who is turned away
and who is thrown out; it runs nothing and reads no clock.
"""

import asyncio
import operator
from bisect import insort
from collections import Counter, deque
from dataclasses import dataclass

from spyoncino.errors import JobRejectedError
from spyoncino.runtime.jobs import Job, JobResult, Priority

OVERTAKEN_AT_MOST = 20
"""How many continuous jobs that came later may go before a background job: two seconds of a
saturated two-core machine, ten of a single worker that others leave little. Previews and clips wait
no longer than that, and take at most one job in twenty. Presses always go first."""


@dataclass(slots=True, eq=False)
class QueuedJob:
    """A job that was accepted, until it is settled.

    Args:
        job_id: Unique in this run.
        sequence: Order of acceptance; decides within one priority.
        job: What was asked.
        payload: The job's payload, pickled.
        future: Where the result goes.
        accepted_ns: Monotonic time of acceptance.
        expires_ns: From here on it is not worth starting; ``None``: always worth it.
        attempts: How often it was given to a worker.
        begun_ns: Monotonic time of the last attempt.
        worker_id: Who had it last.
    """

    job_id: str
    sequence: int
    job: Job
    payload: bytes
    future: asyncio.Future[JobResult]
    accepted_ns: int
    expires_ns: int | None = None
    attempts: int = 0
    begun_ns: int = 0
    worker_id: str = ""

    @property
    def order(self) -> tuple[int, int]:
        """Smaller goes first."""
        if self.job.priority is Priority.BACKGROUND:
            return Priority.CONTINUOUS, self.sequence + OVERTAKEN_AT_MOST
        return self.job.priority, self.sequence

    @property
    def is_press(self) -> bool:
        """Whether it may never be dropped."""
        return self.job.priority is Priority.PRESS

    def is_expired(self, now_ns: int) -> bool:
        """Whether it is no longer worth starting."""
        return self.expires_ns is not None and now_ns >= self.expires_ns


_ORDER = operator.attrgetter("order")
_CLASS_AND_AGE = operator.attrgetter("job.priority", "sequence")


class JobQueue:
    """Jobs that wait for a worker.

    A press is always accepted: it throws out the youngest of the lowest class, or exceeds the bound
    when only presses wait. Any other job throws out one of a lower class, else it is turned away.

    Args:
        max_size: Jobs that may wait, at least 1.
    """

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._jobs: list[QueuedJob] = []
        self._waiting_for_room: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def by_priority(self) -> dict[Priority, int]:
        """How many of each class wait."""
        counted = Counter(entry.job.priority for entry in self._jobs)
        return {priority: counted[priority] for priority in Priority}

    @property
    def has_room(self) -> bool:
        """Whether another job fits without throwing one out."""
        return len(self._jobs) < self.max_size

    @property
    def waiting_for_room(self) -> int:
        """How many ``put`` calls wait."""
        return len(self._waiting_for_room)

    def offer(self, entry: QueuedJob) -> QueuedJob | None:
        """Take a job in without waiting.

        Returns:
            The job that was thrown out for it, if any; the caller settles it.

        Raises:
            JobRejectedError: The queue is full of jobs that matter as much.
        """
        evicted = None
        if not self.has_room:
            last = max(self._jobs, key=_CLASS_AND_AGE)
            if last.job.priority > entry.job.priority:
                evicted = last
                self._jobs.remove(last)
            elif not entry.is_press:
                raise JobRejectedError(
                    f"The job queue is full ({self.max_size} waiting), so a job of kind "
                    f"'{entry.job.kind}' was turned away: analyse fewer frames or add workers."
                )
        insort(self._jobs, entry, key=_ORDER)
        return evicted

    async def put(self, entry: QueuedJob) -> None:
        """Take a job in, waiting for room; a press does not wait. Nothing is ever thrown out."""
        while not self.has_room and not entry.is_press:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting_for_room.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter in self._waiting_for_room:
                    self._waiting_for_room.remove(waiter)
                else:
                    self._tell_about_room()  # it was called, but will not come
                raise
        insort(self._jobs, entry, key=_ORDER)

    def restore(self, entry: QueuedJob) -> None:
        """Put an accepted job back in its old place; it is never turned away."""
        insort(self._jobs, entry, key=_ORDER)

    def peek(self, *, with_background: bool = True) -> QueuedJob | None:
        """The job that goes next, or that would if there were no background jobs."""
        return next(
            (
                entry
                for entry in self._jobs
                if with_background or entry.job.priority is not Priority.BACKGROUND
            ),
            None,
        )

    def oldest_wait_s(self, priority: Priority, now_ns: int) -> float:
        """Seconds since the oldest waiting job of a class was accepted; 0 when none waits."""
        accepted = (each.accepted_ns for each in self._jobs if each.job.priority is priority)
        return (now_ns - min(accepted, default=now_ns)) / 1e9

    def pop(self) -> QueuedJob:
        """Take the job that goes next.

        Raises:
            IndexError: Nothing waits.
        """
        entry = self._jobs.pop(0)
        self._tell_about_room()
        return entry

    def remove(self, entry: QueuedJob) -> bool:
        """Take one job out, wherever it stands; ``False`` if it is not here."""
        if entry not in self._jobs:
            return False
        self._jobs.remove(entry)
        self._tell_about_room()
        return True

    def take_expired(self, now_ns: int) -> list[QueuedJob]:
        """Take out what is no longer worth starting."""
        expired = [entry for entry in self._jobs if entry.is_expired(now_ns)]
        for entry in expired:
            self.remove(entry)
        return expired

    def take_all(self) -> list[QueuedJob]:
        """Empty the queue."""
        taken = list(self._jobs)
        for entry in taken:
            self.remove(entry)
        return taken

    def _tell_about_room(self) -> None:
        """Call the first who waits and is still there."""
        while self.has_room and self._waiting_for_room:
            waiter = self._waiting_for_room.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
