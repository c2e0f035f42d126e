"""A Pi camera's capture process over the double of picamera2: frames, clips, a cable that goes.

The double hangs as the library does, so that the process must be given up and begun anew.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import av
import pytest
from tests.fixtures.pi_camera import pi_camera

from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import FrameReady, SourceOpened, SourceStateChanged
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.captures import Captures

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

SMALL: dict[str, str | float | int | bool] = {"width": 160, "height": 96, "fps": 20.0}

Pi = Callable[..., None]


@pytest.fixture
def pi(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pi]:
    with ExitStack() as stack:
        yield lambda **plan: stack.enter_context(pi_camera(monkeypatch, **plan))


class Story:
    """What the camera said."""

    def __init__(self) -> None:
        self.opened: list[SourceOpened] = []
        self.details: list[str] = []
        self.pids: set[int | None] = set()
        self.frames = 0


async def story_of(
    base: Path, is_told: Callable[[Story], bool], stall_s: float = 8.0, clip: Path | None = None
) -> Story:
    """Run a Pi camera until enough is told, with a clip from its first packet on if asked for."""
    captures = Captures(SystemClock(), base=base)
    await captures.open()
    source = SourceSpec("pi", "0", options=SMALL, stall_s=stall_s)
    handle = captures.add(CaptureSpec("door", source, analysis_fps=10))
    story = Story()
    await handle.start()

    async def watch() -> None:
        async for message in handle.messages():
            if isinstance(message, FrameReady):
                story.frames += 1
                story.pids.add(handle.stats().pid)
                handle.release(message.handle)
            elif isinstance(message, SourceOpened):
                story.opened.append(message)
            elif isinstance(message, SourceStateChanged):
                story.details.append(message.detail)

    watching = asyncio.create_task(watch())
    deadline = time.monotonic() + 40
    while not is_told(story):
        assert time.monotonic() < deadline, (story.frames, story.details)
        await asyncio.sleep(0.02)
    if clip is not None:
        await handle.start_clip("c", str(clip), 0.0)
        await handle.end_clip("c", 1.0)
    await captures.close()
    await watching
    return story


@pytest.mark.parametrize(
    ("encoder", "codec", "is_encoded"), [("hardware", "h264", False), ("libav", "raw", True)]
)
async def test_frames_and_clips_come_with_and_without_an_encoder_on_the_board(
    pi: Pi, tmp_path: Path, encoder: str, codec: str, is_encoded: bool
) -> None:
    pi(encoder=encoder)
    clip = tmp_path / "clip.mp4"
    story = await story_of(tmp_path, lambda told: told.frames >= 5, clip=clip)
    opened = story.opened[0]
    assert (opened.codec, opened.is_encoded, opened.width_px) == (codec, is_encoded, 160)
    with av.open(str(clip)) as played:
        assert len(list(played.decode(video=0))) >= 18


async def test_a_cable_that_comes_off_begins_a_new_process(pi: Pi, tmp_path: Path) -> None:
    pi(lost_after=10, lost_once=str(tmp_path / "lost"))
    story = await story_of(
        tmp_path, lambda told: len(told.pids) == 2 and told.frames >= 10, stall_s=0.5
    )
    assert any("check its ribbon cable" in detail for detail in story.details), story.details
    assert any("beginning with a new process" in detail for detail in story.details)
