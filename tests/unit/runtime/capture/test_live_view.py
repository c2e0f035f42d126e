"""The live view in the capture process: only while watched, and over every connection."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest
from tests.fixtures.capture_clips import index_of, write_clip

from spyoncino.media.demux import Demuxer
from spyoncino.media.packet_ring import PacketRing
from spyoncino.media.packets import MediaPacket, VideoFormat
from spyoncino.runtime.capture.live_view import LiveView
from spyoncino.runtime.capture.live_way import LiveWay
from spyoncino.runtime.capture.messages import (
    LiveBegun,
    LiveFragment,
    LiveMessage,
    LiveUnavailable,
)
from spyoncino.runtime.message_pipe import socket_pair


class Told(LiveWay):
    """A way that only remembers."""

    def __init__(self) -> None:
        self.main, end = socket_pair()
        super().__init__(end)
        self.messages: list[LiveMessage] = []

    def send(self, message: LiveMessage) -> None:
        self.messages.append(message)

    def of(self, connection: int) -> list[LiveFragment]:
        fragments = [m for m in self.messages if isinstance(m, LiveFragment)]
        return [m for m in fragments if m.connection == connection]

    def begun(self) -> list[LiveBegun]:
        return [m for m in self.messages if isinstance(m, LiveBegun)]

    def played(self, connection: int) -> list[int]:
        begun = next(b for b in self.begun() if b.connection == connection)
        data = begun.init + b"".join(m.data for m in self.of(connection))
        with av.open(io.BytesIO(data), "r") as container:
            pictures = [p.to_ndarray() for p in container.decode(video=0)]
        return [index_of(picture[:96].mean()) for picture in pictures]


@pytest.fixture
def way() -> Iterator[Told]:
    way = Told()
    yield way
    way.close()
    way.main.close()


class Camera:
    """A connection: packets go to its ring and to the live view, as the loop does."""

    def __init__(self, view: LiveView, path: Path) -> None:
        self.view = view
        demuxer = Demuxer(str(path))
        self.video: VideoFormat = demuxer.video
        self.packets: list[MediaPacket] = list(demuxer.packets())
        demuxer.close()
        self.ring = PacketRing(30, 10_000_000)
        view.connect(self.video, self.ring)

    def send(self, count: int) -> None:
        for packet in self.packets[:count]:
            self.ring.push(packet)
            self.view.take(packet)
        del self.packets[:count]


def test_nothing_is_made_until_somebody_watches(way: Told, tmp_path: Path) -> None:
    camera = Camera(LiveView(way), write_clip(tmp_path / "a.mp4"))
    camera.send(30)
    assert way.messages == []


def test_who_begins_to_watch_gets_the_group_of_pictures_at_once(way: Told, tmp_path: Path) -> None:
    view = LiveView(way)
    camera = Camera(view, write_clip(tmp_path / "a.mp4"))
    camera.send(17)
    view.watch()
    view.watch()
    (begun,) = way.begun()
    assert (begun.connection, begun.width_px, begun.height_px) == (1, 160, 96)
    assert 'codecs="avc1.' in begun.mime
    assert way.played(1) == list(range(10, 16))
    camera.send(4)
    assert way.played(1) == list(range(10, 20))
    assert [m.is_key for m in way.of(1)] == [True, *[False] * 9]


def test_a_reconnect_begins_anew_for_those_who_watch(way: Told, tmp_path: Path) -> None:
    view = LiveView(way)
    first = Camera(view, write_clip(tmp_path / "a.mp4"))
    view.watch()
    first.send(8)
    view.disconnect()
    assert way.played(1) == list(range(8)), "the last picture waits for nothing any more"
    second = Camera(view, write_clip(tmp_path / "b.mp4", size=(192, 128)))
    second.send(5)
    assert [(b.connection, b.width_px) for b in way.begun()] == [(1, 160), (2, 192)]
    assert len(way.of(2)) == 4
    assert way.of(2)[0].is_key


def test_who_watches_before_there_is_a_connection_sees_the_first(way: Told, tmp_path: Path) -> None:
    view = LiveView(way)
    view.watch()
    assert way.messages == []
    Camera(view, write_clip(tmp_path / "a.mp4")).send(3)
    assert len(way.of(1)) == 2


def test_nobody_watches_any_more_and_somebody_comes_again(way: Told, tmp_path: Path) -> None:
    view = LiveView(way)
    camera = Camera(view, write_clip(tmp_path / "a.mp4"))
    view.watch()
    camera.send(5)
    view.unwatch()
    count = len(way.messages)
    camera.send(8)
    assert len(way.messages) == count
    view.watch()
    assert way.played(2) == [10, 11]


def test_video_that_cannot_be_copied_is_a_sentence_and_harms_nobody(
    way: Told, tmp_path: Path
) -> None:
    view = LiveView(way)
    camera = Camera(view, write_clip(tmp_path / "a.mp4"))
    view.connect(replace(camera.video, codec="mpeg4", template=None), camera.ring)
    view.watch()
    camera.send(5)
    assert way.messages == [
        LiveUnavailable("Video of the codec mpeg4 must be encoded to H.264 first.")
    ]


def test_where_nobody_can_watch_everything_is_silent(tmp_path: Path) -> None:
    view = LiveView()
    camera = Camera(view, write_clip(tmp_path / "a.mp4"))
    view.watch()
    camera.send(5)
    assert (view.sent, view.dropped) == (0, 0)
    view.close()
