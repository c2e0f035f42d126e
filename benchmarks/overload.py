"""A detector that is too slow for its cameras: what leaving work out in stages is good for.

Three cameras in which something moves all the time; a worker that needs 0.15 s for each part of a
picture (a small machine), so that about ``--times`` as much is asked for as can be done: a picture
is looked at as a whole or in one part. A clip is finished every three seconds, somebody rings once
in 40. The real bus, pool and object detector; only pictures and the model are left out: the worker
sleeps. Then nothing moves any more, and the time is taken until nothing waits and everything is
analysed again. The same twice, without and with ``core.load_control``.

    python benchmarks/overload.py --seconds 120
"""

import argparse
import asyncio
import logging
import math
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import structlog

from report import ROOT, Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.context import ModuleContext
from spyoncino.core.decisions import DecisionLog
from spyoncino.core.doorbells import Doorbells
from spyoncino.core.load_control import LoadControl
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.core.wiring import subscribe_module
from spyoncino.errors import SpyoncinoError
from spyoncino.modules.process.object_detector import ObjectDetectorModule, ObjectSettings
from spyoncino.runtime.jobs import Job, Priority, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.tasks import OBJECTS
from spyoncino.schemas import topics
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.status import LoadStage

sys.path.insert(0, str(ROOT))

from tests.fixtures.payloads import MOVING, STILL, frame

from spyoncino.testing.harness import FakeCaptures

LOOK_S, FINISH_S = 0.15, 0.5
CAMERAS = ("door", "gate", "yard")
CLIP_EVERY_S, PRESS_EVERY_S = 3.0, 40.0
CALM_S = 0.1
"""A queue whose oldest job is younger is no queue."""

RECOVERY_TIMEOUT_S = 180.0


@dataclass(slots=True)
class Run:
    """What was measured; ages in seconds."""

    looks_s: list[float] = field(default_factory=list)
    press_looks_s: list[float] = field(default_factory=list)
    clips_s: list[float] = field(default_factory=list)
    clips_asked: int = 0
    frames: int = 0
    presses: int = 0
    failed: int = 0
    overtaken: int = 0
    shed: int = 0
    shed_by_pool: int = 0
    drained_s: float = float("nan")
    recovered_s: float = float("nan")
    stages: list[str] = field(default_factory=list)


class House:
    """Cameras, bell and clips around one detector."""

    def __init__(self, pool: WorkerPool, bus: Bus, folder: Path, times: float) -> None:
        self.run = Run()
        self._frame_every_s = LOOK_S * len(CAMERAS) / times
        self._is_calm = False
        self._pool, self._bus = pool, bus
        self._clock = SystemClock()
        self._began_s = time.monotonic()
        self._pressed_s: dict[str, float] = {}
        self._waits_for_look: set[str] = set()
        context = ModuleContext(
            bus=bus,
            clock=self._clock,
            log=structlog.get_logger("overload"),
            decisions=DecisionLog(),
            data=DataFolder(folder),
            cameras={},
            doorbells=Doorbells(bus, {}, {}),
            pool=pool,
            captures=cast("Any", FakeCaptures()),
            database=cast("Any", None),
        )
        self.detector = ObjectDetectorModule(context)

    async def live(self, seconds: float) -> Run:
        """Let it run for so long."""
        await self.detector.configure(ObjectSettings())
        await self.detector.start()
        subscribe_module(self._bus, self.detector, lossless=False)
        self._bus.subscribe(topics.OBJECTS_DETECTED, self._on_look, name="ear")
        self._bus.subscribe(topics.STATUS_LOAD, self._on_load, name="stages")
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds + RECOVERY_TIMEOUT_S), asyncio.TaskGroup() as group:
                showing = [group.create_task(self._show(camera)) for camera in CAMERAS]
                asking = [
                    group.create_task(each(group)) for each in (self._finish_clips, self._ring)
                ]
                await asyncio.sleep(seconds)
                for task in asking:
                    task.cancel()
                await self._count()
                self._is_calm = True
                await self._recover()
                for task in showing:
                    task.cancel()
        await self.detector.stop()
        return self.run

    async def _count(self) -> None:
        """What was left out until now."""
        numbers = (await self.detector.health()).numbers
        self.run.failed = int(numbers["looks_failed"])
        self.run.overtaken = int(numbers["frames_overtaken"])
        self.run.shed = int(numbers["frames_shed"])
        self.run.shed_by_pool = self._pool.pressure().continuous_shed

    async def _recover(self) -> None:
        """Nothing moves any more: wait until nothing waits, and until every stage was left."""
        began_s = self._now_s()
        while True:
            pressure = self._pool.pressure()
            is_drained = max(pressure.continuous_wait_s, pressure.background_wait_s) < CALM_S
            if is_drained and math.isnan(self.run.drained_s):
                self.run.drained_s = self._now_s() - began_s
            if is_drained and self.run.stages[-1:] in ([], [LoadStage.NORMAL.value]):
                self.run.recovered_s = self._now_s() - began_s
                return
            await asyncio.sleep(CALM_S)

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s

    async def _show(self, camera: str) -> None:
        while True:
            shown = frame(self._now_s(), camera=camera, motion=STILL if self._is_calm else MOVING)
            self.run.frames += not self._is_calm
            await self._bus.publish(topics.CAMERA_FRAME.of(camera), shown)
            await asyncio.sleep(self._frame_every_s)

    async def _ring(self, group: asyncio.TaskGroup) -> None:
        del group
        while True:
            await asyncio.sleep(PRESS_EVERY_S)
            press = DoorbellEvent(doorbell="door", camera="door", pts_s=self._now_s())
            self._pressed_s["door"] = self._now_s()
            self.run.presses += 1
            self._waits_for_look.add("door")
            await self._bus.publish(topics.DOORBELL_PRESSED.of("door"), press)

    async def _finish_clips(self, group: asyncio.TaskGroup) -> None:
        while True:
            group.create_task(self._finish())
            await asyncio.sleep(CLIP_EVERY_S)

    async def _finish(self) -> None:
        self.run.clips_asked += 1
        began_s = self._now_s()
        with suppress(SpyoncinoError):
            await self._pool.submit(Job("finish", 0, priority=Priority.BACKGROUND))
            self.run.clips_s.append(self._now_s() - began_s)

    async def _on_look(self, message: Message) -> None:
        shown_s = message.payload.frame.pts_s
        camera = message.payload.frame.camera
        pressed_s = self._pressed_s.get(camera, float("-inf"))
        if not self._is_calm and shown_s > pressed_s + ObjectSettings().press_look_s:
            self.run.looks_s.append(self._now_s() - shown_s)
        if camera in self._waits_for_look and shown_s >= pressed_s:
            self._waits_for_look.discard(camera)
            self.run.press_looks_s.append(self._now_s() - pressed_s)

    async def _on_load(self, message: Message) -> None:
        self.run.stages.append(message.payload.stage.value)


