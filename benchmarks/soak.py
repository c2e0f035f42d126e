"""Runs the system for long, somebody watching the page, and looks at what may creep up.

One camera is a real RTSP server that shows a recording round and round, the other the simulator,
whose visitors ring. Chromium without a window has the page open with both live pictures. Every few
seconds: memory of every process (with and without libraries), its descriptors, its threads, its use
of the processor, shared memory, the database; so that a slope has an owner. The beginning warms up
and does not count; a slope is the least-squares line through what counts.

    SPYONCINO_TESTDATA=... python benchmarks/soak.py --minutes 30
"""

import argparse
import json
import math
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from plot import Line, Panel, write_plot
from report import ROOT, Row, cpu_model, write_report
from soak_sample import Held, Sample, Sampler
from spyoncino.runtime.children import shared_memory_base

sys.path.insert(0, str(ROOT))

from tests.fixtures.programs import Records, Running, sim, write_config
from tests.fixtures.rtsp_camera import RtspServer, RtspStream, is_there
from tests.fixtures.rtsp_clips import FPS, looping_clip, real_clip

EVERY_S = 3.0
WARM_UP_SHARE = 0.2
LEAST_WARM_UP_S = 240.0
"""Memory of packet rings, of decision rings and of SQLite's pages fills in the first minutes."""

START_TIMEOUT_S = 60.0
SIM_PERIOD_S = 37.0
CHROMIUM = Path("/usr/bin/chromium")

MEMORY_BUDGET_MB = 800.0
"""All processes with two workers; the budget of one 1080p camera, here are two smaller ones."""

SLOPE_BUDGET_MB_H = 10.0
"""A process that grows by less is taken for flat: half an hour cannot tell less from noise."""

PLOT = ROOT / "docs" / "images" / "soak.svg"

Watch = Callable[[float], int]
"""Waits so many seconds with the page; how many cameras show pictures that move."""


def rtsp_camera(stack: ExitStack, folder: Path) -> dict[str, Any]:
    """A recording, round and round; the section of its camera."""
    recording = real_clip()
    clip = looping_clip(folder / "door.h264", "h264", recording)
    print(f"door shows {recording.name if recording else 'grey pictures'}")
    server, urls = RtspServer.of_streams([RtspStream("door", clip, "h264", FPS)], folder)
    stack.enter_context(server)
    return {"source": {"type": "rtsp", "url": urls["door"]}, "doorbell": "front"}


