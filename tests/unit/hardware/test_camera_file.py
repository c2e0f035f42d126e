"""A video file as a camera."""

from itertools import pairwise
from pathlib import Path

import pytest
from tests.fixtures.clips import ClipPlan, number_of, write_clip

from spyoncino.errors import SourceEndedError, SourceError
from spyoncino.hardware.camera_file import FileCamera
from spyoncino.hardware.pacing import Pacer
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.media.decode import FrameDecoder
from spyoncino.media.packets import MediaPacket


def read(camera: FileCamera) -> MediaPacket:
    item = camera.read()
    assert isinstance(item, MediaPacket)
    return item


def everything(camera: FileCamera) -> list[MediaPacket]:
    packets = []
    while True:
        try:
            packets.append(read(camera))
        except SourceEndedError:
            return packets


def spec(path: Path, *, loop: bool = False) -> SourceSpec:
    return SourceSpec("file", str(path), realtime=False, loop=loop)


def test_a_file_gives_its_packets_and_ends(tmp_path: Path) -> None:
    camera = FileCamera(spec(write_clip(tmp_path / "clip.mp4", ClipPlan(audio="aac"))))
    facts = camera.open()
    assert facts.video is not None
    assert (facts.width_px, facts.height_px, facts.fps) == (64, 48, 10)
    assert facts.audio is not None
    packets = everything(camera)
    assert {packet.kind for packet in packets} == {"video", "audio"}
    assert len([packet for packet in packets if packet.kind == "video"]) == 30
    with pytest.raises(SourceEndedError, match=r"clip\.mp4 is over"):
        camera.read()
    assert camera.counters.repaired == 0
    camera.close()
    camera.close()


def test_a_loop_goes_on_rising_and_stays_decodable(tmp_path: Path) -> None:
    camera = FileCamera(spec(write_clip(tmp_path / "clip.mp4"), loop=True))
    facts = camera.open()
    assert facts.video is not None
    packets = [read(camera) for _ in range(75)]
    times = [packet.dts_s for packet in packets]
    assert all(first < second for first, second in pairwise(times))
    assert times[30] == pytest.approx(3.0, abs=0.01)
    decoder = FrameDecoder(facts.video)
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    frames += decoder.flush()
    assert [number_of(frame.picture) for frame in frames] == [n % 30 for n in range(75)]
    assert frames[-1].pts_s == pytest.approx(7.4, abs=0.01)
    camera.close()


def test_opening_again_begins_again(tmp_path: Path) -> None:
    camera = FileCamera(spec(write_clip(tmp_path / "clip.mp4")))
    camera.open()
    first = [packet.pts_s for packet in everything(camera)]
    camera.open()
    assert [packet.pts_s for packet in everything(camera)] == first
    camera.close()


def test_packets_come_when_they_are_due(tmp_path: Path) -> None:
    now = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    path = write_clip(tmp_path / "clip.mp4", ClipPlan(times=[0.0, 0.1, 0.5]))
    pacer = Pacer(is_realtime=True, now_s=lambda: now[0], sleep=sleep)
    camera = FileCamera(SourceSpec("file", str(path)), pacer)
    camera.open()
    assert read(camera).pts_s == 0.0
    assert read(camera).pts_s == 0.1
    assert camera.read(timeout_s=0.3) is None
    assert read(camera).pts_s == 0.5
    assert sum(slept) == pytest.approx(0.5)
    camera.close()


def test_a_bad_file_is_refused_when_opened(tmp_path: Path) -> None:
    camera = FileCamera(spec(tmp_path / "missing.mp4"))
    with pytest.raises(SourceError, match="does not exist"):
        camera.open()
    with pytest.raises(SourceError, match="is not open"):
        camera.read()
    assert camera.counters.corrupt == 0


def test_a_file_source_needs_a_path_and_takes_no_options() -> None:
    with pytest.raises(SourceError, match="needs a path"):
        FileCamera(SourceSpec("file"))
    with pytest.raises(SourceError, match="takes no options, but was given fps"):
        FileCamera(SourceSpec("file", "a.mp4", options={"fps": 5}))
