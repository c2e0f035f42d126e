"""Live cameras over real connections: what arrives, what goes wrong, and how they come back."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest
import pytest_asyncio
from tests.fixtures.rtsp_camera import RtspCamera, camera_clip, free_port, needs_rtsp_server

from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import FrameReady, SourceOpened, SourceStateChanged
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_handle import CaptureHandle
from spyoncino.runtime.captures import Captures

pytestmark = [pytest.mark.processes, needs_rtsp_server, pytest.mark.timeout(90)]

STALL_S = 2.0


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@dataclass
class Viewer:
    """Reads a camera and remembers what it said."""

    handle: CaptureHandle
    states: list[tuple[str, str]] = field(default_factory=list)
    formats: list[SourceOpened] = field(default_factory=list)
    frames: int = 0
    task: "asyncio.Task[None] | None" = None

    async def watch(self) -> None:
        async for message in self.handle.messages():
            if isinstance(message, FrameReady):
                self.frames += 1
                self.handle.release(message.handle)
            elif isinstance(message, SourceStateChanged):
                self.states.append((message.state, message.detail))
            elif isinstance(message, SourceOpened):
                self.formats.append(message)

    async def until_state(self, state: str, after: int = 0, timeout_s: float = 30) -> str:
        """Wait for a state behind the first so many; its detail."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for name, detail in self.states[after:]:
                if name == state:
                    return detail
            await asyncio.sleep(0.02)
        raise AssertionError(f"never {state}: {self.states}")

    async def until_frames(self, count: int, timeout_s: float = 30) -> None:
        """Wait for so many more frames."""
        wanted = self.frames + count
        deadline = time.monotonic() + timeout_s
        while self.frames < wanted:
            assert time.monotonic() < deadline, (self.frames, self.states)
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def captures(tmp_path: Path) -> AsyncIterator[Captures]:
    captures = Captures(SystemClock(), base=tmp_path)
    await captures.open()
    yield captures
    await captures.close()


async def watched(captures: Captures, source: SourceSpec) -> Viewer:
    handle = captures.add(CaptureSpec("door", source, analysis_fps=10))
    viewer = Viewer(handle)
    await handle.start()
    viewer.task = asyncio.create_task(viewer.watch())
    return viewer


def rtsp(camera: RtspCamera, transport: str = "tcp", **secrets: str) -> SourceSpec:
    return SourceSpec(
        "rtsp", camera.url, options={"transport": transport}, secrets=secrets, stall_s=STALL_S
    )


@pytest.mark.parametrize(
    ("codec", "transport", "audio"),
    [
        ("h264", "tcp", "aac"),
        ("h264", "udp", "pcm_mulaw"),
        ("hevc", "tcp", "pcm_alaw"),
        ("hevc", "udp", ""),
    ],
)
async def test_a_camera_is_seen_and_its_clips_play(
    captures: Captures, clips: Path, tmp_path: Path, codec: str, transport: str, audio: str
) -> None:
    with RtspCamera(camera_clip(clips, codec, audio=audio), codec, audio=audio) as camera:
        viewer = await watched(captures, rtsp(camera, transport))
        await viewer.until_frames(5)
        opened = viewer.formats[0]
        assert (opened.width_px, opened.height_px, opened.codec) == (160, 96, codec)
        assert opened.has_audio == bool(audio)
        assert not opened.is_encoded
        path = tmp_path / "clip.mp4"
        await viewer.handle.start_clip("c", str(path), 0.0)
        await viewer.until_frames(15)
        facts = await viewer.handle.end_clip("c", 1.5)
    assert facts.duration_s >= 1.4
    with av.open(str(path)) as clip:
        assert len(list(clip.decode(video=0))) >= 14
    with av.open(str(path)) as clip:
        assert [stream.codec_context.name for stream in clip.streams.audio] == (
            ["aac"] if audio else []
        )


