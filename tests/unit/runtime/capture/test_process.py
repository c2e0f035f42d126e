"""The loop of a capture process, run in a thread with a test in the place of main."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.capture_clips import write_clip

from spyoncino.errors import SourceEndedError, SourceError
from spyoncino.hardware.source_types import RawPicture, SourceFormat, SourceItem, SourceSpec
from spyoncino.runtime.capture import process
from spyoncino.runtime.capture.live_view import LiveView
from spyoncino.runtime.capture.live_way import LiveWay
from spyoncino.runtime.capture.messages import (
    ClipClosed,
    EndClip,
    EndOfStream,
    FrameAt,
    FrameReady,
    FromChild,
    Heartbeat,
    LiveBegun,
    LiveFragment,
    LiveMessage,
    RequestFrame,
    Shutdown,
    SourceFailed,
    SourceOpened,
    SourceStateChanged,
    StartClip,
    UnwatchLive,
    WatchLive,
)
from spyoncino.runtime.capture.process import serve
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.leases import LeaseBook
from spyoncino.runtime.message_pipe import ChildPipe, PipeClosedError, socket_pair


class FakeMain:
    """The other end of a capture process that runs in a thread."""

    def __init__(self, folder: Path, spec: CaptureSpec) -> None:
        self.pipe, end = socket_pair()
        self.child = ChildPipe(end)
        self.heard: list[FromChild] = []
        self.leases = LeaseBook()
        self.must_leave = threading.Event()
        self.live_pipe, live_end = socket_pair()
        self.live = LiveView(LiveWay(live_end))
        self.seen: list[LiveMessage] = []
        arguments = (self.child, spec, folder, "door.1", self.must_leave.is_set, self.live)
        self.thread = threading.Thread(target=serve, args=arguments, daemon=True)
        self.thread.start()

    def until(self, is_enough: Callable[[], bool], *, is_releasing: bool = True) -> None:
        """Read until something was heard; frames are released at once unless told otherwise."""
        deadline = time.monotonic() + 15
        while not is_enough():
            assert time.monotonic() < deadline, self.heard
            self.seen += self.live_pipe.receive()
            for message in self.pipe.receive():
                self.heard.append(message)
                if isinstance(message, FrameReady):
                    self.leases.adopt(message.handle)
                    if is_releasing:
                        self.leases.release(message.handle)
            time.sleep(0.001)

    def hears(self, kind: type[FromChild], *, is_releasing: bool = True) -> None:
        self.until(lambda: bool(self.of(kind)), is_releasing=is_releasing)

    def of(self, kind: type[FromChild]) -> list[FromChild]:
        return [message for message in self.heard if isinstance(message, kind)]

    def close(self) -> None:
        self.pipe.close()
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.child.close()
        self.live.close()
        self.live_pipe.close()
        self.leases.close()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[CaptureSpec], FakeMain]]:
    mains: list[FakeMain] = []

    def start(spec: CaptureSpec) -> FakeMain:
        mains.append(FakeMain(tmp_path, spec))
        return mains[-1]

    yield start
    for main in mains:
        main.close()


Run = Callable[[CaptureSpec], FakeMain]


def file_spec(folder: Path, *, is_lossless: bool = True) -> CaptureSpec:
    path = write_clip(folder / "a.mp4")
    source = SourceSpec(kind="file", path=str(path), realtime=False)
    return CaptureSpec("door", source, analysis_fps=10, ring_slots=4, is_lossless=is_lossless)


def test_a_file_is_told_from_connecting_to_its_end_and_then_served(
    run: Run, tmp_path: Path
) -> None:
    main = run(file_spec(tmp_path, is_lossless=True))
    main.until(lambda: SourceStateChanged("ended") in main.heard)

    assert main.heard[0] == SourceStateChanged("connecting")
    assert isinstance(main.heard[1], Heartbeat)
    assert isinstance(main.heard[2], SourceOpened)
    assert len(main.of(FrameReady)) == 30
    path = str(tmp_path / "clip.mp4")
    main.pipe.send(RequestFrame(1, 1.5))
    main.pipe.send(StartClip("c1", path, 0.0))
    main.pipe.send(EndClip("c1", 99.0))
    main.hears(ClipClosed)
    main.hears(FrameAt)
    main.until(lambda: 30 in decoded_counts(main))
    main.pipe.send(Shutdown())
    main.thread.join(10)

    assert not main.thread.is_alive()


def decoded_counts(main: FakeMain) -> list[int]:
    return [m.counters.frames_decoded for m in main.heard if isinstance(m, Heartbeat)]


def test_without_free_slots_a_live_run_goes_on_and_a_lossless_one_waits(
    run: Run, tmp_path: Path
) -> None:
    live = run(file_spec(tmp_path, is_lossless=False))
    live.hears(EndOfStream, is_releasing=False)
    assert len(live.of(FrameReady)) == 4

    (tmp_path / "door.1-frames.ring").unlink()
    lossless = run(file_spec(tmp_path, is_lossless=True))
    lossless.until(lambda: len(lossless.of(FrameReady)) == 4, is_releasing=False)
    assert lossless.of(EndOfStream) == []


def test_live_video_is_made_from_order_to_order(run: Run, tmp_path: Path) -> None:
    main = run(file_spec(tmp_path))
    main.until(lambda: SourceStateChanged("ended") in main.heard)
    assert main.seen == []

    main.pipe.send(WatchLive())
    main.until(lambda: len(main.seen) == 10)
    assert isinstance(main.seen[0], LiveBegun)
    pieces = [piece for piece in main.seen if isinstance(piece, LiveFragment)]
    assert [piece.is_key for piece in pieces] == [True, *[False] * 8]
    main.until(
        lambda: any(isinstance(m, Heartbeat) and m.counters.live_sent == 9 for m in main.heard)
    )
    main.pipe.send(UnwatchLive())
    main.pipe.send(WatchLive())
    main.until(lambda: len(main.seen) == 20)


def test_shutdown_while_waiting_for_a_slot_is_obeyed(run: Run, tmp_path: Path) -> None:
    main = run(file_spec(tmp_path, is_lossless=True))
    main.until(lambda: len(main.of(FrameReady)) == 4, is_releasing=False)

    main.pipe.send(Shutdown())
    main.thread.join(10)

    assert not main.thread.is_alive()


def test_a_main_that_is_gone_ends_the_process_and_leaves_a_clip_that_plays(
    run: Run, tmp_path: Path
) -> None:
    main = run(file_spec(tmp_path, is_lossless=True))
    main.until(lambda: SourceStateChanged("ended") in main.heard)
    path = tmp_path / "clip.mp4"
    main.pipe.send(StartClip("c1", str(path), 0.0))
    main.until(path.exists)

    main.pipe.close()
    main.thread.join(10)

    assert not main.thread.is_alive()
    assert path.stat().st_size > 0


def test_an_overdue_leave_request_ends_the_process(run: Run, tmp_path: Path) -> None:
    main = run(file_spec(tmp_path, is_lossless=True))
    main.hears(EndOfStream)

    main.must_leave.set()
    main.thread.join(10)

    assert not main.thread.is_alive()


def test_a_source_that_cannot_be_opened_is_told_in_a_sentence(run: Run, tmp_path: Path) -> None:
    source = SourceSpec(kind="file", path=str(tmp_path / "missing.mp4"))

    main = run(CaptureSpec("door", source))
    main.hears(SourceFailed)

    assert main.of(SourceFailed) == [
        SourceFailed(f"{tmp_path}/missing.mp4 does not exist; check the path.")
    ]


class BreakingSource:
    """Delivers five pictures, then raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self._count = 0

    def open(self) -> SourceFormat:
        return SourceFormat(None, 64, 48, 10.0, None)

    def read(self, timeout_s: float | None = None) -> SourceItem | None:
        time.sleep(0.02 if timeout_s else 0)
        if self._count == 5:
            raise self._error
        self._count += 1
        return RawPicture(np.full((72, 64), 100, np.uint8), self._count / 10)

    def close(self) -> None:
        self._error = SourceEndedError("closed")


