"""Full-size pictures on demand: answers, refusals, a source that grows."""

import contextlib
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.capture_clips import index_of, write_clip

from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket
from spyoncino.runtime.capture import on_demand
from spyoncino.runtime.capture.messages import FrameAt
from spyoncino.runtime.capture.on_demand import OnDemandFrames
from spyoncino.runtime.frame_ring import RingStates, read_frame
from spyoncino.runtime.message_pipe import PipeClosedError


class Asked:
    """Frames on demand of one clip, and a place for the answers."""

    def __init__(self, folder: Path, slots: int = 2) -> None:
        clip = write_clip(folder / "a.mp4", frames=10)
        with contextlib.closing(Demuxer(str(clip))) as demuxer:
            self.packets: list[MediaPacket] = list(demuxer.packets())
            video = demuxer.video
        self.answers: queue.SimpleQueue[FrameAt] = queue.SimpleQueue()
        self.frames = OnDemandFrames(folder, "door.1", slots, video, self.answers.put)

    def ask(self, pts_s: float, packets: list[MediaPacket] | None = None) -> FrameAt:
        chosen = self.packets if packets is None else packets
        self.frames.request(7, pts_s, chosen)
        return self.answers.get(timeout=10)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    asked = Asked(tmp_path)
    yield asked
    asked.frames.close()


def test_the_picture_of_the_asked_moment_lies_in_shared_memory_at_full_size(asked: Asked) -> None:
    answer = asked.ask(0.6)

    assert (answer.request_id, answer.error) == (7, "")
    assert answer.handle is not None
    assert (answer.handle.width_px, answer.handle.height_px) == (160, 96)
    assert index_of(read_frame(answer.handle)[:96].mean()) == 6


def test_no_shared_memory_is_taken_before_somebody_asks(asked: Asked, tmp_path: Path) -> None:
    assert list(tmp_path.glob("*.ring")) == []

    asked.ask(0.0)

    assert [path.name for path in tmp_path.glob("*.ring")] == ["door.1-full0.ring"]


def test_a_moment_that_is_gone_is_a_sentence(asked: Asked) -> None:
    assert asked.ask(0.6, []) == FrameAt(7, None, "No video of second 0.60 is kept.")


def test_more_pictures_than_places_are_refused_until_one_is_released(asked: Asked) -> None:
    first = asked.ask(0.1)
    asked.ask(0.2)

    refused = asked.ask(0.3)
    assert refused.error.startswith("All 2 full-size pictures are held")
    assert first.handle is not None
    RingStates(first.handle.ring).free(first.handle.slot)

    assert asked.ask(0.3).handle is not None


def test_a_source_that_grows_gets_a_larger_ring_and_old_pictures_stay(
    asked: Asked, tmp_path: Path
) -> None:
    small = asked.ask(0.1)
    clip = write_clip(tmp_path / "b.mp4", frames=3, size=(320, 192))
    with contextlib.closing(Demuxer(str(clip))) as demuxer:
        larger_packets = list(demuxer.packets())
        asked.frames._video = demuxer.video

    large = asked.ask(0.2, larger_packets)

    assert small.handle is not None
    assert large.handle is not None
    assert large.handle.width_px == 320
    assert large.handle.ring != small.handle.ring
    assert index_of(read_frame(small.handle)[:96].mean()) == 1
    assert index_of(read_frame(large.handle)[:192].mean()) == 2


def test_a_fault_of_the_program_is_answered_too(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(on_demand, "decode_at", broken)

    answer = asked.ask(0.1)

    assert answer.error == "The picture could not be decoded (ZeroDivisionError: oops)."


def test_closing_drops_what_waits_and_a_main_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    asked = Asked(tmp_path)

    def gone(_: FrameAt) -> None:
        raise PipeClosedError

    asked.frames._tell = gone
    for _ in range(20):
        asked.frames.request(1, 0.5, asked.packets)

    asked.frames.close()

    assert asked.answers.empty()
