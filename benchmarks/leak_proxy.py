"""As many messages and frames as a day has, in minutes, and what is held after each hundredth.

A day of one house with a few cameras is some 10^7 messages and, at rest, 10^5 analysed frames. A
leak is a leak per message, frame or event, so that it shows here as it would after a day.

Messages: one bus with its outbox in this process. Ordered, throttled, overflowing and raising
subscribers and one durable one; ever new topic names; each hundredth message is critical.

Frames: the whole application in a lossless run over the drawn front door, as fast as it can: a real
capture process, ring and leases, the worker, every module, the database. In each minute of camera
time somebody comes, rings, and makes an event with its pictures and clip. With the real detector
tracks come and go, too, and it takes four times as long.

The first half of each warms up (rings, caches and pools fill) and is not judged; a slope is the
least-squares line through the second half.

    python benchmarks/leak_proxy.py --messages 10000000 --frames 100000 --detector mock
"""

import argparse
import asyncio
import gc
import logging
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from plot import Line, Panel, write_plot
from report import ROOT, Row, cpu_model, write_report
from soak_sample import Held, Sample, Sampler
from spyoncino.app import Application, load_modules
from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.core.queues import Policy
from spyoncino.core.settings import CameraSettings
from spyoncino.core.source_settings import SimSource
from spyoncino.runtime.capture.spec import LOSSLESS_FPS
from spyoncino.runtime.children import shared_memory_base
from spyoncino.schemas import topics
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.status import CameraState, CameraStatus, ErrorReport

SAMPLES = 100
CRITICAL_EVERY = 100
NAME_EVERY = 50
NAMES = 20_000
"""More topic names than a bus remembers."""

DOOR = SimSource(
    type="sim",
    width_px=320,
    height_px=180,
    fps=LOSSLESS_FPS,
    period_s=60.0,
    visitor_at_s=4.0,
    press_at_s=8.0,
    cat_at_s=-1.0,
    realtime=False,
)

SLOPE_BUDGET_MB = 2.0
"""Growth of a process over what stands for a day."""

PLOT = ROOT / "docs" / "images" / "leak.svg"

Take = Callable[[int], Sample]


class Listeners:
    """Subscribers of every kind, and what they heard."""

    def __init__(self, bus: Bus) -> None:
        self.ordered = self.commands = self.out_of_order = 0
        bus.subscribe("status.#", self._on_status, name="ordered", policy=Policy.BLOCK)
        bus.subscribe("status.camera", self._sleep, name="slow", policy=Policy.LATEST)
        bus.subscribe("status.#", self._sleep, name="small", capacity=8)
        bus.subscribe("status.error.*", self._raise, name="raising")
        bus.subscribe(
            topics.CONTROL_COMMAND,
            self._on_command,
            name="durable",
            policy=Policy.BLOCK,
            durable=True,
        )

    async def _on_status(self, message: Message) -> None:
        number = int(message.payload.source)
        self.out_of_order += number < self.ordered
        self.ordered = number

    async def _on_command(self, message: Message) -> None:
        del message
        self.commands += 1

    async def _sleep(self, message: Message) -> None:
        del message
        await asyncio.sleep(0.001)

    async def _raise(self, message: Message) -> None:
        raise ValueError(f"no {message.topic}")


