"""The pictures of a press: one walk over packets that are there and packets that come."""

import contextlib
import queue
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.capture_clips import index_of, write_clip

from spyoncino.media.decode import DecodedFrame, FrameDecoder
from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket
from spyoncino.runtime.capture import burst as burst_file
from spyoncino.runtime.capture.burst import BurstClock, BurstFrames, RecentSpec, moments_of
from spyoncino.runtime.capture.messages import BurstEnded, BurstOrder, BurstPicture
from spyoncino.runtime.frame_ring import RingStates, read_frame

NOW_NS = 50_000_000_000
ORDER = BurstOrder(pts_s=None, before_s=0.4, count=3, interval_s=0.2)


class Camera:
    """A clip of ten pictures a second, of which some have arrived."""

    def __init__(
        self, folder: Path, slots: int = 8, frames: int = 20, recent: RecentSpec | None = None
    ) -> None:
        clip = write_clip(folder / "a.mp4", frames=frames)
        with contextlib.closing(Demuxer(str(clip))) as demuxer:
            self.packets: list[MediaPacket] = list(demuxer.packets())
            self.video = demuxer.video
        self.told: queue.SimpleQueue[BurstPicture | BurstEnded] = queue.SimpleQueue()
        self.burst = BurstFrames(folder, "door.1", slots, self.video, self.told.put, recent)

    def press(self, arrived: int, order: BurstOrder = ORDER, request_id: int = 7) -> None:
        kept = self.packets[:arrived]
        clock = BurstClock(kept[-1].pts_s if kept else 0.0, NOW_NS, utc_origin_s=1000.0)
        self.burst.request(request_id, order, lambda _: list(kept), clock)

    def send(self, start: int, stop: int | None = None) -> None:
        for packet in self.packets[start:stop]:
            self.burst.take(packet)

    def pictures(self) -> tuple[list[BurstPicture], BurstEnded]:
        found: list[BurstPicture] = []
        while isinstance(news := self.told.get(timeout=10), BurstPicture):
            found.append(news)
        return found, news


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    camera = Camera(tmp_path)
    yield camera
    camera.burst.close()


def shown(picture: BurstPicture) -> int:
    return index_of(read_frame(picture.handle)[: picture.handle.height_px].mean())


def test_moments_lie_at_equal_distances_on_both_sides_of_the_press() -> None:
    moments = moments_of(BurstOrder(before_s=0.6, count=3, interval_s=0.2), 10.0)
    assert moments == pytest.approx([9.4, 9.6, 9.8, 10.0, 10.2, 10.4])
    assert moments_of(BurstOrder(before_s=0.0, count=1), 5.0) == [5.0]


def test_a_burst_begins_before_the_press_and_goes_on_with_what_arrives(camera: Camera) -> None:
    camera.press(arrived=11)  # the newest is shown at 1.0 s
    before = [camera.told.get(timeout=10) for _ in range(2)]
    camera.send(11)
    after, end = camera.pictures()
    pictures = [each for each in before if isinstance(each, BurstPicture)] + after
    assert [shown(each) for each in pictures] == [6, 8, 10, 12, 14]
    assert [each.number for each in pictures] == [0, 1, 2, 3, 4]
    assert [each.pts_s for each in pictures] == pytest.approx([0.6, 0.8, 1.0, 1.2, 1.4])
    assert end == BurstEnded(7)


def test_each_picture_says_when_it_was_captured(camera: Camera) -> None:
    camera.press(arrived=20, order=BurstOrder(1.0, before_s=0.2, count=1, interval_s=0.2))
    pictures, _ = camera.pictures()
    assert [each.utc_epoch_s for each in pictures] == pytest.approx([1000.8, 1001.0])
    newest_s = camera.packets[19].pts_s
    assert [each.monotonic_ns for each in pictures] == pytest.approx(
        [NOW_NS + (0.8 - newest_s) * 1e9, NOW_NS + (1.0 - newest_s) * 1e9]
    )


def test_a_press_before_anything_was_kept_gets_what_comes(camera: Camera) -> None:
    camera.press(arrived=0)
    camera.send(0)
    pictures, end = camera.pictures()
    assert [shown(each) for each in pictures] == [0, 2, 4]
    assert end.error == ""


def test_a_camera_slower_than_the_burst_shows_each_picture_once(camera: Camera) -> None:
    camera.press(arrived=20, order=BurstOrder(1.0, before_s=0.1, count=5, interval_s=0.03))
    pictures, end = camera.pictures()
    assert [shown(each) for each in pictures] == [9, 10, 11]
    assert end == BurstEnded(7)


