"""USB cameras on made-up folders; no device was ever there to run it on.

FFmpeg's V4L2 device is replaced by files that hold what such devices deliver; finding, options,
errors, thread, times, decoding and encoding are the real thing. (Its own test pictures, lavfi, do
not do: their packets are never marked as key pictures, as V4L2's raw pictures are.)
"""

import errno
import time
from pathlib import Path
from typing import Any

import av
import pytest
from av.error import FFmpegError
from tests.fixtures.clips import ClipPlan, write_clip

from spyoncino.errors import SourceError
from spyoncino.hardware import camera_usb
from spyoncino.hardware.camera_usb import UsbCamera, device_options, find_device
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket
from spyoncino.runtime.capture.feed import SourceFeed


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Path]:
    devices, names = tmp_path / "dev", tmp_path / "sys"
    devices.mkdir()
    named = {"video2": "HD Webcam: HD Webcam", "video10": "HD Webcam: HD Webcam", "video0": "codec"}
    for device, name in named.items():
        (devices / device).touch()
        (names / device).mkdir(parents=True)
        (names / device / "name").write_text(f"{name}\n")
    return devices, names


@pytest.mark.parametrize(
    ("wanted", "device"), [("2", "video2"), ("webcam", "video2"), ("0", "video0")]
)
def test_a_device_is_found_by_number_and_name(
    machine: tuple[Path, Path], wanted: str, device: str
) -> None:
    assert find_device(wanted, *machine) == machine[0] / device


def test_a_device_is_found_by_path(machine: tuple[Path, Path]) -> None:
    path = machine[0] / "video10"
    assert find_device(str(path), *machine) == path


@pytest.mark.parametrize("wanted", ["7", "nikon", "/dev/video77"])
def test_a_missing_device_names_what_there_is(machine: tuple[Path, Path], wanted: str) -> None:
    with pytest.raises(SourceError, match=rf"no USB camera {wanted}; there is 0 \(codec\), 2 \(HD"):
        find_device(wanted, *machine)


def test_without_any_device_one_is_to_be_plugged_in(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none at all; plug one in"):
        find_device("0", tmp_path, tmp_path)


def test_only_wishes_become_options() -> None:
    assert device_options(SourceSpec("usb", "0")) == {}
    wish: dict[str, str | float | int | bool] = {
        "width": 1280,
        "height": 720,
        "fps": 15.0,
        "format": "mjpeg",
    }
    assert device_options(SourceSpec("usb", "0", options=wish)) == {
        "video_size": "1280x720",
        "framerate": "15",
        "input_format": "mjpeg",
    }


def test_a_file_that_is_no_camera_is_told(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    camera = UsbCamera(SourceSpec("usb", str(tmp_path / "video0")))
    with pytest.raises(SourceError, match="video0 cannot be opened: it is no camera"):
        camera.open()
    with pytest.raises(SourceError, match="not open"):
        camera.read(0)
    camera.close()


def test_a_usb_camera_needs_a_device() -> None:
    with pytest.raises(SourceError, match="needs an index"):
        UsbCamera(SourceSpec("usb"))


def packets_of(camera: UsbCamera, count: int) -> list[MediaPacket]:
    found: list[MediaPacket] = []
    deadline = time.monotonic() + 10
    while len(found) < count:
        assert time.monotonic() < deadline
        item = camera.read(1)
        if isinstance(item, MediaPacket):
            found.append(item)
    return found


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "kept"),
    [
        ("rawvideo", "yuyv422", False),
        ("rawvideo", "nv12", False),
        ("mjpeg", "yuvj422p", False),
        ("libx264", "yuv420p", True),
    ],
)
def test_what_devices_deliver_becomes_packets_and_pictures_from_zero_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, pix_fmt: str, kept: bool
) -> None:
    # The times of V4L2 count from when the machine was switched on.
    times = tuple(5000 + n / 10 for n in range(20))
    plan = ClipPlan(times=times, codec=codec, pix_fmt=pix_fmt)
    monkeypatch.setattr(camera_usb, "DEMUXER", "nut")
    camera = UsbCamera(SourceSpec("usb", str(write_clip(tmp_path / "video0.nut", plan))))
    opened = camera.open()
    assert (opened.width_px, opened.height_px, opened.audio) == (64, 48, None)
    feed = SourceFeed(opened)
    assert feed.is_encoded != kept
    taken = [feed.take(packet) for packet in packets_of(camera, 20)]
    taken.append(feed.flush())
    camera.close()
    frames = [frame for _, found in taken for frame in found]
    assert [frame.pts_s for frame in frames] == pytest.approx([n / 10 for n in range(20)])
    assert sum(len(packets) for packets, _ in taken) == 20
    assert feed.video.codec == "h264"
    assert feed.corrupt_packets == 0


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EBUSY, "another program uses it; end that program"),
        (errno.EACCES, "add the user to the group video"),
        (errno.ENODEV, "it was unplugged"),
        (errno.EINVAL, "does not know this size, rate or format"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_device_that_refuses_says_what_to_do(
    machine: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise FFmpegError(number, "Input/output error")

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(SourceError, match=f"video2 cannot be opened: .*{sentence}"):
        UsbCamera(SourceSpec("usb", str(machine[0] / "video2"))).open()


def test_a_camera_that_is_unplugged_in_the_middle_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera_usb, "DEMUXER", "nut")
    camera = UsbCamera(SourceSpec("usb", str(write_clip(tmp_path / "video0.nut"))))
    packets = Demuxer.packets

    def until_unplugged(self: Demuxer) -> Any:
        for count, packet in enumerate(packets(self)):
            if count == 5:
                raise FFmpegError(errno.ENODEV, "No such device")
            yield packet

    monkeypatch.setattr(Demuxer, "packets", until_unplugged)
    camera.open()
    assert len(packets_of(camera, 5)) == 5
    with pytest.raises(SourceError, match="USB camera"):
        camera.read(5)
    camera.close()