async def pass_messages(count: int, folder: Path, take: Take) -> tuple[list[Sample], list[Row]]:
    """All messages, a sample after each hundredth part."""
    samples: list[Sample] = []
    began_s = time.monotonic()
    async with Bus(SystemClock(), outbox=folder / "outbox.db") as bus:
        listeners = Listeners(bus)
        for number in range(count):
            if number % CRITICAL_EVERY == 0:
                command = ControlCommand(target="leak", command="note")
                await bus.publish(topics.CONTROL_COMMAND, command)
            elif number % NAME_EVERY == 1:
                report = ErrorReport(
                    source=str(number), component="leak", error="x", error_type="ValueError"
                )
                topic = topics.STATUS_ERROR.of(f"part-{number % NAMES}")
                await bus.publish(topic, report)
            else:
                status = CameraStatus(source=str(number), camera="door", state=CameraState.LIVE)
                await bus.publish(topics.STATUS_CAMERA, status)
            if (number + 1) % (count // SAMPLES) == 0:
                samples.append(await asyncio.to_thread(take, number + 1))
        await bus.drain()
        status_now = bus.status()
    wanted = math.ceil(count / CRITICAL_EVERY)
    return samples, [
        Row("messages", count, "messages"),
        Row("time for the messages", time.monotonic() - began_s, "s"),
        Row("messages lost by those who may lose", status_now.dropped, "messages"),
        Row("critical messages lost", wanted - listeners.commands, "messages", 0),
        Row("messages out of order", listeners.out_of_order, "messages", 0),
    ]


class Frames:
    """Counts the frames of a running application, and its events."""

    def __init__(self, application: Application, count: int, take: Take) -> None:
        self.samples: list[Sample] = []
        self.events = self.seen = 0
        self.done = asyncio.Event()
        self._count, self._take = count, take
        bus = application.bus
        bus.subscribe(topics.CAMERA_FRAME, self._on_frame, name="leak", policy=Policy.BLOCK)
        bus.subscribe(topics.EVENT_COMPLETED, self._on_event, name="leak", policy=Policy.BLOCK)

    async def _on_frame(self, message: Message) -> None:
        del message
        self.seen += 1
        if self.seen % (self._count // SAMPLES) == 0 and len(self.samples) < SAMPLES:
            self.samples.append(await asyncio.to_thread(self._take, self.seen))
            if len(self.samples) == SAMPLES:
                self.done.set()

    async def _on_event(self, message: Message) -> None:
        del message
        self.events += 1


def door_settings(detector: str, shared: Path) -> LoadedConfig:
    """The settings of ``analyze``, over a front door that never ends."""
    overrides = {
        "console": {"show": "off"},
        "web": {"enabled": False},
        "pool": {"workers": 1},
        "media": {"max_bytes": "50MB"},
        "objects": {"detector": detector},
        "shared_memory": {"folder": str(shared)},
    }
    loaded = load_config(load_modules(), overrides=overrides, measure=False)
    cameras = {"door": CameraSettings(source=DOOR, doorbell="front", analysis_fps=LOSSLESS_FPS)}
    return replace(loaded, settings=loaded.settings.model_copy(update={"cameras": cameras}))


async def pass_frames(
    count: int, loaded: LoadedConfig, data: DataFolder, take: Take
) -> tuple[list[Sample], list[Row]]:
    """All frames, a sample after each hundredth part."""
    began_s = time.monotonic()
    application = Application(loaded, load_modules(), data, lossless=True)
    frames = Frames(application, count, take)
    async with application:
        await frames.done.wait()
        replaced = application.captures["door"].stats().restarts
    return frames.samples, [
        Row("frames", frames.seen, "frames"),
        Row("time for the frames", time.monotonic() - began_s, "s"),
        Row("events in them", frames.events, "events"),
        Row("capture processes that were replaced", replaced, "processes", 0),
    ]


class Course:
    """What one part's samples say; ``at_s`` of a sample counts messages or frames."""

    def __init__(self, word: str, samples: Sequence[Sample]) -> None:
        self.word = word
        self.samples = samples
        names = dict.fromkeys(name for sample in samples for name in sample.held)
        lasting = [name for name in names if all(name in each.held for each in samples[1:])]
        self.names = sorted(lasting, key=lambda name: (name != "main", name))

    def of(self, name: str, part: str) -> list[float]:
        """A quantity of one process over the run."""
        return [
            getattr(sample.held[name], part) if name in sample.held else math.nan
            for sample in self.samples
        ]

    def growth(self, values: Sequence[float]) -> float:
        """Slope of the second half, times the length of the whole run."""
        half = len(values) // 2
        counts = [sample.at_s for sample in self.samples[half:]]
        line = statistics.linear_regression(counts, values[half:])
        return line.slope * self.samples[-1].at_s

    def rows(self) -> list[Row]:
        """Growth over the run, by what is judged; and where it ended."""
        note = "slope of the second half × the run"
        found = []
        parts = (
            ("memory (PSS)", "memory_mb", "MB", None),
            ("memory without libraries", "own_mb", "MB", SLOPE_BUDGET_MB),
            ("descriptors", "descriptors", "descriptors", 0.5),
            ("threads", "threads", "threads", 0.5),
        )
        for name in self.names:
            for words, part, unit, budget in parts:
                values = self.of(name, part)
                label = f"{self.word}, {name}, {words}"
                found += [
                    Row(f"{label}: growth", self.growth(values), unit, budget, note),
                    Row(f"{label}: at the end", values[-1], unit),
                ]
        shared = [sample.shared_mb for sample in self.samples]
        database = [sample.database_mb for sample in self.samples]
        return [
            *found,
            Row(f"{self.word}, shared memory: growth", self.growth(shared), "MB", 0.5, note),
            Row(f"{self.word}, database and outbox: growth", self.growth(database), "MB"),
        ]

    def panels(self) -> list[Panel]:
        """One for each quantity."""

        def line(values: Sequence[float], unit: str) -> Line:
            growth = self.growth(values)
            return Line(values, f"{0.0 if abs(growth) < 0.05 else growth:+.1f} {unit}")

        def per_process(part: str, unit: str) -> dict[str, Line]:
            return {name: line(self.of(name, part), unit) for name in self.names}

        shared = [sample.shared_mb for sample in self.samples]
        word = self.word.capitalize()
        last = {Held.__slots__[2]: "descriptors", Held.__slots__[3]: "threads"}
        return [
            Panel(f"{word}: memory without libraries, MB", per_process("own_mb", "MB")),
            *(Panel(f"{word}: {words}", per_process(part, "")) for part, words in last.items()),
            Panel(f"{word}: shared memory, MB", {"all": line(shared, "MB")}),
        ]


def draw(path: Path, courses: Sequence[Course]) -> None:
    """The picture for the documentation."""
    shares = [100 * number / SAMPLES for number in range(1, SAMPLES + 1)]
    counts = " and ".join(f"{course.samples[-1].at_s:,.0f} {course.word}" for course in courses)
    subtitle = f"{cpu_model()}. Grey ground: not judged. Right: growth over the run, from the rest."
    panels = [panel for course in courses for panel in course.panels()]
    write_plot(path, f"What {counts} leave behind", subtitle, shares, panels, 50.0, "% of the run")


def sampler(shared: Path, data: Path) -> Take:
    """Looks at this process and its children after the rubbish was collected."""
    looking = Sampler(os.getpid(), shared, data)

    def take(count: int) -> Sample:
        gc.collect()
        return looking.take(count)

    return take


def main() -> None:
    """Messages, frames, report and picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--detector", default="mock", help="of objects; cpu is the real one")
    parser.add_argument("--plot", type=Path, default=PLOT, help="the picture to write")
    parser.add_argument("--name", default="leak", help="of the result")
    wanted = parser.parse_args()
    if min(wanted.messages, wanted.frames) < SAMPLES:
        parser.error(f"at least {SAMPLES} messages and frames are needed, a sample for each")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("spyoncino").setLevel(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory(prefix="leak-") as base,
        tempfile.TemporaryDirectory(prefix="leak-", dir=shared_memory_base()) as shared,
    ):
        folder = Path(base)
        take = sampler(Path(shared), folder)
        told, message_rows = asyncio.run(pass_messages(wanted.messages, folder, take))
        data = DataFolder(folder / "data")
        loaded = door_settings(wanted.detector, Path(shared))
        take = sampler(Path(shared), data.root)
        shown, frame_rows = asyncio.run(pass_frames(wanted.frames, loaded, data, take))
    courses = [Course("messages", told), Course("frames", shown)]
    rows = [*message_rows, *courses[0].rows(), *frame_rows, *courses[1].rows()]
    draw(wanted.plot, courses)
    write_report(wanted.name, rows)


if __name__ == "__main__":
    main()
