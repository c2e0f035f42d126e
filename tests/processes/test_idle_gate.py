"""Real capture processes that sleep: a visitor or a press wakes them, and nothing is late."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from tests.fixtures.idle_clips import FPS, write_idle_clip
from tests.fixtures.rtsp_camera import RtspCamera, needs_rtsp_server

from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.idle_gate import GateCounters, IdleGateSpec
from spyoncino.runtime.capture.messages import EndOfStream, FrameReady, SourceStateChanged
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_handle import CaptureHandle
from spyoncino.runtime.captures import Captures

pytestmark = [pytest.mark.processes, pytest.mark.alone, pytest.mark.timeout(120)]

ANALYSIS_FPS = 5
WALKS_AT_S = 7.5
GATE = IdleGateSpec(quiet_s=2, look_s=1)
ENDED = "end of stream"
STALL_S, GOP_S = 2.0, 3
"""Silence that is no sleep, and a time between key frames that is longer."""


@dataclass
class Viewer:
    """Reads a camera and remembers what it said."""

    handle: CaptureHandle
    frames: list[FrameReady] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        async for message in self.handle.messages():
            if isinstance(message, FrameReady):
                self.frames.append(message)
                self.handle.release(message.handle)
            elif isinstance(message, SourceStateChanged):
                self.states.append(message.state)
            elif isinstance(message, EndOfStream):
                self.states.append(ENDED)

    @property
    def gate(self) -> GateCounters:
        return self.handle.stats().counters.gate

    @property
    def times(self) -> list[float]:
        return [frame.pts_s for frame in self.frames]

    def first_motion_s(self) -> float:
        return next(f.pts_s for f in self.frames if f.motion and f.motion.regions)

    async def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 40
        while not is_so():
            assert time.monotonic() < deadline, (self.states, self.gate, self.times[-20:])
            await asyncio.sleep(0.02)


@dataclass
class Stage:
    """Cameras that run."""

    captures: Captures
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def start(self, name: str, source: SourceSpec, gate: IdleGateSpec | None) -> Viewer:
        spec = CaptureSpec(name, source, analysis_fps=ANALYSIS_FPS, idle_gate=gate)
        viewer = Viewer(self.captures.add(spec))
        await viewer.handle.start()
        self.tasks.append(asyncio.create_task(viewer.watch()))
        return viewer


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    captures = Captures(SystemClock(), base=tmp_path)
    await captures.open()
    stage = Stage(captures)
    yield stage
    await captures.close()
    await asyncio.gather(*stage.tasks)


async def test_a_visitor_wakes_a_sleeping_camera_and_is_seen_as_early_as_by_one_awake(
    stage: Stage, tmp_path: Path
) -> None:
    path = write_idle_clip(tmp_path / "a.mp4", seconds=10.5, walks_at_s=WALKS_AT_S)
    source = SourceSpec("file", str(path))
    gated = await stage.start("gated", source, GATE)
    plain = await stage.start("plain", source, None)
    await gated.until(lambda: gated.gate.state == "asleep")
    for viewer in (gated, plain):
        await viewer.until(lambda seen=viewer: ENDED in seen.states)  # type: ignore[misc]

    assert abs(gated.first_motion_s() - plain.first_motion_s()) <= 1.5 / ANALYSIS_FPS
    assert all(a < b for a, b in itertools.pairwise(gated.times))
    awake = [t for t in gated.times if t > WALKS_AT_S]
    assert max(b - a for a, b in itertools.pairwise(awake)) < 2 / ANALYSIS_FPS
    assert len(gated.times) < len(plain.times)
    assert plain.gate.state == "off"


@needs_rtsp_server
async def test_a_sleeping_camera_is_no_stalled_one_and_wakes_when_asked(
    stage: Stage, tmp_path: Path
) -> None:
    path = write_idle_clip(tmp_path / "a.mkv", seconds=60, walks_at_s=60, gop_s=GOP_S)
    with RtspCamera(path) as camera:
        source = SourceSpec("rtsp", camera.url, options={"transport": "tcp"}, stall_s=STALL_S)
        viewer = await stage.start("gated", source, GATE)
        await viewer.until(lambda: viewer.gate.asleep_s > 1.5 * GOP_S)
        assert "stalled" not in viewer.states
        before = viewer.times[-1]
        viewer.handle.attend(1.5)
        await viewer.until(lambda: viewer.gate.wakes_asked == 1)
        await viewer.until(lambda: viewer.times[-1] > before + GOP_S + 1.5)
        asked = [t for t in viewer.times if before <= t <= before + 1.5]
        steps = [b - a for a, b in itertools.pairwise(asked)]
        assert len(steps) >= 1
        assert max(steps) < 1 / ANALYSIS_FPS + 1.5 / FPS
        await viewer.until(lambda: viewer.gate.state == "asleep")
        camera.freeze()
        await viewer.until(lambda: "stalled" in viewer.states)
        camera.thaw()
