"""One place in the crew of workers: which process fills it, what it does, what it has done."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

from spyoncino.runtime.job_queue import QueuedJob
from spyoncino.runtime.pool_stats import WorkerStats
from spyoncino.runtime.worker_link import WorkerLink

_SAMPLE_NS: Final = 1_000_000_000
_SAMPLES: Final = 11
"""The busy share looks back over ten intervals of one second."""


class SlotState(StrEnum):
    """What a worker's place in the crew is doing."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    WAITING = "waiting"
    GIVEN_UP = "given_up"


@dataclass(slots=True, eq=False)
class Slot:
    """One place in the crew, whichever process fills it.

    Args:
        worker_id: ``worker-1`` and so on.
        state: What it is doing.
        link: Its process, if there is one.
        entry: The job it has.
        since_ns: Since when it is in this state.
        heard_ns: When it last said something.
        restart_at_ns: When the next process is due, while waiting or given up.
        fruitless: Processes in a row that ended without one finished job.
        failures: Failed jobs in a row.
        restarts: Processes started after the first.
        error: Why the last process could not start or ended.
        error_type: Class name of what a task's factory raised.
        jobs_done: Answers, good or bad.
        busy_ns: Time spent on jobs that ended.
        pss_bytes: As the process itself measured it.
        first_pss_bytes: The same when it was ready.
        build_ms: What the last start spent on building tasks.
        busy_samples: ``(time, busy_ns)`` once a second.
    """

    worker_id: str
    state: SlotState = SlotState.WAITING
    link: WorkerLink | None = None
    entry: QueuedJob | None = None
    since_ns: int = 0
    heard_ns: int = 0
    restart_at_ns: int = 0
    fruitless: int = 0
    failures: int = 0
    restarts: int = 0
    error: str = ""
    error_type: str = ""
    jobs_done: int = 0
    busy_ns: int = 0
    pss_bytes: int = 0
    first_pss_bytes: int = 0
    build_ms: float = 0.0
    busy_samples: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_SAMPLES))

    @property
    def process(self) -> WorkerLink:
        """Its process; there is one while it is starting, idle or busy."""
        return cast("WorkerLink", self.link)

    def busy_until(self, now_ns: int) -> int:
        """Nanoseconds spent on jobs, the present one included."""
        return self.busy_ns + (now_ns - self.since_ns if self.state is SlotState.BUSY else 0)

    def sample(self, now_ns: int) -> None:
        """Note the busy time, at most once a second."""
        if not self.busy_samples or now_ns - self.busy_samples[-1][0] >= _SAMPLE_NS:
            self.busy_samples.append((now_ns, self.busy_until(now_ns)))

    def busy_share(self, now_ns: int) -> float:
        """Share of the last seconds spent on jobs, 0..1."""
        if not self.busy_samples or self.busy_samples[0][0] >= now_ns:
            return 0.0
        then_ns, busy_then_ns = self.busy_samples[0]
        return (self.busy_until(now_ns) - busy_then_ns) / (now_ns - then_ns)

    def stats(self, now_ns: int) -> WorkerStats:
        """This slot as one row."""
        return WorkerStats(
            worker_id=self.worker_id,
            state=self.state.value,
            pid=self.link.pid if self.link else 0,
            jobs_done=self.jobs_done,
            restarts=self.restarts,
            busy_share=self.busy_share(now_ns),
            pss_bytes=self.pss_bytes if self.link else 0,
            build_ms=self.build_ms,
            error=self.error,
        )
