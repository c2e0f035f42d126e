"""Runs the system with simulated cameras for long and watches what may creep up.

Sampled: memory (PSS of all processes), file descriptors, threads, child processes, shared memory.
The first fifth of the time warms up and does not count. A slope says more than two end points: it
is the least-squares line through the samples that count.

    python benchmarks/soak.py --minutes 30 --cameras 2
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil

from report import Row, write_report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fixtures.programs import Records, Running, sim, write_config

EVERY_S = 2.0
WARM_UP_SHARE = 0.2
START_TIMEOUT_S = 60.0
PERIODS_S = (31.0, 37.0, 41.0, 43.0)
"""Rounds of the cameras' scripts; primes, so that visits meet in every way."""

MEMORY_BUDGET_MB = 800.0
"""All processes with one 1080p camera and two workers."""

UNITS = ("MB", "descriptors", "threads", "processes", "MB")


@dataclass(frozen=True)
class Sample:
    """The whole system at one moment; memory in bytes / 1e6."""

    memory: float
    descriptors: float
    threads: float
    children: float
    shared_memory: float


def take(running: Running, memory: Path) -> Sample:
    """Look at main and its children; one that ends meanwhile is left out."""
    children = running.children()
    totals = [0.0, 0.0, 0.0]
    for process in [psutil.Process(running.process.pid), *children]:
        with suppress(psutil.NoSuchProcess):
            pss_mb = process.memory_full_info().pss / 1e6
            found = (pss_mb, float(process.num_fds()), float(process.num_threads()))
            totals = [total + part for total, part in zip(totals, found, strict=True)]
    shared = sum(path.stat().st_blocks * 512 for path in memory.rglob("*") if path.is_file())
    return Sample(totals[0], totals[1], totals[2], float(len(children)), shared / 1e6)


def slope_per_hour(times_s: Sequence[float], values: Sequence[float]) -> float:
    """Least-squares slope, in units of the values an hour; 0 with fewer than two samples."""
    if len(times_s) < 2:
        return 0.0
    return statistics.linear_regression(times_s, values).slope * 3600


def soak(minutes: float, cameras: int, folder: Path) -> tuple[list[float], list[Sample], Records]:
    """Run the system and sample it; it is stopped in order at the end."""
    memory = folder / "memory"
    memory.mkdir()
    config = write_config(
        folder / "spyoncino.yaml",
        cameras={
            f"door-{number + 1}": sim(
                width_px=1280,
                height_px=720,
                fps=15,
                visitor_at_s=4,
                press_at_s=10,
                cat_at_s=22,
                period_s=PERIODS_S[number % len(PERIODS_S)],
            )
            for number in range(cameras)
        },
        shared_memory={"folder": str(memory)},
        media={"max_bytes": "100MB"},
    )
    records = Records(folder / "data")
    times_s: list[float] = []
    samples: list[Sample] = []
    with Running(
        *(folder / "log", "--data", records.data, "run", "--config", config, "--show", "lines")
    ) as running:
        running.wait_for_line(rf"door-{cameras}\s+is live", START_TIMEOUT_S)
        began = time.monotonic()
        while time.monotonic() - began < minutes * 60:
            time.sleep(EVERY_S)
            if running.process.poll() is not None:
                raise SystemExit(f"it ended by itself:\n{running.said()[-2000:]}")
            times_s.append(time.monotonic() - began)
            samples.append(take(running, memory))
        running.interrupt()
        if running.wait(START_TIMEOUT_S) != 0:
            raise SystemExit(f"it did not end in order:\n{running.said()[-2000:]}")
        if running.survivors() or list(memory.iterdir()):
            raise SystemExit("processes or shared memory are left")
        print(f"{running.said().count('[error')} error lines, ", end="")
        print(f"{running.said().count('[warning')} warnings in the log")
    return times_s, samples, records


def rows(times_s: list[float], samples: list[Sample], records: Records) -> list[Row]:
    """Median, maximum and slope of each figure after the warm-up."""
    counted = [at for at, seconds in enumerate(times_s) if seconds >= WARM_UP_SHARE * times_s[-1]]
    found: list[Row] = []
    for place, (part, unit) in enumerate(zip(fields(Sample), UNITS, strict=True)):
        values = [astuple(samples[at])[place] for at in counted]
        name = part.name.replace("_", " ")
        budget = MEMORY_BUDGET_MB if part.name == "memory" else None
        slope = slope_per_hour([times_s[at] for at in counted], values)
        found += [
            Row(f"{name}: median", statistics.median(values), unit, budget),
            Row(f"{name}: most", max(values), unit),
            Row(f"{name}: slope", slope, f"{unit}/h", 0, f"{len(values)} samples"),
        ]
    states = list(records.events().values())
    found += [
        Row("time watched", times_s[-1] / 60, "min"),
        Row("events", len(states), "events"),
        Row("events not completed", len(states) - states.count("completed"), "events", 0),
    ]
    return found


def main() -> None:
    """Soak and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--cameras", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        found = rows(*soak(arguments.minutes, arguments.cameras, Path(folder)))
    write_report("soak", found)


if __name__ == "__main__":
    main()
