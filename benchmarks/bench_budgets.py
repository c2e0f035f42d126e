"""Memory of every process with one 1080p camera, and the time from a frame to its event's row.

The program itself (``spyoncino run``), with one worker and with two, watches a 1080p H.264 clip of
people walking, made from SPYONCINO_TESTDATA as a camera would encode it and played in real time.
Every round starts it anew, waits for the first event, and measures memory some seconds later.

Memory is PSS, the proportional share: what several processes have mapped is counted once.
The row is looked for from outside, every few milliseconds. The event says at which wall time its
track was seen first (``started_at``: arrival of the connection's first packet plus camera time) and
how long that track was followed until it opened the event (``end_s - start_s`` of the first row);
the second is what the tracker asks for, the rest is what the system takes.

Usage: bench_budgets.py [--rounds N] [--seconds N]
"""

import argparse
import json
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import yaml

from bench_capture import camera_clip, pss_mb_of
from report import Row, write_report

PROGRAM = [sys.executable, "-m", "spyoncino"]
TOTAL_BUDGET_MB = {1: 600.0, 2: 800.0}
WORKER_BUDGET_MB = 200.0
EVENT_TIMEOUT_S = 90.0
STEP_S = 0.005
END_S = 40.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one run of the program showed.

    Args:
        first_seen_to_row_s: From the arrival of the frame that showed the track first.
        opened_to_row_s: From the arrival of the frame that made an event of it.
        pss_mb: Process to its memory; workers are numbered.
    """

    first_seen_to_row_s: float
    opened_to_row_s: float
    pss_mb: dict[str, float]


@contextmanager
def program(folder: Path, clip: Path, workers: int) -> Iterator[psutil.Process]:
    """The running program; ended as Ctrl-C would."""
    config = folder / "spyoncino.yaml"
    source = {"type": "file", "path": str(clip), "loop": True, "realtime": True}
    sections = {
        "cameras": {"door": {"source": source}},
        "pool": {"workers": workers},
        "web": {"port": 0},
    }
    config.write_text(yaml.safe_dump(sections))
    command = [*PROGRAM, "--data", str(folder / "data"), "run", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            yield psutil.Process(run.pid)
            run.send_signal(signal.SIGINT)
            run.wait(END_S)
        finally:
            run.kill()


def first_event(database: Path) -> tuple[float, dict[str, Any]]:
    """Wall time at which the first row was there, and the event as it was then."""
    until = time.monotonic() + EVENT_TIMEOUT_S
    while time.monotonic() < until:
        time.sleep(STEP_S)
        if not database.exists():
            continue
        try:
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                row = connection.execute("select data from events limit 1").fetchone()
        except sqlite3.OperationalError:
            continue  # not migrated yet
        if row is not None:
            return time.time(), json.loads(row[0])
    sys.exit(f"no event within {EVENT_TIMEOUT_S:g} s")


def memory_of(main: psutil.Process) -> dict[str, float]:
    """Each process with its share of memory."""
    sizes = {"main": pss_mb_of(main.pid)}
    for child in main.children(recursive=True):
        maps = Path(f"/proc/{child.pid}/maps").read_text()
        if "spawn_main" not in " ".join(child.cmdline()):
            name = "resource tracker"
        elif "onnxruntime" in maps:
            name = f"worker {sum(each.startswith('worker') for each in sizes) + 1}"
        else:
            name = "capture"
        sizes[name] = pss_mb_of(child.pid)
    return sizes


def one_round(clip: Path, workers: int, seconds: float) -> Round:
    """Start, wait for an event, measure."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with program(folder, clip, workers) as main:
            seen_at, event = first_event(folder / "data" / "spyoncino.db")
            time.sleep(seconds)
            pss_mb = memory_of(main)
    started_at = datetime.fromisoformat(event["started_at"]).timestamp()
    followed_s = event["end_s"] - event["start_s"]
    return Round(seen_at - started_at, seen_at - started_at - followed_s, pss_mb)


def rows_of(workers: int, rounds: list[Round]) -> list[Row]:
    """Medians and the worst of the rounds with so many workers."""
    what = f"{workers} worker" + ("s" if workers > 1 else "")
    rows = []
    for name, spent in (
        ("frame that opens the event to its row", [each.opened_to_row_s for each in rounds]),
        ("track first seen to the event's row", [each.first_seen_to_row_s for each in rounds]),
    ):
        note = f"{min(spent):.2f} to {max(spent):.2f} in {len(rounds)} runs"
        rows.append(Row(f"{what}: {name}", statistics.median(spent), "s", None, note))
    for name in rounds[0].pss_mb:
        worst = max(each.pss_mb.get(name, 0.0) for each in rounds)
        budget = WORKER_BUDGET_MB if name.startswith("worker") else None
        rows.append(Row(f"{what}: memory of {name}", worst, "MB PSS", budget, "worst run"))
    total = max(sum(each.pss_mb.values()) for each in rounds)
    rows.append(
        Row(f"{what}: memory of all", total, "MB PSS", TOTAL_BUDGET_MB[workers], "worst run")
    )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as place:
        clip = camera_clip(Path(place) / "camera.mp4")
        for workers in TOTAL_BUDGET_MB:
            rounds = [one_round(clip, workers, chosen.seconds) for _ in range(chosen.rounds)]
            rows += rows_of(workers, rounds)
    write_report("budgets", rows)


if __name__ == "__main__":
    main()
