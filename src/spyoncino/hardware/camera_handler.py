"""One picture at a time, for programs that embed a camera without the bus and its processes.

The names of the specification (D-HW-01 to -04). The system itself reads cameras in capture
processes (``sources.py``): they keep packets and never wait for whoever looks.
"""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import SourceError, SpyoncinoError
from spyoncino.hardware.camera_pi import PiCamera
from spyoncino.hardware.platform_detector import is_raspberry_pi
from spyoncino.hardware.source_types import Option, RawPicture, SourceSpec
from spyoncino.media.colour import i420_to_bgr

NOT_INITIALIZED = "Camera not initialized"
CAPTURE_S = 5.0
"""Longest wait for one picture."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CameraHandlerConfig:
    """What a handler is made from.

    Args:
        device: Number of the camera; for OpenCV also a path or an address.
        width_px: Even width to ask for.
        height_px: Even height to ask for.
        capture_fps: Pictures a second to ask for (D-CAP-10).
        buffer_size: Pictures kept for ``recent`` (D-CAP-02), within ``buffer_max_bytes``.
        buffer_max_bytes: Bytes they may take; wins over ``buffer_size`` (D-CAP-13).
        platform: ``auto`` takes picamera2 on a Raspberry Pi and OpenCV elsewhere.
        rotation: 0 or 180.
    """

    device: int | str = 0
    width_px: int = 640
    height_px: int = 480
    capture_fps: float = 30.0
    buffer_size: int = 30
    buffer_max_bytes: int = 50_000_000
    platform: Literal["auto", "pi", "opencv"] = "auto"
    rotation: Literal[0, 180] = 0


class Device(Protocol):
    """What gives the pictures: one for each library; used by one thread at a time."""

    def open(self) -> None:
        """Open the camera.

        Raises:
            SpyoncinoError: It does not work.
        """

    def capture(self) -> Picture:
        """The next picture, as ``CameraHandler.capture_frame`` gives it.

        Raises:
            SourceError: No picture came.
        """

    def close(self) -> None:
        """Let go of the camera."""


class CameraHandler:
    """A camera from which pictures are taken one by one; safe for several threads.

    ``CameraHandler(config)`` is the handler that fits the platform. As a context manager it is
    initialized inside.

    Args:
        config: Which camera.
    """

    def __new__(cls, config: CameraHandlerConfig | None = None) -> Self:
        """The subclass for the platform, when none is named."""
        chosen: type = cls
        if cls is CameraHandler:
            is_for_pi = _is_for_pi(config or CameraHandlerConfig())
            chosen = PiCamera2Handler if is_for_pi else OpenCVCameraHandler
        return super().__new__(chosen)

    def __init__(self, config: CameraHandlerConfig | None = None) -> None:
        self.config = config or CameraHandlerConfig()
        self.is_initialized = False
        self.captured = 0
        self.capture_errors = 0
        self.last_error = ""
        self._device = self._device_of(self.config)
        self._lock = threading.Lock()
        size_bytes = 3 * self.config.width_px * self.config.height_px
        fits = max(1, self.config.buffer_max_bytes // size_bytes)
        self._recent: deque[Picture] = deque(maxlen=min(self.config.buffer_size, fits))

    def initialize(self) -> bool:
        """Open the camera; ``False``, with the reason in ``last_error``, when it does not work."""
        with self._lock:
            if not self.is_initialized:
                try:
                    self._device.open()
                except SpyoncinoError as error:
                    self._note(error)
                else:
                    self.is_initialized = True
            return self.is_initialized

    def capture_frame(self) -> Picture:
        """The next picture, uint8 ``(height, width, 3)`` in BGR; the caller owns it.

        Raises:
            RuntimeError: ``initialize`` was not called or failed.
            SourceError: No picture came; counted in ``capture_errors``.
        """
        with self._lock:
            if not self.is_initialized:
                raise RuntimeError(NOT_INITIALIZED)
            try:
                picture = self._device.capture()
            except SourceError as error:
                self._note(error)
                raise
            self.captured += 1
            self._recent.append(picture)
            return picture.copy()

    def recent(self) -> list[Picture]:
        """The last captured pictures, oldest first; not to be changed."""
        with self._lock:
            return list(self._recent)

    def cleanup(self) -> None:
        """Let go of the camera; may be called twice."""
        with self._lock:
            if self.is_initialized:
                self.is_initialized = False
                self._device.close()
            self._recent.clear()

    def __enter__(self) -> Self:
        if not self.initialize():
            raise SourceError(self.last_error)
        return self

    def __exit__(self, *_: object) -> None:
        self.cleanup()

    def _note(self, error: SpyoncinoError) -> None:
        self.capture_errors += 1
        self.last_error = str(error)

    @staticmethod
    def _device_of(config: CameraHandlerConfig) -> Device:
        """The device of this platform."""
        return PiDevice(config) if _is_for_pi(config) else OpenCVDevice(config)


class PiCamera2Handler(CameraHandler):
    """Raw pictures of a Pi camera, whatever the platform of the configuration."""

    @staticmethod
    def _device_of(config: CameraHandlerConfig) -> Device:
        return PiDevice(config)


class OpenCVCameraHandler(CameraHandler):
    """Pictures of anything that OpenCV opens, whatever the platform of the configuration."""

    @staticmethod
    def _device_of(config: CameraHandlerConfig) -> Device:
        return OpenCVDevice(config)


class PiDevice:
    """A Pi camera, through the same source as the system's.

    Args:
        config: Which camera.
    """

    def __init__(self, config: CameraHandlerConfig) -> None:
        options: dict[str, Option] = {
            "width": config.width_px,
            "height": config.height_px,
            "fps": config.capture_fps,
            "rotation": config.rotation,
            "encoder": "raw",
        }
        self._spec = SourceSpec("pi", str(config.device), options=options)

    def open(self) -> None:
        """Open the camera."""
        self._camera = PiCamera(self._spec)
        self._camera.open()

    def capture(self) -> Picture:
        """The next picture, waited for at most ``CAPTURE_S``."""
        item = self._camera.read(CAPTURE_S)
        if not isinstance(item, RawPicture):
            raise SourceError(f"{self._camera.name} gave no picture within {CAPTURE_S:g} s.")
        return i420_to_bgr(item.i420)

    def close(self) -> None:
        """Let go of the camera."""
        self._camera.close()


class OpenCVDevice:
    """Anything that OpenCV opens: a webcam by number, a path, an address.

    Args:
        config: Which camera.
    """

    def __init__(self, config: CameraHandlerConfig) -> None:
        self._config = config

    def open(self) -> None:
        """Open the camera."""
        config = self._config
        self._device = cv2.VideoCapture()
        if not self._device.open(config.device):
            raise SourceError(f"OpenCV cannot open the camera {config.device}; is it plugged in?")
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, config.width_px),
            (cv2.CAP_PROP_FRAME_HEIGHT, config.height_px),
            (cv2.CAP_PROP_FPS, config.capture_fps),
        ):
            self._device.set(key, value)  # a wish; the camera takes the nearest that it has

    def capture(self) -> Picture:
        """The next picture."""
        is_there, picture = self._device.read()
        if not is_there:
            raise SourceError(f"The camera {self._config.device} gave no picture.")
        if self._config.rotation:
            picture = cv2.rotate(picture, cv2.ROTATE_180)
        return np.asarray(picture, dtype=np.uint8)

    def close(self) -> None:
        """Let go of the camera."""
        self._device.release()


def _is_for_pi(config: CameraHandlerConfig) -> bool:
    return config.platform == "pi" or (config.platform == "auto" and is_raspberry_pi())