async def test_name_and_password_are_needed_and_never_told(
    captures: Captures, clips: Path, caplog: pytest.LogCaptureFixture
) -> None:
    account = ("anna", "s3cr3t@/1")
    with RtspCamera(camera_clip(clips), account=account) as camera:
        spec = rtsp(camera, **dict(zip(("username", "password"), ("anna", "wr0ng!"), strict=True)))
        viewer = await watched(captures, spec)
        detail = await viewer.until_state("retrying")
        assert "does not accept the name 'anna' with this password" in detail
        assert "wr0ng" not in detail + caplog.text + repr(spec)
        await captures.remove("door")
        viewer = await watched(captures, rtsp(camera, username=account[0], password=account[1]))
        await viewer.until_frames(3)


async def test_a_missing_path_and_a_closed_port_have_their_own_sentences(
    captures: Captures, clips: Path
) -> None:
    with RtspCamera(camera_clip(clips)) as camera:
        spec = SourceSpec("rtsp", camera.url.replace("/live", "/nope"))
        viewer = await watched(captures, spec)
        assert "has no stream at this path" in await viewer.until_state("retrying")
    await captures.remove("door")
    spec = SourceSpec("rtsp", f"rtsp://127.0.0.1:{free_port()}/live")
    viewer = await watched(captures, spec)
    detail = await viewer.until_state("retrying")
    assert "nothing listens on port" in detail
    assert "Next try in 1 s." in detail


async def test_a_camera_that_was_off_comes_back_in_the_same_process(
    captures: Captures, clips: Path, tmp_path: Path
) -> None:
    with RtspCamera(camera_clip(clips)) as camera:
        viewer = await watched(captures, rtsp(camera))
        await viewer.until_frames(5)
        pid = viewer.handle.stats().pid
        path = tmp_path / "clip.mp4"
        await viewer.handle.start_clip("c", str(path), 0.0)
        await viewer.until_frames(10)
        camera.kill()
        await viewer.until_state("retrying")
        facts = await viewer.handle.end_clip("c", 99.0)
        assert facts.duration_s > 0.9
        assert any("cut short" in note for note in facts.notes)
        seen = len(viewer.states)
        other = RtspCamera(camera_clip(clips, "hevc", size=(192, 128)), "hevc", port=camera.port)
        with other:
            await viewer.until_state("live", after=seen)
            await viewer.until_frames(5)
            assert viewer.handle.stats().pid == pid
            assert viewer.handle.stats().restarts == 0
            assert [f.codec for f in viewer.formats] == ["h264", "hevc"]
            assert (viewer.formats[1].width_px, viewer.formats[1].height_px) == (192, 128)
            rings = [Path(f.ring) for f in viewer.formats]
            assert [ring.exists() for ring in rings] == [False, True]


@pytest.mark.alone
async def test_a_frozen_camera_is_stalled_and_goes_on_when_it_thaws(
    captures: Captures, clips: Path
) -> None:
    with RtspCamera(camera_clip(clips)) as camera:
        viewer = await watched(captures, rtsp(camera))
        await viewer.until_frames(5)
        camera.freeze()
        assert "No new picture came for 2 s" in await viewer.until_state("stalled", timeout_s=6)
        camera.thaw()
        await viewer.until_frames(5)
        assert [state for state, _ in viewer.states] == ["connecting", "live", "stalled", "live"]


async def test_a_camera_frozen_for_long_is_connected_again(captures: Captures, clips: Path) -> None:
    with RtspCamera(camera_clip(clips)) as camera:
        viewer = await watched(captures, rtsp(camera))
        await viewer.until_frames(5)
        camera.freeze()
        detail = await viewer.until_state("retrying")
        assert "for 4 s" in detail
        camera.thaw()
        seen = len(viewer.states)
        await viewer.until_state("live", after=seen)
        await viewer.until_frames(5)


@pytest.mark.alone
async def test_stopping_does_not_wait_for_a_camera_that_hangs(
    captures: Captures, clips: Path
) -> None:
    with RtspCamera(camera_clip(clips)) as camera:
        camera.freeze()
        viewer = await watched(captures, rtsp(camera))
        await viewer.until_state("connecting")
        pid = viewer.handle.stats().pid
        assert pid is not None
        began_s = time.monotonic()
        await captures.remove("door")
        assert time.monotonic() - began_s < 4
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.rglob("*.ring"))
