"""The packet store: clips with pre-roll that grow, end in time and survive faults."""

import contextlib
from pathlib import Path

import av
import pytest
from tests.fixtures.capture_clips import index_of, write_clip

from spyoncino.errors import MediaError
from spyoncino.media.clip_writer import ClipWriter
from spyoncino.media.demux import Demuxer
from spyoncino.media.packet_ring import PacketRing
from spyoncino.media.packets import MediaPacket, VideoFormat
from spyoncino.runtime.capture.messages import ClipClosed, ClipProgress, EndClip, StartClip
from spyoncino.runtime.capture.packet_store import PacketStore
from spyoncino.runtime.message_pipe import PipeClosedError


class Camera:
    """Thirty pictures at 10 a second, a key frame each second, fed one by one."""

    def __init__(self, folder: Path, note: str = "") -> None:
        source = write_clip(folder / "source.mp4", frames=30, fps=10, gop=10)
        with contextlib.closing(Demuxer(str(source))) as demuxer:
            self.packets: list[MediaPacket] = list(demuxer.packets())
            self.video: VideoFormat = demuxer.video
        self.told: list[ClipProgress | ClipClosed] = []
        self.store = PacketStore(
            PacketRing(60.0, 10_000_000), self.video, None, note, self.told.append
        )
        self.path = str(folder / "clip.part.mp4")
        self._at = 0

    def feed(self, until: int) -> None:
        for packet in self.packets[self._at : until]:
            self.store.keep(packet)
        self._at = until

    @property
    def closed(self) -> list[ClipClosed]:
        return [message for message in self.told if isinstance(message, ClipClosed)]


@pytest.fixture
def camera(tmp_path: Path) -> Camera:
    return Camera(tmp_path)


def shown(path: str) -> list[int]:
    """Numbers of the pictures in a clip."""
    with av.open(path) as container:
        return [index_of(f.to_ndarray()[: f.height].mean()) for f in container.decode(video=0)]


def test_a_clip_begins_at_the_key_frame_before_the_wished_moment_and_goes_on(
    camera: Camera,
) -> None:
    camera.feed(18)

    camera.store.start_clip(StartClip("c1", camera.path, 1.3))
    camera.feed(25)
    camera.store.end_clip(EndClip("c1", 2.0))

    written = sum(packet.size_bytes for packet in camera.packets[10:18])
    assert camera.told[0] == ClipProgress("c1", 1.0, 1.7, written)
    (closed,) = camera.closed
    assert closed.facts is not None
    assert closed.facts.start_s == pytest.approx(1.0)
    assert shown(camera.path) == list(range(10, 25))


def test_a_clip_whose_end_lies_ahead_is_closed_when_that_moment_was_decoded(
    camera: Camera,
) -> None:
    camera.feed(5)
    camera.store.start_clip(StartClip("c1", camera.path, 0.0))

    camera.store.end_clip(EndClip("c1", 1.5))
    camera.feed(15)
    assert camera.closed == []
    camera.feed(30)

    assert len(camera.closed) == 1
    assert shown(camera.path) == list(range(15))


def test_a_clip_begun_before_any_key_frame_starts_with_the_first(camera: Camera) -> None:
    camera.store.start_clip(StartClip("c1", camera.path, 0.0))
    assert camera.told == [ClipProgress("c1", 0.0, 0.0, 0)]
    for packet in camera.packets[5:]:
        camera.store.keep(packet)

    camera.store.close()

    assert camera.closed[0].facts is not None
    assert camera.closed[0].facts.start_s == pytest.approx(1.0)


def test_progress_tells_how_far_every_open_clip_is(camera: Camera, tmp_path: Path) -> None:
    camera.feed(10)
    camera.store.start_clip(StartClip("c1", camera.path, 0.0))
    camera.store.start_clip(StartClip("c2", str(tmp_path / "other.mp4"), 0.0))
    camera.feed(15)

    first, second = camera.store.progress()

    assert (first.clip_id, second.clip_id) == ("c1", "c2")
    assert first.start_s == 0.0
    assert first.end_s == pytest.approx(1.4)
    assert first.size_bytes == sum(p.size_bytes for p in camera.packets[:15])
    camera.store.close()


