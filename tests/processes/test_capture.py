"""Real capture processes: what they deliver, and what happens when they or main die."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import av
import pytest
import pytest_asyncio
from tests.fixtures.capture_clips import index_of, write_clip

from spyoncino.clock import SystemClock
from spyoncino.errors import MediaError, StaleFrameError, UsageError
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import (
    CaptureMessage,
    EndOfStream,
    FrameReady,
    Pressed,
    SourceOpened,
    SourceStateChanged,
)
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_handle import CaptureHandle
from spyoncino.runtime.capture_limits import CaptureLimits
from spyoncino.runtime.captures import Captures
from spyoncino.runtime.frame_ring import read_frame

pytestmark = pytest.mark.processes

LIMITS = CaptureLimits(first_pause_s=0.1)
"""Only the test that waits for it shortens the silence: a busy machine must not look like one."""

M = TypeVar("M")


@pytest_asyncio.fixture
async def captures(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Captures]:
    """Captures with short limits; a test changes some by ``@limits(...)``."""
    changes = getattr(request, "param", {})
    captures = Captures(SystemClock(), replace(LIMITS, **changes), base=tmp_path)
    await captures.open()
    yield captures
    await captures.close()
    assert leftovers(tmp_path) == []


def limits(**changes: float) -> pytest.MarkDecorator:
    """Run a test with other limits."""
    return pytest.mark.parametrize("captures", [changes], indirect=True, ids=["limits"])


def remaining(paths: set[str]) -> set[str]:
    return {path for path in paths if Path(path).exists()}


def leftovers(base: Path) -> list[Path]:
    return list(base.glob("spyoncino-*"))


async def eventually(is_so: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(timeout_s):
        while not is_so():  # noqa: ASYNC110 -- there is no event to wait for
            await asyncio.sleep(0.02)


def file_spec(path: Path, *, is_lossless: bool = True, fps: float = 10) -> CaptureSpec:
    source = SourceSpec(kind="file", path=str(path), realtime=not is_lossless, loop=not is_lossless)
    return CaptureSpec("door", source, analysis_fps=fps, is_lossless=is_lossless)


class Consumer:
    """Reads a camera's messages, and lets go of every frame unless told otherwise."""

    def __init__(self, handle: CaptureHandle, *, is_holding: bool = False) -> None:
        self.handle = handle
        self.is_holding = is_holding
        self.seen: list[CaptureMessage] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.handle.messages():
            self.seen.append(message)
            if isinstance(message, FrameReady) and not self.is_holding:
                self.handle.release(message.handle)
            self._news.set()

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.seen if isinstance(message, kind)]

    def states(self) -> list[str]:
        return [message.state for message in self.of(SourceStateChanged)]

    async def until(self, is_enough: Callable[[], bool], timeout_s: float = 20.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_enough():
                self._news.clear()
                await self._news.wait()

    async def frames(self, count: int) -> list[FrameReady]:
        await self.until(lambda: len(self.of(FrameReady)) >= count)
        return self.of(FrameReady)

    async def end(self) -> EndOfStream:
        await self.until(lambda: bool(self.of(EndOfStream)))
        return self.of(EndOfStream)[0]

    async def finished(self) -> None:
        await self._task


async def started(captures: Captures, spec: CaptureSpec, *, is_holding: bool = False) -> Consumer:
    handle = captures.add(spec)
    await handle.start()
    return Consumer(handle, is_holding=is_holding)


def pid_of(consumer: Consumer) -> int:
    pid = consumer.handle.stats().pid
    assert pid is not None
    return pid


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def pictures_in(path: str) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


async def test_a_file_is_told_in_order_from_the_first_frame_to_the_end(
    captures: Captures, tmp_path: Path
) -> None:
    consumer = await started(captures, file_spec(write_clip(tmp_path / "a.mp4")))

    end = await consumer.end()

    assert (end.frame_count, end.error) == (30, "")
    assert end.pts_s == pytest.approx(2.9)
    frames = consumer.of(FrameReady)
    assert [frame.frame_index for frame in frames] == list(range(30))
    assert [frame.sequence for frame in frames] == list(range(30))
    assert isinstance(consumer.seen[1], SourceOpened)
    await consumer.until(lambda: "ended" in consumer.states())
    assert consumer.states() == ["connecting", "live", "ended"]
    assert captures.leases.outstanding == 0


async def test_the_pixels_in_shared_memory_are_those_of_the_frame(
    captures: Captures, tmp_path: Path
) -> None:
    handle = captures.add(file_spec(write_clip(tmp_path / "a.mp4")))
    await handle.start()
    read: list[int] = []

    async for message in handle.messages():
        if isinstance(message, FrameReady):
            picture = await asyncio.to_thread(read_frame, message.handle)
            read.append(index_of(picture[:96].mean()))
            handle.release(message.handle)
        elif isinstance(message, EndOfStream):
            break

    assert read == list(range(30))


async def test_a_full_size_picture_of_any_moment_is_decoded_on_demand_even_after_the_end(
    captures: Captures, tmp_path: Path
) -> None:
    spec = replace(file_spec(write_clip(tmp_path / "a.mp4")), analysis_max_width_px=64)
    consumer = await started(captures, spec)
    await consumer.end()

    for index in (17, 3):
        frame = await consumer.handle.frame_at(index / 10)
        picture = await asyncio.to_thread(read_frame, frame)
        assert (frame.width_px, frame.height_px) == (160, 96)
        assert index_of(picture[:96].mean()) == index
        captures.hold(frame)
        captures.release(frame)
        consumer.handle.release(frame)
    assert consumer.of(FrameReady)[0].handle.width_px == 64
    with pytest.raises(StaleFrameError):
        consumer.handle.hold(frame)


async def test_pictures_are_refused_with_a_sentence_when_gone_or_when_all_places_are_taken(
    captures: Captures, tmp_path: Path
) -> None:
    spec = file_spec(write_clip(tmp_path / "a.mp4"))
    consumer = await started(captures, replace(spec, packet_ring_s=1.0, pinned_slots=1))
    await consumer.end()

    with pytest.raises(MediaError, match=r"No video of second 0\.00 is kept"):
        await consumer.handle.frame_at(0.0)
    kept = await consumer.handle.frame_at(2.5)
    with pytest.raises(MediaError, match="full-size pictures are held"):
        await consumer.handle.frame_at(2.6)
    consumer.handle.release(kept)
    consumer.handle.release(await consumer.handle.frame_at(2.6))


async def test_a_clip_holds_everything_between_its_two_moments(
    captures: Captures, tmp_path: Path
) -> None:
    consumer = await started(captures, file_spec(write_clip(tmp_path / "a.mp4")))
    await consumer.end()
    path = str(tmp_path / "clip.part.mp4")

    await consumer.handle.start_clip("c1", path, 1.2)
    assert consumer.handle.stats().open_clips == 1
    facts = await consumer.handle.end_clip("c1", 2.0)

    assert facts.path == path
    assert facts.start_s == pytest.approx(1.0)
    assert pictures_in(path) == 20
    with pytest.raises(UsageError, match="No clip c1"):
        await consumer.handle.end_clip("c1", 2.0)


async def test_a_clip_that_cannot_be_written_is_refused_at_its_start(
    captures: Captures, tmp_path: Path
) -> None:
    consumer = await started(captures, file_spec(write_clip(tmp_path / "a.mp4")))
    await consumer.end()

    with pytest.raises(MediaError, match="cannot be written"):
        await consumer.handle.start_clip("c1", str(tmp_path / "a.mp4" / "clip.mp4"), 0.0)

    assert consumer.handle.stats().open_clips == 0


async def test_the_simulator_tells_of_the_press_between_its_frames(captures: Captures) -> None:
    options: dict[str, str | float | int | bool] = {
        "width": 320,
        "height": 180,
        "press_at_s": 1.0,
        "visitor_at_s": 0.2,
        "duration_s": 2.0,
    }
    source = SourceSpec(kind="sim", realtime=False, options=options)
    consumer = await started(
        captures, CaptureSpec("door", source, analysis_fps=15, is_lossless=True)
    )

    await consumer.end()

    (press,) = consumer.of(Pressed)
    place = consumer.seen.index(press)
    before = [m for m in consumer.seen[:place] if isinstance(m, FrameReady)]
    assert press.pts_s == pytest.approx(1.0)
    assert before[-1].pts_s <= press.pts_s + 0.1
    (opened,) = consumer.of(SourceOpened)
    assert (opened.codec, opened.is_encoded) == ("raw", True)


async def test_a_lossless_camera_waits_for_a_free_slot_and_still_serves_clips(
    captures: Captures, tmp_path: Path
) -> None:
    spec = replace(file_spec(write_clip(tmp_path / "a.mp4")), ring_slots=2)
    consumer = await started(captures, spec, is_holding=True)
    await consumer.frames(2)

    path = str(tmp_path / "clip.part.mp4")
    await consumer.handle.start_clip("c1", path, 0.0)
    assert len(consumer.of(FrameReady)) == 2
    for frame in consumer.of(FrameReady):
        consumer.handle.release(frame.handle)
    consumer.is_holding = False
    end = await consumer.end()

    assert end.frame_count == len(consumer.of(FrameReady)) == 30
    assert (await consumer.handle.end_clip("c1", 2.9)).duration_s == pytest.approx(3.0, abs=0.11)


async def test_a_live_camera_skips_frames_without_a_free_slot_and_counts_them(
    captures: Captures, tmp_path: Path
) -> None:
    spec = file_spec(write_clip(tmp_path / "a.mp4"), is_lossless=False)
    consumer = await started(captures, replace(spec, ring_slots=2), is_holding=True)
    held = await consumer.frames(2)

    await eventually(lambda: consumer.handle.stats().counters.frames_skipped > 0)
    assert len(consumer.of(FrameReady)) == 2
    consumer.is_holding = False
    for frame in held:
        consumer.handle.release(frame.handle)
    later = await consumer.frames(4)

    assert later[2].sequence == 2
    assert later[2].frame_index > 3


@pytest.mark.alone
async def test_a_killed_capture_process_is_replaced_and_its_clip_keeps_what_was_written(
    captures: Captures, tmp_path: Path
) -> None:
    spec = file_spec(write_clip(tmp_path / "a.mp4", gop=5), is_lossless=False)
    consumer = await started(captures, spec)
    await consumer.frames(1)
    path = str(tmp_path / "clip.part.mp4")
    await consumer.handle.start_clip("c1", path, 0.0)
    await consumer.frames(25)
    first_pid = pid_of(consumer)

    killed_at = time.monotonic()
    os.kill(first_pid, signal.SIGKILL)
    await consumer.until(lambda: len(consumer.of(SourceOpened)) == 2)
    await consumer.until(lambda: isinstance(consumer.seen[-1], FrameReady))
    recovered_s = time.monotonic() - killed_at
    facts = await consumer.handle.end_clip("c1", 99.0)

    assert pid_of(consumer) != first_pid
    assert recovered_s < 10
    assert consumer.states() == ["connecting", "live", "retrying", "connecting", "live"]
    retrying = consumer.of(SourceStateChanged)[2].detail
    assert "was killed by signal 9 (SIGKILL)" in retrying
    assert "door" in retrying
    assert facts.notes[0].startswith("cut short: The capture process")
    assert pictures_in(path) >= 10
    assert consumer.handle.stats().restarts == 1
    rings = {frame.handle.ring for frame in consumer.of(FrameReady)}
    assert len(rings) == 2
    assert len(leftovers(tmp_path)) == 1
    assert remaining(rings) == {consumer.of(FrameReady)[-1].handle.ring}


@pytest.mark.alone
@limits(silence_s=4.0)
async def test_a_stopped_capture_process_is_killed_and_replaced(
    captures: Captures, tmp_path: Path
) -> None:
    consumer = await started(captures, file_spec(write_clip(tmp_path / "a.mp4"), is_lossless=False))
    await consumer.frames(3)
    first_pid = pid_of(consumer)

    os.kill(first_pid, signal.SIGSTOP)
    asking = asyncio.create_task(consumer.handle.frame_at(0.1, timeout_s=15.0))
    await consumer.until(lambda: len(consumer.of(SourceOpened)) >= 2)

    assert not is_alive(first_pid)
    details = [changed.detail for changed in consumer.of(SourceStateChanged)]
    assert any("said nothing for 4 s and was killed" in detail for detail in details)
    with pytest.raises(MediaError, match="said nothing"):
        await asking
    await consumer.until(lambda: isinstance(consumer.seen[-1], FrameReady))


async def test_a_killed_lossless_process_ends_the_stream_with_a_reason(
    captures: Captures, tmp_path: Path
) -> None:
    spec = replace(file_spec(write_clip(tmp_path / "a.mp4")), ring_slots=2)
    consumer = await started(captures, spec, is_holding=True)
    frames = await consumer.frames(2)

    os.kill(pid_of(consumer), signal.SIGKILL)
    end = await consumer.end()

    assert end.frame_count == 2
    assert end.pts_s == pytest.approx(0.1)
    assert "was killed by signal 9" in end.error
    for frame in frames:
        consumer.handle.release(frame.handle)
    assert captures.leases.outstanding == 0


async def test_a_process_that_dies_after_the_end_of_its_file_is_not_replaced(
    captures: Captures, tmp_path: Path
) -> None:
    consumer = await started(captures, file_spec(write_clip(tmp_path / "a.mp4")))
    await consumer.end()

    os.kill(pid_of(consumer), signal.SIGKILL)
    await eventually(lambda: consumer.handle.stats().pid is None)

    assert consumer.handle.stats().state == "off"
    with pytest.raises(MediaError, match="not running"):
        await consumer.handle.frame_at(1.0)


async def test_a_missing_file_ends_a_lossless_run_with_one_sentence(
    captures: Captures, tmp_path: Path
) -> None:
    consumer = await started(captures, file_spec(tmp_path / "missing.mp4"))

    end = await consumer.end()

    assert end == EndOfStream(0.0, 0, f"{tmp_path}/missing.mp4 does not exist; check the path.")
    assert consumer.handle.stats().last_error == end.error


async def test_a_missing_file_of_a_live_camera_is_tried_again_with_growing_pauses(
    captures: Captures, tmp_path: Path
) -> None:
    path = tmp_path / "late.mp4"
    consumer = await started(captures, file_spec(path, is_lossless=False))
    await consumer.until(lambda: consumer.states().count("retrying") == 2)

    write_clip(path)
    await consumer.frames(1)

    details = [m.detail for m in consumer.of(SourceStateChanged) if m.state == "retrying"]
    assert details[0].endswith("does not exist; check the path. Next try in 0.1 s.")
    assert details[1].endswith("Next try in 0.2 s.")


@pytest.mark.parametrize(
    ("slots", "max_bytes", "words"),
    [
        (12, 10_000, "may use 0.0 MB of shared memory"),
        (10**9, 10**18, "Shared memory is too small"),
    ],
    ids=["forbidden", "not there"],
)
async def test_shared_memory_that_is_too_small_is_one_sentence(
    captures: Captures, tmp_path: Path, slots: int, max_bytes: int, words: str
) -> None:
    spec = file_spec(write_clip(tmp_path / "a.mp4"))
    spec = replace(spec, ring_slots=slots, ring_max_bytes=max_bytes)
    consumer = await started(captures, spec)

    end = await consumer.end()

    assert words in end.error
    assert "shared_memory.ring_max_bytes" in end.error
    assert "\n" not in end.error


async def test_stopping_closes_clips_ends_the_process_and_the_messages(
    captures: Captures, tmp_path: Path
) -> None:
    spec = file_spec(write_clip(tmp_path / "a.mp4"), is_lossless=False)
    consumer = await started(captures, spec)
    await consumer.frames(3)
    pid = pid_of(consumer)
    path = str(tmp_path / "clip.part.mp4")
    await consumer.handle.start_clip("c1", path, 0.0)

    await captures.remove("door")
    await consumer.handle.stop()
    await captures.remove("door")
    await consumer.finished()

    assert not is_alive(pid)
    assert pictures_in(path) >= 3
    assert (await consumer.handle.end_clip("c1", 99.0)).duration_s > 0.2
    assert captures.leases.outstanding == 0
    assert "door" not in captures


@limits(stop_s=0.3)
async def test_a_hung_process_does_not_hold_up_the_stop(captures: Captures, tmp_path: Path) -> None:
    spec = file_spec(write_clip(tmp_path / "a.mp4"), is_lossless=False)
    consumer = await started(captures, spec)
    await consumer.frames(1)
    pid = pid_of(consumer)
    os.kill(pid, signal.SIGSTOP)

    await captures.close()

    assert not is_alive(pid)


async def test_frames_that_nobody_takes_any_more_are_released_by_the_stop(
    captures: Captures, tmp_path: Path
) -> None:
    handle = captures.add(file_spec(write_clip(tmp_path / "a.mp4")))
    await handle.start()
    await eventually(lambda: captures.leases.outstanding >= 2)

    await handle.stop()

    assert captures.leases.outstanding == 0


@limits(inbox=4)
async def test_a_consumer_that_does_not_read_makes_the_process_wait_and_loses_nothing(
    captures: Captures, tmp_path: Path
) -> None:
    handle = captures.add(file_spec(write_clip(tmp_path / "a.mp4", frames=60)))
    await handle.start()
    await eventually(lambda: captures.leases.outstanding >= 1)

    consumer = Consumer(handle)
    await consumer.end()

    assert len(consumer.of(FrameReady)) == 60


async def test_cameras_are_known_by_their_ids(captures: Captures, tmp_path: Path) -> None:
    handle = captures.add(file_spec(tmp_path / "a.mp4"))

    assert captures["door"] is handle
    assert list(captures) == [handle]
    assert len(captures) == 1
    with pytest.raises(UsageError, match="already"):
        captures.add(file_spec(tmp_path / "a.mp4"))
    with pytest.raises(UsageError, match="no camera 'yard'; there is: door"):
        captures["yard"]
    with pytest.raises(UsageError, match="Open the captures"):
        Captures(SystemClock()).add(file_spec(tmp_path / "a.mp4"))