@contextmanager
def watched_page(address: str, cameras: int) -> Iterator[Watch]:
    """The page in Chromium, both cameras live."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - optional

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        troubles: list[str] = []
        page.on("console", lambda line: troubles.append(line.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(address)
        tiles = "camera-tile[data-state=live]"
        page.locator(tiles).nth(cameras - 1).wait_for(timeout=30_000)

        def watch(seconds: float) -> int:
            page.wait_for_timeout(seconds * 1000)
            return page.locator(tiles).count()

        yield watch
        print(f"the page complained {len(troubles)} times {sorted(set(troubles))[:3]}")
        chromium.close()


class Soak:
    """One run.

    Args:
        minutes: How long.
        folder: For configuration, data and clips.
        shared: For shared memory.
    """

    def __init__(self, minutes: float, folder: Path, shared: Path) -> None:
        self._seconds = 60 * minutes
        self._folder = folder
        self._shared = shared
        self.records = Records(folder / "data")
        self.samples: list[Sample] = []
        self.not_live = 0

    def run(self) -> None:
        """Run and sample; it is stopped in order at the end."""
        with ExitStack() as stack:
            yard = sim(
                width_px=1280,
                height_px=720,
                fps=15,
                visitor_at_s=4,
                press_at_s=10,
                cat_at_s=22,
                period_s=SIM_PERIOD_S,
            )
            config = write_config(
                self._folder / "spyoncino.yaml",
                cameras={"door": rtsp_camera(stack, self._folder), "yard": yard},
                shared_memory={"folder": str(self._shared)},
                media={"max_bytes": "100MB"},
            )
            data = ("--data", self.records.data)
            arguments = (*data, "run", "--config", config, "--show", "lines")
            running = stack.enter_context(Running(self._folder / "log", *arguments))
            for camera in ("door", "yard"):
                running.wait_for_line(rf"{camera}\s+is live", START_TIMEOUT_S)
            running.wait_for_line(r"The page: http://\S+")
            address = re.search(r"The page: (http://\S+)", running.said())
            assert address is not None  # noqa: S101 - it was waited for
            with watched_page(address.group(1), 2) as watch:
                self._watch(running, watch)
            running.interrupt()
            if running.wait(START_TIMEOUT_S) != 0:
                raise SystemExit(f"it did not end in order:\n{running.said()[-2000:]}")
            if running.survivors() or list(self._shared.iterdir()):
                raise SystemExit("processes or shared memory are left")
            for word in ("error", "warning"):
                lines = [line for line in running.said().splitlines() if f"[{word}" in line]
                print(f"{len(lines)} lines of kind {word} in the log", *lines[:3], sep="\n  ")

    def _watch(self, running: Running, watch: Watch) -> None:
        sampler = Sampler(running.process.pid, self._shared, self.records.data)
        began_s = time.monotonic()
        while (at_s := time.monotonic() - began_s) < self._seconds:
            self.samples.append(sampler.take(at_s))
            self.not_live += watch(EVERY_S) != 2
            running.children()
            if running.process.poll() is not None:
                raise SystemExit(f"it ended by itself:\n{running.said()[-2000:]}")


class Course:
    """What the samples say, process by process.

    Args:
        samples: In order.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        self.times_s = [sample.at_s for sample in samples]
        last_s = self.times_s[-1]
        self.warm_s = min(max(WARM_UP_SHARE * last_s, LEAST_WARM_UP_S), last_s / 2)
        seen = dict.fromkeys(name for sample in samples for name in sample.held)
        stays = len(samples) / 10
        self.names = sorted(
            name for name in seen if sum(name in sample.held for sample in samples) > stays
        )

    def of(self, name: str, part: str) -> list[float]:
        """One quantity of one process; NaN where it was not there."""
        return [
            float(getattr(sample.held[name], part)) if name in sample.held else math.nan
            for sample in self._samples
        ]

    def total(self, part: str) -> list[float]:
        """One quantity of all processes together."""
        return [
            sum(float(getattr(held, part)) for held in sample.held.values())
            for sample in self._samples
        ]

    def cores(self, name: str) -> list[float]:
        """Processor time per time, over the last minute."""
        used = self.of(name, "cpu_s")
        back = max(1, round(60 / EVERY_S))
        shares = [math.nan]
        for at in range(1, len(used)):
            since = max(0, at - back)
            shares.append((used[at] - used[since]) / (self.times_s[at] - self.times_s[since]))
        return shares

    def counted(self, values: Sequence[float]) -> tuple[list[float], list[float]]:
        """Times and values behind the warm-up."""
        pairs = [
            (at, value)
            for at, value in zip(self.times_s, values, strict=True)
            if at >= self.warm_s and not math.isnan(value)
        ]
        return [at for at, _ in pairs], [value for _, value in pairs]

    def slope_per_hour(self, values: Sequence[float]) -> float:
        """Of the least-squares line; 0 with fewer than two samples."""
        times_s, counted = self.counted(values)
        if len(times_s) < 2:
            return 0.0
        return statistics.linear_regression(times_s, counted).slope * 3600

    def shared(self) -> list[float]:
        """Shared memory."""
        return [sample.shared_mb for sample in self._samples]

    def database(self) -> list[float]:
        """The database with its log."""
        return [sample.database_mb for sample in self._samples]