async def measured(seconds: float, times: float, folder: Path, *, is_controlled: bool) -> Run:
    """One run."""
    clock = SystemClock()
    tasks = [
        TaskSpec(OBJECTS, "pool_work:build_slow_look", {"seconds": LOOK_S}),
        TaskSpec("finish", "pool_work:build_sleep", {"seconds": FINISH_S}),
    ]
    async with Bus(clock) as bus, WorkerPool(tasks, 1, clock) as pool:
        control = LoadControl(
            bus,
            clock,
            structlog.get_logger("overload"),
            pressure_of_pool=pool.pressure,
            loop_lag_s=lambda: 0.0,
            on_change=lambda: asyncio.sleep(0),
        )
        if is_controlled:
            control.start()
        try:
            return await House(pool, bus, folder, times).live(seconds)
        finally:
            await control.stop()


def rows(word: str, run: Run) -> list[Row]:
    """The figures of one run."""

    def median(values: list[float]) -> float:
        return statistics.median(values) if values else float("nan")

    return [
        Row(f"{word}: pictures with motion", run.frames, "pictures"),
        Row(f"{word}: shed by its stage", run.shed, "pictures"),
        Row(f"{word}: shed because a newer one came", run.overtaken, "pictures"),
        Row(f"{word}: shed in the pool's queue", run.shed_by_pool, "jobs"),
        Row(f"{word}: looks told, without those after a press", len(run.looks_s), "looks"),
        Row(f"{word}: looks given up", run.failed, "looks"),
        Row(f"{word}: age of what is told, median", median(run.looks_s), "s"),
        Row(f"{word}: age of what is told, most", max(run.looks_s, default=0), "s"),
        Row(f"{word}: press to its first look, most", max(run.press_looks_s, default=0), "s"),
        Row(f"{word}: presses looked at", len(run.press_looks_s), "presses", run.presses),
        Row(f"{word}: clips finished", len(run.clips_s), "clips", None, f"of {run.clips_asked}"),
        Row(f"{word}: wait for a clip, median", median(run.clips_s), "s"),
        Row(f"{word}: until nothing waits, once it is calm", run.drained_s, "s"),
        Row(f"{word}: until everything is analysed again", run.recovered_s, "s"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--times", type=float, default=5.0, help="asked for, of what can be done")
    parser.add_argument("--name", default="overload", help="of the result")
    wanted = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.getLogger("spyoncino").setLevel(logging.ERROR)
    found = []
    with tempfile.TemporaryDirectory(prefix="overload-") as folder:
        for word, is_controlled in (("without", False), ("with stages", True)):
            run = asyncio.run(
                measured(wanted.seconds, wanted.times, Path(folder), is_controlled=is_controlled)
            )
            found += rows(word, run)
            print(word, "stages:", run.stages)
    write_report(wanted.name, found)


if __name__ == "__main__":
    main()
