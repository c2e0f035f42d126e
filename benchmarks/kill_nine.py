"""Kills each kind of process of a running system with SIGKILL, again and again, and counts.

Figures: seconds until the system works again, acknowledged rows and files that are missing after
it, processes that outlive main, folders of shared memory left after the next start.

    python benchmarks/kill_nine.py --rounds 5
"""

import argparse
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from report import Row, write_report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fixtures.programs import RINGS_ALONE, Records, Running, sim, wait_for, write_config

PATIENCE_S = 60.0
LIVE = r"door\s+is live"
RECOVERY_BUDGET_S = {"worker": 5.0, "capture process": 5.0, "main": 5.0}
"""Whole pool up in 5 s; main is ready in 3 s and its simulated camera draws soon after."""


@dataclass
class Tally:
    """What was counted over all rounds."""

    recovery_s: dict[str, list[float]] = field(
        default_factory=lambda: {kind: [] for kind in RECOVERY_BUDGET_S}
    )
    events_seen: int = 0
    events_lost: int = 0
    files_seen: int = 0
    files_lost: int = 0
    orphans: int = 0
    leftovers: int = 0
    unfinished: int = 0


class House:
    """A system over one data folder that is run again after each accident."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.memory = folder / "memory"
        self.memory.mkdir()
        self.records = Records(folder / "data")
        self.log = folder / "log"
        self.config = write_config(
            folder / "spyoncino.yaml",
            cameras={"door": sim()},
            events=RINGS_ALONE,
            clip={"post_roll_s": 1},
            shared_memory={"folder": str(self.memory)},
        )

    def run(self) -> Running:
        """Start the system."""
        return Running(
            self.log,
            *("--data", self.records.data, "run", "--config", self.config, "--show", "lines"),
        )

    def lives(self) -> int:
        """How often the camera came to life so far."""
        return len(re.findall(LIVE, self.log.read_text(errors="replace")))

    def acknowledged(self) -> tuple[dict[str, str], set[str]]:
        """Rows of events with their states, and paths of media."""
        return self.records.events(), set(self.records.media())


def kill_worker(running: Running) -> float:
    """Seconds until another worker has its model."""
    running.wait_for(lambda: bool(running.workers()), PATIENCE_S)
    known = {worker.pid for worker in running.workers()}
    return _kill(
        running, running.workers()[0], lambda: bool({w.pid for w in running.workers()} - known)
    )


def kill_capture(house: House, running: Running) -> float:
    """Seconds until the camera is live again."""
    running.wait_for(lambda: bool(running.captures()), PATIENCE_S)
    lives = house.lives()
    return _kill(running, running.captures()[0], lambda: house.lives() > lives)


def _kill(running: Running, victim: psutil.Process, is_well: Callable[[], bool]) -> float:
    victim.send_signal(signal.SIGKILL)
    return running.wait_for(is_well, PATIENCE_S)


def kill_main(house: House, running: Running, tally: Tally) -> Running:
    """Kill main and start it again; the new one is returned, running."""
    lives, before = house.lives(), house.acknowledged()
    running.children()
    running.process.kill()
    running.wait()
    tally.orphans += len(running.survivors())
    left = {path.name for path in house.memory.iterdir()}
    again = house.run().__enter__()
    tally.recovery_s["main"].append(again.wait_for(lambda: house.lives() > lives, PATIENCE_S))
    tally.leftovers += len(left & {path.name for path in house.memory.iterdir()})
    compare(before, house, tally)
    return again


def wait_for_another_event(house: House, running: Running) -> None:
    """Wait until there is one event more than now."""
    count = len(house.records.events())
    running.wait_for(lambda: len(house.records.events()) > count, PATIENCE_S)


def compare(before: tuple[dict[str, str], set[str]], house: House, tally: Tally) -> None:
    """Count what was acknowledged before and is not there now."""
    events, media = house.acknowledged()
    tally.events_seen += len(before[0])
    tally.files_seen += len(before[1])
    for event_id, state in before[0].items():
        is_kept = (
            events.get(event_id) == "completed" if state == "completed" else event_id in events
        )
        tally.events_lost += not is_kept
    for path in before[1]:
        tally.files_lost += path not in media or not (house.records.data / path).is_file()


def measure(rounds: int, folder: Path) -> Tally:
    """Kill a worker, the capture process and main, so many times each."""
    house, tally = House(folder), Tally()
    running = house.run().__enter__()
    try:
        running.wait_for(lambda: house.lives() > 0, PATIENCE_S)
        for round_number in range(rounds):
            wait_for_another_event(house, running)
            before = house.acknowledged()
            tally.recovery_s["worker"].append(kill_worker(running))
            tally.recovery_s["capture process"].append(kill_capture(house, running))
            compare(before, house, tally)
            running = kill_main(house, running, tally)
            print(f"round {round_number + 1} of {rounds} done", flush=True)
        before = house.acknowledged()
        running.interrupt()
        wait_for(lambda: running.process.poll() is not None, PATIENCE_S, running.said)
        compare(before, house, tally)
        tally.orphans += len(running.survivors())
        tally.leftovers += len(list(house.memory.iterdir()))
        states = house.records.events().values()
        tally.unfinished = sum(state not in ("completed", "failed") for state in states)
    finally:
        running.__exit__()
    return tally


def rows(tally: Tally) -> list[Row]:
    """The figures for the report."""
    found = [
        Row(
            f"{kind} killed: {name}",
            value,
            "s",
            RECOVERY_BUDGET_S[kind],
            f"{len(times)} times; " + ("from the restart" if kind == "main" else "from the kill"),
        )
        for kind, times in tally.recovery_s.items()
        for name, value in (
            ("median recovery", sorted(times)[len(times) // 2]),
            ("worst", max(times)),
        )
    ]
    return [
        *found,
        Row("acknowledged events lost", tally.events_lost, "events", 0, f"of {tally.events_seen}"),
        Row("indexed files lost", tally.files_lost, "files", 0, f"of {tally.files_seen}"),
        Row("events left open at the end", tally.unfinished, "events", 0),
        Row("processes that outlived main", tally.orphans, "processes", 0),
        Row("shared memory left after the next start", tally.leftovers, "folders", 0),
    ]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="kills of each kind")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-nine-") as folder:
        tally = measure(arguments.rounds, Path(folder))
    write_report("kill-nine", rows(tally))
    print(f"took {time.monotonic() - began:.0f} s")
    faults = tally.events_lost + tally.files_lost + tally.orphans + tally.leftovers
    sys.exit(1 if faults + tally.unfinished else 0)


if __name__ == "__main__":
    main()
