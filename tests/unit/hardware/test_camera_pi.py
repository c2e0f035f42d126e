"""The Pi camera against a double of picamera2 that behaves, hangs and fails as the library does."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.pi_camera import pi_camera

from spyoncino.errors import MediaError, SourceError, SourceStuckError
from spyoncino.hardware import camera_pi, pi_library, platform_detector
from spyoncino.hardware.camera_pi import PiCamera, PiOptions, without_padding
from spyoncino.hardware.source_types import RawPicture, SourceSpec
from spyoncino.media.annexb import format_of, has_headers, has_picture
from spyoncino.media.clip_writer import ClipWriter
from spyoncino.media.decode import FrameDecoder
from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket

SMALL: dict[str, str | float | int | bool] = {"width": 160, "height": 96, "fps": 50.0}

Pi = Callable[..., None]


@pytest.fixture
def pi(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pi]:
    with ExitStack() as stack:
        yield lambda **plan: stack.enter_context(pi_camera(monkeypatch, **plan))


def camera_with(stall_s: float = 8.0, **options: str | float) -> PiCamera:
    return PiCamera(SourceSpec("pi", "0", options=SMALL | options, stall_s=stall_s))


def read(camera: PiCamera, count: int) -> list[MediaPacket | RawPicture]:
    items: list[MediaPacket | RawPicture] = []
    deadline = time.monotonic() + 10
    while len(items) < count:
        assert time.monotonic() < deadline
        item = camera.read(1)
        if item is not None:
            items.append(item)
    return items


def packets_of(camera: PiCamera, count: int) -> list[MediaPacket]:
    items = read(camera, count)
    return [item for item in items if isinstance(item, MediaPacket)]


def test_packets_of_the_boards_encoder_come_with_the_sensors_times(pi: Pi) -> None:
    pi()
    camera = camera_with()
    opened = camera.open()
    packets = packets_of(camera, 12)
    camera.close()
    assert opened.video is not None
    assert (opened.width_px, opened.height_px, opened.fps) == (160, 96, 50.0)
    assert [packet.pts_s for packet in packets] == pytest.approx([n / 50 for n in range(12)])
    assert [packet.is_key for packet in packets] == [True, *[False] * 11]
    decoder = FrameDecoder(opened.video)
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    frames += decoder.flush()
    assert [frame.pts_s for frame in frames] == pytest.approx([n / 50 for n in range(12)])
    assert decoder.corrupt_count == 0


def test_a_key_picture_comes_every_two_seconds_with_its_headers(pi: Pi) -> None:
    pi(pace=0.001)
    camera = camera_with(fps=5.0)
    camera.open()
    packets = packets_of(camera, 21)
    camera.close()
    keys = [packet for packet in packets if packet.is_key]
    assert [key.pts_s for key in keys] == pytest.approx([0.0, 2.0, 4.0])
    assert all(has_headers(bytes(key.data)) for key in keys)


def test_a_clip_of_the_packets_is_cut_without_encoding(pi: Pi, tmp_path: Path) -> None:
    pi()
    camera = camera_with()
    opened = camera.open()
    assert opened.video is not None
    clip = ClipWriter(tmp_path / "clip.mp4", opened.video, None)
    for packet in packets_of(camera, 10):
        clip.write(packet)
    camera.close()
    clip.close()
    demuxer = Demuxer(str(tmp_path / "clip.mp4"))
    assert len(list(demuxer.packets())) == 10
    assert (demuxer.video.codec, demuxer.video.width_px) == ("h264", 160)
    demuxer.close()


def test_headers_that_come_apart_are_joined_to_their_picture(pi: Pi) -> None:
    pi(has_headers_apart=True)
    camera = camera_with()
    opened = camera.open()
    packets = packets_of(camera, 5)
    camera.close()
    assert opened.video is not None
    assert has_headers(bytes(packets[0].data))
    assert all(has_picture(bytes(packet.data)) for packet in packets)


@pytest.mark.parametrize("encoder", ["libav", "broken", "none"])
def test_without_an_encoder_on_the_board_raw_pictures_come(pi: Pi, encoder: str) -> None:
    pi(encoder=encoder)
    camera = camera_with()
    opened = camera.open()
    items = read(camera, 3)
    camera.close()
    assert opened.video is None
    assert (opened.width_px, opened.height_px, opened.fps) == (160, 96, 50.0)
    pictures = [item for item in items if isinstance(item, RawPicture)]
    assert [picture.i420.shape for picture in pictures] == [(144, 160)] * 3
    steps = np.diff([picture.pts_s for picture in pictures])
    assert steps == pytest.approx([0.02] * 2)


def test_the_librarys_software_encoder_is_used_when_it_is_asked_for(pi: Pi) -> None:
    pi(encoder="libav")
    camera = camera_with(encoder="software")
    opened = camera.open()
    assert opened.video is not None
    assert packets_of(camera, 2)[0].is_key
    camera.close()


@pytest.mark.parametrize(("encoder", "wanted"), [("libav", "hardware"), ("none", "software")])
def test_an_encoder_that_is_asked_for_and_missing_is_told(
    pi: Pi, encoder: str, wanted: str
) -> None:
    pi(encoder=encoder)
    with pytest.raises(SourceError, match=f"no {wanted} encoder for a Pi camera; set encoder:"):
        camera_with(encoder=wanted).open()


def test_a_broken_encoder_that_is_asked_for_is_told(pi: Pi) -> None:
    pi(encoder="broken")
    with pytest.raises(SourceError, match=r"cannot be started: .*/dev/video11"):
        camera_with(encoder="hardware").open()
    camera = camera_with(encoder="raw")
    camera.open()  # it was let go
    camera.close()


def test_raw_pictures_lose_their_padding_and_keep_their_colours(pi: Pi) -> None:
    pi()
    camera = camera_with(encoder="raw", height=64)
    camera.open()
    (picture,) = read(camera, 1)
    camera.close()
    assert isinstance(picture, RawPicture)
    luma, chroma = picture.i420[:64], picture.i420[64:].reshape(2, 32, 80)
    assert luma.max() <= 210
    assert luma[-1, -1] > luma[0, 0] + 150
    assert (chroma[0] == 90).all()
    assert (chroma[1] == 160).all()


def test_pictures_without_padding_are_taken_as_they_are() -> None:
    array = np.arange(96 * 64, dtype=np.uint32).astype(np.uint8).reshape(96, 64)
    taken = without_padding(array, 64, 64)
    assert (taken == array).all()
    assert taken.base is None


def test_a_camera_that_hangs_upside_down_is_turned(pi: Pi) -> None:
    pi()
    camera = camera_with(encoder="raw", rotation=180)
    camera.open()
    (picture,) = read(camera, 1)
    camera.close()
    assert isinstance(picture, RawPicture)
    assert picture.i420[0, 0] > picture.i420[95, 159] + 150


def test_raw_pictures_that_nobody_takes_are_dropped_and_counted(pi: Pi) -> None:
    pi(pace=0.001)
    camera = camera_with(encoder="raw")
    camera.open()
    deadline = time.monotonic() + 10
    while camera.dropped < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first = read(camera, 1)[0]
    camera.close()
    assert first.pts_s >= 3 / 50


def test_a_camera_that_another_program_uses_is_told(pi: Pi) -> None:
    pi(is_busy=True)
    with pytest.raises(SourceError, match="another program uses it; end that program"):
        camera_with().open()


def test_without_a_camera_the_cable_is_suspected(pi: Pi) -> None:
    pi(cameras=0)
    with pytest.raises(SourceError, match=r"no Pi camera 0; there is none at all. Check the ribb"):
        camera_with().open()


def test_a_number_too_high_names_what_there_is(pi: Pi) -> None:
    pi(cameras=2)
    with pytest.raises(SourceError, match=r"no Pi camera 2; there is 0 \(imx708\), 1 \(imx708\)"):
        PiCamera(SourceSpec("pi", "2")).open()


def test_a_camera_without_a_first_picture_is_told(pi: Pi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_pi, "FIRST_S", 0.1)
    monkeypatch.setattr(pi_library, "LET_GO_S", 0.05)
    pi(is_silent=True)
    with pytest.raises(SourceError, match="sent no picture within 0 s; check its ribbon cable"):
        camera_with().open()


def test_a_cable_that_comes_off_is_told_and_needs_a_new_process(
    pi: Pi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pi_library, "LET_GO_S", 0.05)
    monkeypatch.setattr(pi_library, "STUCK_S", 0.05)
    pi(lost_after=5)
    camera = camera_with(stall_s=0.2)
    camera.open()
    read(camera, 5)
    with pytest.raises(SourceError, match="Pi camera 0 sent no picture for 0 s; check its ribbon"):
        read(camera, 100)
    camera.close()
    with pytest.raises(SourceStuckError, match="does not let go of Pi camera 0; beginning with"):
        camera_with().open()


def test_a_closed_camera_can_be_opened_again(pi: Pi) -> None:
    pi()
    for _ in range(2):
        camera = camera_with()
        camera.open()
        camera.close()
        camera.close()
    with pytest.raises(SourceError, match="Pi camera 0 is not open"):
        camera.read(0)
    assert not [t for t in threading.enumerate() if t.name.startswith("close Pi camera")]


def test_controls_are_passed_on_and_unknown_ones_told(pi: Pi) -> None:
    pi()
    camera = camera_with(controls='{"AfMode": 2}')
    camera.open()
    camera.close()
    with pytest.raises(SourceError, match="Control Zoom is not advertised by libcamera"):
        camera_with(controls='{"Zoom": 2}').open()
    with pytest.raises(SourceError, match="must be a JSON object"):
        camera_with(controls="[2]").open()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"zoom": 2}, "no option zoom"),
        ({"width": 161}, "must be even and at least 64, not 161x96"),
        ({"rotation": 90}, "turns by 0 or 180 degrees, not 90"),
        ({"encoder": "best"}, "must be one of auto, hardware, software, raw"),
    ],
)
def test_wrong_options_are_told(
    options: dict[str, str | float | int | bool], sentence: str
) -> None:
    with pytest.raises(SourceError, match=sentence):
        PiCamera(SourceSpec("pi", "0", options=SMALL | options))


def test_a_pi_camera_is_named_by_its_number() -> None:
    with pytest.raises(SourceError, match="named by its number"):
        PiCamera(SourceSpec("pi", "front"))


def test_the_rate_follows_size_and_pictures_unless_it_is_asked_for() -> None:
    assert PiOptions().rate_bits_s == pytest.approx(1_400_000, rel=0.02)
    assert PiOptions(bits_s=3_000_000).rate_bits_s == 3_000_000


def test_on_another_computer_a_pi_camera_is_refused() -> None:
    with pytest.raises(SourceError, match="needs a Raspberry Pi, which this computer is not"):
        camera_with().open()


def test_on_a_pi_without_the_library_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pi_library, "is_raspberry_pi", lambda: True)
    with pytest.raises(
        SourceError, match=r"picamera2 is missing; .*apt install python3-picamera2.*site-packages"
    ):
        camera_with().open()


def test_a_broken_library_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken_library.py").write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SourceError, match=r"installed but broken \(numpy.dtype size changed\)"):
        pi_library.library("broken_library")


def test_the_board_is_known_by_its_device_tree(tmp_path: Path) -> None:
    pi_root, other = tmp_path / "pi", tmp_path / "other"
    model = pi_root / platform_detector.MODEL_FILE
    model.parent.mkdir(parents=True)
    model.write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert platform_detector.is_raspberry_pi(pi_root)
    assert platform_detector.board_name(pi_root) == "Raspberry Pi 5 Model B Rev 1.0"
    assert not platform_detector.is_raspberry_pi(other)
    model.unlink()
    assert platform_detector.is_raspberry_pi(pi_root)  # read once


@pytest.mark.parametrize("data", [b"", b"no video at all", b"\x00\x00\x01\x65\x88"])
def test_a_first_picture_that_is_no_h264_is_told(data: bytes) -> None:
    with pytest.raises(MediaError, match="first picture"):
        format_of(data, 15.0, camera_pi.MICROSECOND)