def test_a_file_that_ends_gives_what_it_has(camera: Camera) -> None:
    camera.press(arrived=19)
    camera.send(19)
    camera.burst.end_of_source()
    pictures, end = camera.pictures()
    assert [shown(each) for each in pictures] == [14, 16, 18]
    assert end.error == ""


def test_a_camera_that_stalls_ends_the_burst_with_a_sentence(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(burst_file, "PATIENCE_S", -1.0)
    camera.press(arrived=11)
    pictures, end = camera.pictures()
    assert len(pictures) == 0 or pictures[-1].pts_s <= 1.0
    assert end.error == "The camera sent nothing more for the burst."


def test_a_connection_that_ends_ends_the_burst_with_a_sentence(camera: Camera) -> None:
    camera.press(arrived=11)
    camera.told.get(timeout=10)
    camera.burst.close()
    _, end = camera.pictures()
    assert end.error == "The camera's connection ended during the burst."


def test_one_burst_at_a_time(camera: Camera) -> None:
    camera.press(arrived=11)
    camera.press(arrived=11, request_id=8)
    camera.send(11)
    told: list[BurstPicture | BurstEnded] = []
    while len([each for each in told if isinstance(each, BurstEnded)]) < 2:
        told.append(camera.told.get(timeout=10))
    ended = {each.request_id: each.error for each in told if isinstance(each, BurstEnded)}
    assert ended == {7: "", 8: "Another burst is being taken."}
    while camera.burst._thread is not None and camera.burst._thread.is_alive():
        time.sleep(0.001)
    camera.press(arrived=20, request_id=9, order=BurstOrder(1.0, before_s=0, count=1))
    assert camera.pictures()[1] == BurstEnded(9)


def test_nothing_is_asked_for_and_nothing_comes(camera: Camera, tmp_path: Path) -> None:
    camera.press(arrived=11, order=BurstOrder(before_s=0.0, count=0))
    assert camera.pictures() == ([], BurstEnded(7))
    assert list(tmp_path.glob("*.ring")) == []


def test_pictures_that_find_no_place_are_counted_and_those_that_do_are_numbered_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(burst_file, "SLOT_WAIT_S", 0.0)
    camera = Camera(tmp_path, slots=2)
    try:
        camera.press(arrived=20, order=BurstOrder(1.0, before_s=0.4, count=2, interval_s=0.2))
        pictures, end = camera.pictures()
        assert [shown(each) for each in pictures] == [6, 8]
        assert end == BurstEnded(7, lost=2)
        ring = RingStates(pictures[0].handle.ring)
        ring.free(pictures[0].handle.slot)
        camera.burst._thread.join() if camera.burst._thread else None
        camera.press(arrived=20, order=BurstOrder(1.0, before_s=0.0, count=1))
        assert [shown(each) for each in camera.pictures()[0]] == [10]
    finally:
        camera.burst.close()


def decoded(camera: Camera) -> list[DecodedFrame]:
    decoder = FrameDecoder(camera.video)
    frames = [frame for packet in camera.packets for frame in decoder.decode(packet)]
    return frames + decoder.flush()


def test_an_awake_camera_has_the_pictures_of_a_press_at_hand(tmp_path: Path) -> None:
    camera = Camera(tmp_path, recent=RecentSpec(0.4, 0.2))
    try:
        frames = decoded(camera)
        for frame in frames[:11]:
            camera.burst.see(frame)
        assert len(camera.burst._recent) <= 5
        clock = BurstClock(1.0, NOW_NS, 1000.0)

        def none_needed(_: float) -> list[MediaPacket]:
            raise AssertionError("nothing is decoded a second time")

        camera.burst.request(7, ORDER, none_needed, clock)
        for frame in frames[11:]:
            camera.burst.see(frame)
        pictures, end = camera.pictures()
        assert [shown(each) for each in pictures] == [6, 8, 10, 12, 14]
        assert end == BurstEnded(7)
    finally:
        camera.burst.close()


def test_a_camera_that_sleeps_is_walked_through(tmp_path: Path) -> None:
    camera = Camera(tmp_path, recent=RecentSpec(0.4, 0.2))
    try:
        camera.burst.see(decoded(camera)[0])
        camera.press(arrived=11)
        camera.send(11)
        pictures, _ = camera.pictures()
        assert [shown(each) for each in pictures] == [6, 8, 10, 12, 14]
    finally:
        camera.burst.close()


def test_packets_that_cannot_be_decoded_end_it_with_a_sentence(camera: Camera) -> None:
    camera.packets = camera.packets[5:6]  # no key frame before it
    camera.press(arrived=1, order=BurstOrder(0.5, before_s=0.0, count=1))
    camera.burst.end_of_source()
    pictures, end = camera.pictures()
    assert (pictures, end.lost) == ([], 0)
