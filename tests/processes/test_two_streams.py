"""A camera with a main and a sub stream over real connections: one time, no gap when one dies."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
import pytest_asyncio
from tests.fixtures.clips import FIRST_LUMA, LUMA_STEP, NUMBERS, played_numbers
from tests.fixtures.rtsp_camera import camera_clip, needs_rtsp_server
from tests.fixtures.rtsp_live_camera import LiveRtspCamera
from typer.testing import CliRunner

from spyoncino.cli.app import app
from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import FrameReady, SourceOpened, SourceStateChanged
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_handle import CaptureHandle
from spyoncino.runtime.captures import Captures
from spyoncino.runtime.frame_ring import FrameHandle, read_frame

pytestmark = [pytest.mark.processes, needs_rtsp_server, pytest.mark.timeout(90)]

SCENE_S = NUMBERS / 10
"""A round of the scene, so that the brightness of a picture tells its place in it."""


@dataclass
class Viewer:
    """Reads a camera; of each frame its time and the number that its picture shows."""

    handle: CaptureHandle
    states: list[tuple[str, str]] = field(default_factory=list)
    formats: list[SourceOpened] = field(default_factory=list)
    frames: list[tuple[float, int]] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None

    async def watch(self) -> None:
        async for message in self.handle.messages():
            if isinstance(message, FrameReady):
                self.frames.append((message.pts_s, number_in(message.handle)))
                self.handle.release(message.handle)
            elif isinstance(message, SourceStateChanged):
                self.states.append((message.state, message.detail))
            elif isinstance(message, SourceOpened):
                self.formats.append(message)

    async def until_frames(self, count: int) -> None:
        wanted, deadline = len(self.frames) + count, time.monotonic() + 20
        while len(self.frames) < wanted:
            assert time.monotonic() < deadline, (self.frames, self.states)
            await asyncio.sleep(0.02)

    async def until_detail(self, part: str) -> None:
        """Wait until the newest state is live and its detail has this part, or is empty."""
        deadline = time.monotonic() + 20
        while True:
            state, detail = self.states[-1] if self.states else ("", "?")
            if state == "live" and (part in detail if part else not detail):
                return
            assert time.monotonic() < deadline, self.states
            await asyncio.sleep(0.02)


def number_in(handle: FrameHandle) -> int:
    """The number of the scene's picture, read from the brightness of one in shared memory."""
    luma = read_frame(handle)[: handle.height_px]
    return round((float(np.mean(luma)) - FIRST_LUMA) / LUMA_STEP)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same scene large in 16:9 and small in 4:3, with key frames at other places."""
    folder = tmp_path_factory.mktemp("clips")
    return (
        camera_clip(folder, seconds=SCENE_S, size=(320, 180), gop=9),
        camera_clip(folder, seconds=SCENE_S, size=(160, 120), gop=6),
    )


@pytest_asyncio.fixture
async def captures(tmp_path: Path) -> AsyncIterator[Captures]:
    captures = Captures(SystemClock(), base=tmp_path)
    await captures.open()
    yield captures
    await captures.close()


async def watched(captures: Captures, main: LiveRtspCamera, sub_url: str) -> Viewer:
    sub = SourceSpec("rtsp", sub_url, stall_s=2)
    source = SourceSpec("rtsp", main.url, stall_s=2, sub=sub)
    viewer = Viewer(captures.add(CaptureSpec("door", source, analysis_fps=10)))
    await viewer.handle.start()
    viewer.task = asyncio.create_task(viewer.watch())
    return viewer


def assert_no_gap(numbers: list[int]) -> None:
    assert all((b - a) % NUMBERS == 1 for a, b in itertools.pairwise(numbers)), numbers


async def test_analysis_runs_on_the_sub_stream_and_survives_its_death(
    captures: Captures, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    epoch_s = time.monotonic()
    with (
        LiveRtspCamera(clips[0], epoch_s=epoch_s) as main,
        LiveRtspCamera(clips[1], epoch_s=epoch_s) as sub,
    ):
        viewer = await watched(captures, main, sub.url)
        await viewer.until_frames(10)
        (opened,) = viewer.formats
        assert (opened.width_px, opened.height_px, opened.is_encoded) == (320, 180, False)
        assert (opened.analysis_width_px, opened.analysis_height_px) == (160, 90)
        path = tmp_path / "clip.mp4"
        await viewer.handle.start_clip("c", str(path), viewer.frames[-1][0])
        await viewer.until_frames(10)
        await assert_same_moment(viewer, 320)
        healthy = len(viewer.frames)
        assert_no_gap([number for _, number in viewer.frames[:healthy]])

        sub.kill()
        await viewer.until_detail("the main stream is analysed in its place")
        await viewer.until_frames(10)
        await assert_same_moment(viewer, 320)

        sub.start()
        await viewer.until_detail("")
        await viewer.until_frames(15)
        await assert_same_moment(viewer, 320)

        last_s = viewer.frames[-1][0]
        facts = await viewer.handle.end_clip("c", last_s)
        counters = viewer.handle.stats().counters
    with av.open(str(path)) as clip:
        assert (clip.streams.video[0].width, clip.streams.video[0].height) == (320, 180)
    assert facts.duration_s > 3.5
    assert_no_gap(played_numbers(path))
    assert counters.sub_losses == 1
    assert {state for state, _ in viewer.states[1:]} == {"live"}, "main never saw a break"
    times = [pts_s for pts_s, _ in viewer.frames]
    assert all(b > a for a, b in itertools.pairwise(times))
    assert viewer.handle.stats().restarts == 0


async def assert_same_moment(viewer: Viewer, width_px: int) -> None:
    """The full-size picture of a frame's time is the frame's, or the one beside it."""
    pts_s, number = viewer.frames[-3]
    full = await viewer.handle.frame_at(pts_s)
    assert full.width_px == width_px
    shown = number_in(full)
    viewer.handle.release(full)
    assert (shown - number) % NUMBERS in (0, 1, NUMBERS - 1), (shown, number)


async def test_a_camera_whose_sub_stream_is_not_there_works_and_gets_it_later(
    captures: Captures, clips: tuple[Path, Path]
) -> None:
    epoch_s = time.monotonic()
    sub = LiveRtspCamera(clips[1], epoch_s=epoch_s)
    with LiveRtspCamera(clips[0], epoch_s=epoch_s) as main:
        viewer = await watched(captures, main, sub.url)
        await viewer.until_detail("nothing listens on port")
        await viewer.until_frames(5)
        assert viewer.formats[0].analysis_width_px == 320, "640 where the picture is as wide"
        with sub:
            await viewer.until_detail("")
            await viewer.until_frames(10)
            await assert_same_moment(viewer, 320)
            main.kill()
            deadline = time.monotonic() + 20
            while viewer.states[-1][0] != "retrying":
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)


def test_a_test_of_the_camera_looks_at_both_streams(
    clips: tuple[Path, Path], tmp_path: Path
) -> None:
    epoch_s = time.monotonic()
    config = tmp_path / "spyoncino.yaml"
    with (
        LiveRtspCamera(clips[0], epoch_s=epoch_s) as main,
        LiveRtspCamera(clips[1], epoch_s=epoch_s) as sub,
    ):
        source = f"{{type: rtsp, url: '{main.url}', sub: '{sub.url}'}}"
        config.write_text(f"cameras: {{door: {{source: {source}}}}}\n")
        arguments = ["--config", str(config), "cameras", "test", "door", "--seconds", "2", "--json"]
        done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert (facts["width_px"], facts["sub"]["stream"]["width_px"]) == (320, 160)
    assert facts["sub"]["trouble"] == ""
    assert abs(facts["sub"]["drift_s"]) < 0.5
    assert any("only 160 wide" in wish for wish in facts["advice"])
