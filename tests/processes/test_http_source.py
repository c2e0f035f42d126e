"""MJPEG over a real HTTP connection."""

import time

import pytest
from tests.fixtures.mjpeg_camera import MjpegCamera

from spyoncino.errors import SourceChangedError, SourceError, SourceRefusedError
from spyoncino.hardware.camera_http import HttpCamera
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.media.packets import MediaPacket
from spyoncino.runtime.capture.feed import SourceFeed
from spyoncino.runtime.capture.stall import StallWatch

pytestmark = pytest.mark.processes


def read(camera: HttpCamera, count: int) -> list[MediaPacket]:
    found: list[MediaPacket] = []
    deadline = time.monotonic() + 20
    while len(found) < count:
        assert time.monotonic() < deadline
        item = camera.read(1)
        if isinstance(item, MediaPacket):
            found.append(item)
    return found


@pytest.mark.alone
def test_pictures_have_the_time_of_their_arrival_and_are_encoded() -> None:
    with MjpegCamera(fps=20) as server:
        camera = HttpCamera(SourceSpec("http", server.url))
        opened = camera.open()
        assert (opened.width_px, opened.height_px) == (160, 96)
        feed = SourceFeed(opened)
        assert feed.is_encoded
        packets = read(camera, 60)
        camera.close()
    times = [packet.pts_s for packet in packets]
    assert times == sorted(set(times))
    assert (times[-1] - times[-31]) / 30 == pytest.approx(1 / 20, rel=0.25)
    kept, frames = zip(*(feed.take(packet) for packet in packets), strict=True)
    assert [f.pts_s for found in frames for f in found] == pytest.approx(times)
    assert sum(map(len, kept)) >= 59


def test_a_change_of_size_in_the_middle_is_noticed() -> None:
    with MjpegCamera(fps=50, sizes=((160, 96), (320, 192))) as server:
        camera = HttpCamera(SourceSpec("http", server.url))
        feed, watch = SourceFeed(camera.open()), StallWatch(8)
        taken = [feed.take(packet)[1] for packet in read(camera, 120)]
        frames = [frame for found in taken for frame in found]
        with pytest.raises(SourceChangedError, match="from 160x96 to 320x192"):
            list(map(watch.note, ([frame] for frame in frames)))
        camera.close()


def test_account_and_path_have_their_sentences() -> None:
    with MjpegCamera(account="anna:s3cret") as server:
        with pytest.raises(SourceRefusedError, match="asks for a name and a password"):
            HttpCamera(SourceSpec("http", server.url)).open()
        wrong = {"username": "anna", "password": "no"}
        with pytest.raises(SourceRefusedError, match="does not accept the name 'anna'"):
            HttpCamera(SourceSpec("http", server.url, secrets=wrong)).open()
        right = {"username": "anna", "password": "s3cret"}
        camera = HttpCamera(SourceSpec("http", server.url, secrets=right))
        camera.open()
        camera.close()
    with MjpegCamera() as server, pytest.raises(SourceError, match="no stream at this path"):
        HttpCamera(SourceSpec("http", server.url.replace("mjpeg", "nope"))).open()