@pytest.mark.parametrize(
    ("error", "detail", "has_traceback"),
    [
        (SourceError("The camera hung up."), "The camera hung up.", False),
        (KeyError("x"), "The capture process failed (KeyError: 'x').", True),
    ],
)
def test_a_source_that_breaks_closes_its_clips_before_it_is_told(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    detail: str,
    has_traceback: bool,
) -> None:
    monkeypatch.setattr(process, "build_source", lambda _: BreakingSource(error))
    main = run(CaptureSpec("door", SourceSpec(kind="file", path="unused")))
    main.pipe.send(StartClip("c1", str(tmp_path / "clip.mp4"), 0.0))
    main.hears(SourceFailed)
    main.hears(ClipClosed)

    (failed,) = main.of(SourceFailed)
    (closed,) = main.of(ClipClosed)
    assert isinstance(failed, SourceFailed)
    assert isinstance(closed, ClipClosed)
    assert failed.detail == detail
    assert ("Traceback" in failed.traceback) == has_traceback
    assert closed.facts is not None
    assert closed.facts.duration_s > 0.3
    assert main.heard.index(closed) < main.heard.index(failed)
    assert "cut short: the source failed" in closed.facts.notes


def test_main_may_be_gone_before_the_first_word(tmp_path: Path) -> None:
    pipe, end = socket_pair()
    child = ChildPipe(end)
    pipe.close()

    serve(child, file_spec(tmp_path), tmp_path, "door.1", lambda: False)

    with pytest.raises(PipeClosedError):
        child.send(1)
    child.close()


def test_a_decoder_that_is_not_here_is_told_and_the_pictures_come_all_the_same(
    run: Run, tmp_path: Path
) -> None:
    main = run(replace(file_spec(tmp_path), decoder="vaapi"))
    main.until(lambda: SourceStateChanged("ended") in main.heard)
    notes = [each.detail for each in main.heard if isinstance(each, SourceStateChanged)]
    assert sum("vaapi is not built into PyAV" in note for note in notes) == 1
    assert len(main.of(FrameReady)) == 30