def rows(soak: Soak, course: Course) -> list[Row]:
    """Median, maximum and slope of each quantity behind the warm-up."""
    found: list[Row] = []
    names = course.names
    quantities = [
        ("memory (PSS)", course.total("memory_mb"), "MB", MEMORY_BUDGET_MB, None),
        *((f"memory of {name}", course.of(name, "memory_mb"), "MB", None, None) for name in names),
        ("memory without libraries", course.total("own_mb"), "MB", None, SLOPE_BUDGET_MB_H),
        *(
            (f"the same of {name}", course.of(name, "own_mb"), "MB", None, SLOPE_BUDGET_MB_H)
            for name in names
        ),
        ("descriptors", course.total("descriptors"), "descriptors", None, 0.0),
        ("threads", course.total("threads"), "threads", None, 0.0),
        ("shared memory", course.shared(), "MB", None, 0.0),
        ("database", course.database(), "MB", None, None),
    ]
    for name, values, unit, budget, slope_budget in quantities:
        _, counted = course.counted(values)
        slope = course.slope_per_hour(values)
        found += [
            Row(f"{name}: median", statistics.median(counted), unit, budget),
            Row(f"{name}: most", max(counted), unit, budget),
            Row(f"{name}: slope", slope, f"{unit}/h", slope_budget, f"{len(counted)} samples"),
        ]
    states = list(soak.records.events().values())
    closed = states.count("completed")
    return [
        *found,
        Row("time watched", course.times_s[-1] / 60, "min"),
        Row("time not judged at the beginning", course.warm_s / 60, "min"),
        Row("looks at which a camera was not live on the page", soak.not_live, "looks", 0),
        Row("events", len(states), "events"),
        Row("events not completed", len(states) - closed, "events", 0),
    ]


def draw(path: Path, course: Course) -> None:
    """The picture for the documentation."""

    def line(values: Sequence[float], unit: str) -> Line:
        slope = course.slope_per_hour(values)
        shown = 0.0 if abs(slope) < 0.05 else slope
        return Line(values, f"{shown:+.1f} {unit}/h")

    def per_process(part: str, unit: str) -> dict[str, Line]:
        parts = {name: line(course.of(name, part), unit) for name in course.names}
        return {"all": line(course.total(part), unit), **parts}

    cores = {name: Line(course.cores(name)) for name in course.names}
    panels = [
        Panel("Memory (PSS), MB", per_process("memory_mb", "MB"), MEMORY_BUDGET_MB),
        Panel("Memory without libraries, MB", per_process("own_mb", "MB"), None),
        Panel("Open descriptors", per_process("descriptors", ""), None),
        Panel("Threads", per_process("threads", ""), None),
        Panel("Shared memory, MB", {"all": line(course.shared(), "MB")}, None),
        Panel("Database with its log, MB", {"all": line(course.database(), "MB")}, None),
        Panel("Processor, cores (mean of a minute)", cores, None),
    ]
    minutes = [at / 60 for at in course.times_s]
    subtitle = (
        f"{cpu_model()}; an RTSP camera and the simulator, the page open. "
        "Grey ground: warm-up, not judged. Right: slope per hour behind it."
    )
    title = f"Soak of {minutes[-1]:.0f} minutes"
    write_plot(path, title, subtitle, minutes, panels, course.warm_s / 60)


def keep(path: Path, samples: Sequence[Sample]) -> None:
    """Write the samples, for a closer look."""
    path.write_text(
        json.dumps(
            [
                {
                    "at_s": sample.at_s,
                    "shared_mb": sample.shared_mb,
                    "database_mb": sample.database_mb,
                    "held": {
                        name: [getattr(held, part) for part in Held.__slots__]
                        for name, held in sample.held.items()
                    },
                }
                for sample in samples
            ]
        )
    )


def main() -> None:
    """Soak, report and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--plot", type=Path, default=PLOT, help="the picture to write")
    parser.add_argument("--samples", type=Path, help="a JSON file for every sample")
    parser.add_argument("--name", default="soak", help="of the result")
    wanted = parser.parse_args()
    if not is_there() or not CHROMIUM.exists():
        raise SystemExit("GStreamer's RTSP server or Chromium is missing; see `make services`")
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
        tempfile.TemporaryDirectory(prefix="soak-", dir=shared_memory_base()) as shared,
    ):
        soak = Soak(wanted.minutes, Path(folder), Path(shared))
        soak.run()
        course = Course(soak.samples)
        found = rows(soak, course)
    if wanted.samples:
        keep(wanted.samples, soak.samples)
    draw(wanted.plot, course)
    write_report(wanted.name, found)


if __name__ == "__main__":
    main()
