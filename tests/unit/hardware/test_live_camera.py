"""The reading thread of live cameras, over a demuxer of a file that stands for a stream."""

import threading
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
from av.error import ExitError
from tests.fixtures.clips import ClipPlan, write_clip

from spyoncino.errors import SourceError
from spyoncino.hardware import live_camera
from spyoncino.hardware.live_camera import ArrivalClock, LiveCamera
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket


class Recorded(LiveCamera):
    """Plays a file as if it were live."""

    def __init__(self, path: Path) -> None:
        super().__init__(SourceSpec("rtsp"))
        self.path = path
        self.failure: Exception | None = None
        self.offered = threading.Event()

    @property
    def name(self) -> str:
        return "the camera"

    def _connected(self) -> Demuxer:
        return Demuxer(self.name, av.open(str(self.path)))

    def _timed(self, packet: MediaPacket) -> MediaPacket:
        if self.failure:
            raise self.failure
        self.offered.set()
        return packet


@pytest.fixture
def camera(tmp_path: Path) -> Recorded:
    times = tuple(number / 10 for number in range(40))
    return Recorded(write_clip(tmp_path / "clip.mkv", ClipPlan(times=times)))


def test_packets_come_in_order_and_the_end_of_a_live_stream_is_a_fault(camera: Recorded) -> None:
    opened = camera.open()
    assert (opened.width_px, opened.height_px, opened.audio) == (64, 48, None)
    items = [camera.read(5) for _ in range(40)]
    packets = [item for item in items if isinstance(item, MediaPacket)]
    assert [packet.pts_s for packet in packets] == [n / 10 for n in range(40)]
    arrivals = [packet.arrival_ns for packet in packets]
    assert 0 < arrivals[0] <= arrivals[-1]
    assert arrivals == sorted(arrivals)
    with pytest.raises(SourceError, match="the camera ended the stream"):
        camera.read(5)
    assert camera.counters.corrupt == 0
    camera.close()


def test_a_broken_connection_is_told_after_what_came_before(camera: Recorded) -> None:
    camera.failure = ExitError(1, "stopped")
    camera.open()
    with pytest.raises(SourceError, match="the camera sent nothing for 18 s"):
        camera.read(5)


def test_reading_waits_no_longer_than_asked(
    camera: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera.path = write_clip(tmp_path / "one.mkv", ClipPlan(times=(0.0,)))
    monkeypatch.setattr(camera, "_read_on", lambda _: None)  # a camera that says nothing
    camera.open()
    assert camera.read(0.01) is None


def test_a_full_queue_holds_the_thread_and_closing_frees_it(
    camera: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_camera, "MAX_WAITING", 2)
    camera.open()
    assert camera.offered.wait(5)
    thread = next(t for t in threading.enumerate() if t.name == "read the camera")
    first = camera.read(5)
    assert first is not None
    assert len(camera._handover) <= 2
    camera.close()
    thread.join(5)
    assert not thread.is_alive()
    with pytest.raises(SourceError):
        camera.read(5)


def test_a_live_stream_begins_with_a_key_frame(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", ClipPlan(gop=10))
    container = av.open(str(path))
    next(container.demux(video=0))
    demuxer = Demuxer("camera", container)
    packets = list(demuxer.packets())
    demuxer.close()
    assert packets[0].is_key
    assert packets[0].pts_s == 0
    assert len(packets) == 20


def test_arrival_times_rise(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([5_000_000_000, 5_000_100_000, 5_040_000_000])
    monkeypatch.setattr(live_camera, "time", SimpleNamespace(monotonic_ns=lambda: next(times)))
    clock = ArrivalClock()
    assert [clock.now_ms() for _ in range(3)] == [0, 1, 40]


def test_a_read_gives_up_later_than_whoever_watches_the_pictures(camera: Recorded) -> None:
    """Else FFmpeg hands out what its parser kept back, and a dead camera looks live."""
    assert camera.silence_s > live_camera.PATIENCE * SourceSpec("usb").stall_s