def test_at_the_end_of_the_source_waiting_clips_close_and_others_stay_open(
    camera: Camera, tmp_path: Path
) -> None:
    camera.feed(30)
    camera.store.start_clip(StartClip("waits", camera.path, 0.0))
    camera.store.start_clip(StartClip("open", str(tmp_path / "other.mp4"), 0.0))
    camera.store.end_clip(EndClip("waits", 99.0))
    assert camera.closed == []

    camera.store.end_of_source()
    assert [closed.clip_id for closed in camera.closed] == ["waits"]
    camera.store.end_clip(EndClip("open", 99.0))

    assert [closed.clip_id for closed in camera.closed] == ["waits", "open"]


def test_closing_closes_every_clip_with_a_note(camera: Camera) -> None:
    camera.feed(10)
    camera.store.start_clip(StartClip("c1", camera.path, 0.0))

    camera.store.close("cut short: the source failed")

    assert camera.closed[0].facts is not None
    assert camera.closed[0].facts.notes == ("cut short: the source failed",)
    assert shown(camera.path) == list(range(10))


def test_a_change_of_codec_is_noted_on_every_clip(tmp_path: Path) -> None:
    camera = Camera(tmp_path, note="encoded to H.264 from mpeg4")
    camera.feed(10)
    camera.store.start_clip(StartClip("c1", camera.path, 0.0))

    camera.store.end_clip(EndClip("c1", 0.5))

    assert camera.closed[0].facts is not None
    assert camera.closed[0].facts.notes == ("encoded to H.264 from mpeg4",)


def test_an_id_in_use_and_an_unknown_id_are_refused_with_a_sentence(camera: Camera) -> None:
    camera.feed(10)
    camera.store.start_clip(StartClip("c1", camera.path, 0.0))

    camera.store.start_clip(StartClip("c1", camera.path, 0.0))
    camera.store.end_clip(EndClip("c2", 0.0))

    assert [(c.facts, c.error) for c in camera.closed] == [
        (None, "A clip c1 is being written already."),
        (None, "No clip c2 is being written."),
    ]
    camera.store.close()


def test_a_path_that_cannot_be_written_is_refused_with_a_sentence(
    camera: Camera, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")

    camera.store.start_clip(StartClip("c1", str(tmp_path / "file" / "clip.mp4"), 0.0))

    (closed,) = camera.closed
    assert closed.facts is None
    assert "cannot be written" in closed.error


def test_a_disk_that_fills_up_ends_the_clip_as_far_as_written_and_nothing_else(
    camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera.feed(10)
    camera.store.start_clip(StartClip("c1", camera.path, 0.0))
    camera.store.start_clip(StartClip("c2", str(tmp_path / "other.mp4"), 0.0))
    plain_write = ClipWriter.write

    def full_for_c1(writer: ClipWriter, packet: MediaPacket) -> None:
        if writer._path.name == "clip.part.mp4":
            raise MediaError("The clip cannot be written: No space left on device.")
        plain_write(writer, packet)

    monkeypatch.setattr(ClipWriter, "write", full_for_c1)
    camera.feed(20)

    (closed,) = camera.closed
    assert (closed.clip_id, closed.facts is not None) == ("c1", True)
    assert "No space left" in closed.error
    assert [progress.clip_id for progress in camera.store.progress()] == ["c2"]
    camera.store.close()


def test_a_clip_that_fails_with_its_first_packets_is_refused_once(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_writer: ClipWriter, _packet: MediaPacket) -> None:
        raise MediaError("The clip cannot be written: No space left on device.")

    camera.feed(10)
    monkeypatch.setattr(ClipWriter, "write", full)
    camera.store.start_clip(StartClip("c1", camera.path, 0.0))

    (closed,) = camera.told
    assert isinstance(closed, ClipClosed)
    assert closed.facts is None
    assert "No space left" in closed.error


def test_clips_are_closed_on_disk_even_when_main_is_gone(camera: Camera) -> None:
    def gone(_message: object) -> None:
        raise PipeClosedError

    camera.feed(10)
    camera.store.start_clip(StartClip("c1", camera.path, 0.0))
    camera.store._tell = gone

    camera.store.close()

    assert shown(camera.path) == list(range(10))


def test_the_packets_around_a_moment_are_those_of_its_group(camera: Camera) -> None:
    assert camera.store.video_around(0.0) == []
    for packet in camera.packets[10:]:
        camera.store.keep(packet)

    around = camera.store.video_around(2.3)

    assert around[0].is_key
    assert around[0].pts_s == pytest.approx(2.0)
    assert camera.store.video_around(0.5) == []
