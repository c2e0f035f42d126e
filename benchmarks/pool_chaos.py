"""Kills or freezes a worker every few seconds while jobs flow, and counts what is lost.

Method: as many jobs as twice the workers are always open, one in ten a press; every so often a
random healthy worker gets SIGKILL or SIGSTOP in turn, whether the last victim is replaced or not. A
job is lost when its result is not its own number, however often it was retried. Recovery is the
time from the signal until the victim's successor is ready; the gap is the longest time in which no
job at all was done.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import time
from dataclasses import asdict, dataclass, field
from typing import Final

from report import Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.runtime.jobs import Job, Priority, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.pool_stats import WorkerStats

JOB_S: Final = 0.03
"""About what one look of the bundled detector takes."""

PRESS_EVERY: Final = 10
SAMPLE_S: Final = 0.002


@dataclass(slots=True)
class Outcome:
    """What a run counted; times in seconds."""

    submitted: int = 0
    done: int = 0
    lost: int = 0
    retried: int = 0
    restarts: int = 0
    kills: int = 0
    freezes: int = 0
    longest_gap_s: float = 0.0
    longest_press_s: float = 0.0
    recovery_after_kill_s: list[float] = field(default_factory=list)
    recovery_after_freeze_s: list[float] = field(default_factory=list)


class Chaos:
    """One run of jobs and signals.

    Args:
        pool: Started.
        seconds: How long.
        every_s: Time from one signal to the next.
        seed: Of the choice of victims.
    """

    def __init__(self, pool: WorkerPool, seconds: float, every_s: float, seed: int) -> None:
        self.outcome = Outcome()
        self._pool = pool
        self._every_s = every_s
        self._until = time.monotonic() + seconds
        self._chance = random.Random(seed)  # noqa: S311 - victims, not secrets
        self._last_done = time.monotonic()
        self._struck: set[int] = set()

    async def run(self) -> Outcome:
        """Until the time is over and every job has ended."""
        lanes = 2 * self._pool.stats().worker_count
        async with asyncio.TaskGroup() as group:
            for _ in range(lanes):
                group.create_task(self._work())
            group.create_task(self._trouble(group))
        stats = self._pool.stats()
        self.outcome.retried, self.outcome.restarts = stats.retried, stats.restarts
        return self.outcome

    async def _work(self) -> None:
        while time.monotonic() < self._until:
            self.outcome.submitted += 1
            number = self.outcome.submitted
            is_press = number % PRESS_EVERY == 0
            began = time.monotonic()
            result = await self._pool.run(
                Job("sleep", number, Priority.PRESS if is_press else Priority.CONTINUOUS)
            )
            now = time.monotonic()
            if result.value == number:
                self.outcome.done += 1
            else:
                self.outcome.lost += 1
                print(f"lost job {number}: {result.outcome} {result.error}")
            if is_press:
                self.outcome.longest_press_s = max(self.outcome.longest_press_s, now - began)
            self.outcome.longest_gap_s = max(self.outcome.longest_gap_s, now - self._last_done)
            self._last_done = now

    async def _trouble(self, group: asyncio.TaskGroup) -> None:
        due = time.monotonic() + self._every_s
        number = 0
        while due < self._until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += self._every_s
            healthy = [
                worker
                for worker in self._pool.stats().workers
                if worker.state in ("idle", "busy") and worker.pid not in self._struck
            ]
            if healthy:
                victim = self._chance.choice(healthy)
                self._struck.add(victim.pid)
                is_kill = number % 2 == 0
                os.kill(victim.pid, signal.SIGKILL if is_kill else signal.SIGSTOP)
                group.create_task(self._watch(victim, is_kill=is_kill))
                number += 1

    async def _watch(self, victim: WorkerStats, *, is_kill: bool) -> None:
        """Until the victim's place is filled and ready again."""
        struck = time.monotonic()
        # Sampled, not awaited: the pool tells nobody that it is whole again.
        while not self._is_replaced(victim):  # noqa: ASYNC110
            await asyncio.sleep(SAMPLE_S)
        took_s = time.monotonic() - struck
        if is_kill:
            self.outcome.kills += 1
            self.outcome.recovery_after_kill_s.append(took_s)
        else:
            self.outcome.freezes += 1
            self.outcome.recovery_after_freeze_s.append(took_s)

    def _is_replaced(self, victim: WorkerStats) -> bool:
        return any(
            worker.worker_id == victim.worker_id
            and worker.pid != victim.pid
            and worker.state in ("idle", "busy")
            for worker in self._pool.stats().workers
        )


async def run_chaos(seconds: float, every_s: float, workers: int, seed: int) -> Outcome:
    """One run with a pool of its own."""
    tasks = (TaskSpec("sleep", "pool_work:build_sleep", {"seconds": JOB_S}),)
    async with WorkerPool(tasks, workers, SystemClock()) as pool:
        return await Chaos(pool, seconds, every_s, seed).run()


def _rows(outcome: Outcome) -> list[Row]:
    killed, frozen = outcome.recovery_after_kill_s, outcome.recovery_after_freeze_s
    return [
        Row("jobs done", outcome.done, "jobs"),
        Row("jobs lost", outcome.lost, "jobs", 0.0, "at most"),
        Row("attempts repeated", outcome.retried, "attempts"),
        Row("workers killed", outcome.kills, "times"),
        Row("workers frozen", outcome.freezes, "times"),
        Row("recovery after a kill, median", statistics.median(killed or [0.0]), "s"),
        Row("recovery after a kill, worst", max(killed, default=0.0), "s"),
        Row("recovery after a freeze, median", statistics.median(frozen or [0.0]), "s"),
        Row("recovery after a freeze, worst", max(frozen, default=0.0), "s"),
        Row("longest time without any result", outcome.longest_gap_s, "s"),
        Row("longest press", outcome.longest_press_s, "s"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two signals")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7, help="of the choice of victims")
    parser.add_argument("--json", action="store_true", help="print the counts, write no report")
    wanted = parser.parse_args()
    outcome = asyncio.run(run_chaos(wanted.seconds, wanted.every, wanted.workers, wanted.seed))
    if wanted.json:
        print(json.dumps(asdict(outcome)))
    else:
        write_report("pool-chaos", _rows(outcome))
    if outcome.lost:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
