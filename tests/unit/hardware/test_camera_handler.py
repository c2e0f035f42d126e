"""The camera facade: the specification's names over a double of picamera2 and a real video file."""

import threading
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.clips import ClipPlan, write_clip
from tests.fixtures.pi_camera import pi_camera

from spyoncino.errors import SourceError
from spyoncino.hardware import camera_handler
from spyoncino.hardware.camera_handler import (
    CameraHandler,
    CameraHandlerConfig,
    OpenCVCameraHandler,
    PiCamera2Handler,
)


@pytest.fixture
def clip(tmp_path: Path) -> str:
    times = tuple(number / 10 for number in range(40))
    return str(write_clip(tmp_path / "clip.mp4", ClipPlan(times=times)))


def on_file(
    clip: str, *, buffer_size: int = 30, buffer_max_bytes: int = 50_000_000
) -> CameraHandlerConfig:
    return CameraHandlerConfig(
        device=clip,
        width_px=64,
        height_px=48,
        buffer_size=buffer_size,
        buffer_max_bytes=buffer_max_bytes,
        platform="opencv",
    )


def test_the_platform_chooses_the_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(CameraHandler(), OpenCVCameraHandler)
    assert isinstance(CameraHandler(CameraHandlerConfig(platform="pi")), PiCamera2Handler)
    monkeypatch.setattr(camera_handler, "is_raspberry_pi", lambda: True)
    assert isinstance(CameraHandler(), PiCamera2Handler)
    assert isinstance(CameraHandler(CameraHandlerConfig(platform="opencv")), OpenCVCameraHandler)


@pytest.mark.parametrize("platform", ["pi", "opencv"])
def test_capturing_before_initializing_is_an_error(platform: str) -> None:
    handler = CameraHandler(CameraHandlerConfig(platform=platform))  # type: ignore[arg-type]
    assert not handler.is_initialized
    with pytest.raises(RuntimeError, match=r"^Camera not initialized$"):
        handler.capture_frame()


def test_opencv_gives_pictures_until_there_are_no_more(clip: str) -> None:
    handler = CameraHandler(on_file(clip))
    assert handler.initialize()
    assert handler.initialize()
    pictures = [handler.capture_frame() for _ in range(40)]
    assert {(each.shape, each.dtype) for each in pictures} == {((48, 64, 3), np.dtype(np.uint8))}
    with pytest.raises(SourceError, match="gave no picture"):
        handler.capture_frame()
    assert (handler.captured, handler.capture_errors) == (40, 1)
    assert "gave no picture" in handler.last_error
    handler.cleanup()
    handler.cleanup()
    with pytest.raises(RuntimeError, match="Camera not initialized"):
        handler.capture_frame()


def test_a_camera_that_is_not_there_is_not_initialized() -> None:
    handler = CameraHandler(CameraHandlerConfig(device="/nowhere/video9", platform="opencv"))
    assert not handler.initialize()
    assert handler.capture_errors == 1
    assert "cannot open the camera /nowhere/video9" in handler.last_error
    with pytest.raises(SourceError, match="cannot open"), handler:
        pass


def test_recent_pictures_are_limited_by_number_and_by_bytes(clip: str) -> None:
    few = CameraHandler(on_file(clip, buffer_size=5))
    small = CameraHandler(on_file(clip, buffer_max_bytes=3 * 3 * 64 * 48))
    for handler, kept in ((few, 5), (small, 3)):
        with handler:
            last = [handler.capture_frame() for _ in range(8)][-1]
            recent = handler.recent()
        assert len(recent) == kept
        assert (recent[-1] == last).all()
        assert not handler.recent()


def test_the_default_buffer_takes_less_than_fifty_megabytes() -> None:
    config = CameraHandlerConfig()
    assert config.buffer_size == 30
    assert config.capture_fps == 30
    assert 3 * config.width_px * config.height_px * config.buffer_size < 50_000_000


def test_threads_take_turns_and_no_picture_is_given_twice(clip: str) -> None:
    with CameraHandler(on_file(clip)) as handler:
        threads = [
            threading.Thread(target=lambda: [handler.capture_frame() for _ in range(10)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (handler.captured, handler.capture_errors) == (40, 0)
        with pytest.raises(SourceError):
            handler.capture_frame()


def test_a_pi_camera_gives_bgr_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    config = CameraHandlerConfig(platform="pi", width_px=160, height_px=96, capture_fps=50)
    with pi_camera(monkeypatch), CameraHandler(config) as handler:
        picture = handler.capture_frame()
        assert (picture.shape, picture.dtype) == ((96, 160, 3), np.dtype(np.uint8))
        assert picture[-1, -1].sum() > picture[0, 0].sum()
        blue, _, red = (int(value) for value in picture[48, 80])
        assert red > blue  # the double's pictures are reddish; BGR, not RGB


def test_a_pi_camera_that_is_busy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pi_camera(monkeypatch, is_busy=True):
        handler = CameraHandler(CameraHandlerConfig(platform="pi"))
        assert not handler.initialize()
    assert "another program uses it" in handler.last_error
