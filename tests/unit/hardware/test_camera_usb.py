"""USB cameras on made-up folders; no device was ever there to run it on."""

from pathlib import Path

import pytest

from spyoncino.errors import SourceError
from spyoncino.hardware.camera_usb import UsbCamera, device_options, find_device
from spyoncino.hardware.source_types import SourceSpec


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
