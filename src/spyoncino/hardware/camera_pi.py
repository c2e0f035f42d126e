"""The camera at a Raspberry Pi's ribbon cable, through picamera2. Never run on a device so far.

Up to the Pi 4 the board encodes H.264 itself, and the packets are kept as they come. The Pi 5 has
no encoder: there raw pictures come, which are encoded once like those of any other source, and
need not be decoded again for analysis.
"""

import json
import threading
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from spyoncino.errors import SourceError, SpyoncinoError
from spyoncino.hardware import pi_library
from spyoncino.hardware.handover import Handover
from spyoncino.hardware.live_camera import MAX_WAITING, PATIENCE
from spyoncino.hardware.source_types import Option, RawPicture, SourceFormat, SourceSpec
from spyoncino.media.annexb import format_of, has_headers, has_picture
from spyoncino.media.packets import MediaPacket, VideoFormat

MICROSECOND = Fraction(1, 1_000_000)
GOP_S = 2.0
BITS_PER_PIXEL = 0.1
"""Of the rate when none is asked for: what picamera2 takes for its medium quality."""

UPSIDE_DOWN_DEG = 180

MAX_RAW = 4
"""Raw pictures that wait at most: 12 MB in 1080p. Who is further behind loses the oldest."""

FIRST_S = 10.0
"""Longest wait for the first picture; exposure settles in less than a second."""

SILENCE = 0.9 * PATIENCE
"""Times ``stall_s`` without a picture after which the cable is suspected, before anybody else
gives up with less to say."""

Encoder = Literal["auto", "hardware", "software", "raw"]


@dataclass(frozen=True, slots=True)
class PiOptions:
    """Options of a ``pi`` source.

    Args:
        width: Even width of the pictures in pixels.
        height: Even height of the pictures in pixels.
        fps: Pictures a second.
        bits_s: Bits per second of the H.264; 0 chooses by size and rate.
        rotation: 0, or 180 for a camera that hangs upside down; the sensor turns for nothing.
        encoder: ``hardware``, ``software`` (picamera2's), ``raw``, or ``auto``: hardware where the
            board has it, else raw.
        controls: libcamera's controls as a JSON object, such as ``{"AfMode": 2}``.
    """

    width: int = 1280
    height: int = 720
    fps: float = 15.0
    bits_s: int = 0
    rotation: int = 0
    encoder: str = "auto"
    controls: str = "{}"

    @classmethod
    def of(cls, options: dict[str, Option]) -> "PiOptions":
        """Options from plain values.

        Raises:
            SourceError: One is unknown or out of range.
        """
        known = {each.name for each in fields(cls)}
        if unknown := sorted(set(options) - known):
            raise SourceError(
                f"A pi source has no option {unknown[0]}; it has {', '.join(sorted(known))}."
            )
        built = cls(**options)  # type: ignore[arg-type]  # the settings have checked the types
        if built.width % 2 or built.height % 2 or built.width < 64 or built.height < 64:
            raise SourceError(
                f"A Pi camera's size must be even and at least 64, not "
                f"{built.width}x{built.height}."
            )
        if built.rotation not in (0, UPSIDE_DOWN_DEG):
            raise SourceError(f"A Pi camera turns by 0 or 180 degrees, not {built.rotation}.")
        if built.encoder not in get_args(Encoder):
            raise SourceError(f"The encoder must be one of {', '.join(get_args(Encoder))}.")
        return built

    @property
    def rate_bits_s(self) -> int:
        """Bits per second to ask for."""
        return self.bits_s or round(BITS_PER_PIXEL * self.width * self.height * self.fps)


class PiCamera:
    """Packets or raw pictures of one Pi camera; a ``Source``.

    Args:
        spec: ``path`` is the camera's number (empty: 0); see ``PiOptions`` for the rest.

    Raises:
        SourceError: The number or an option is wrong.
    """

    def __init__(self, spec: SourceSpec) -> None:
        if spec.path and not spec.path.isdecimal():
            raise SourceError(f"A Pi camera is named by its number (0), not {spec.path}.")
        self._index = int(spec.path or 0)
        self._options = PiOptions.of(spec.options)
        self._silence_s = SILENCE * spec.stall_s
        self._camera: Any = None
        self._items: Handover[MediaPacket | RawPicture] = Handover()
        self._begun = threading.Event()
        self._packets = _Packets(self._items, self._begun, self._options.fps)
        self._size_px = (self._options.width, self._options.height)

    @property
    def name(self) -> str:
        """The camera as sentences call it."""
        return f"Pi camera {self._index}"

    @property
    def dropped(self) -> int:
        """Raw pictures that were dropped because nobody took them in time."""
        return self._items.dropped

    def open(self) -> SourceFormat:
        """Acquire, configure and start it, and wait for its first picture.

        Raises:
            SourceError: It does not work; the sentence says why.
            SourceStuckError: Only a new process can open it again.
        """
        self._camera = pi_library.camera_of(self._index)
        try:
            is_encoded = self._start()
            if not self._begun.wait(FIRST_S):
                raise SourceError(
                    f"{self.name} sent no picture within {FIRST_S:.0f} s; check its ribbon cable "
                    f"with the power off."
                )
            if not is_encoded:
                return SourceFormat(None, *self._size_px, self._options.fps, None)
            video = self._packets.video()
        except pi_library.FAULTS as error:
            self.close()
            raise SourceError(f"{self.name} cannot be started: {error}.") from error
        except SpyoncinoError:
            self.close()
            raise
        return SourceFormat(video, video.width_px, video.height_px, video.fps, None)

    def read(self, timeout_s: float | None = None) -> MediaPacket | RawPicture | None:
        """The next packet or picture; see ``Source.read``."""
        if self._camera is None:
            raise SourceError(f"{self.name} is not open.")
        wait_s = self._silence_s if timeout_s is None else min(timeout_s, self._silence_s)
        item = self._items.take(wait_s)
        if item is None and self._items.silent_s >= self._silence_s:
            raise SourceError(
                f"{self.name} sent no picture for {self._items.silent_s:.0f} s; check its ribbon "
                f"cable with the power off."
            )
        return item

    def close(self) -> None:
        """Stop and release it; returns after some seconds even when the library hangs."""
        self._items.close()
        camera, self._camera = self._camera, None
        if camera is not None:
            pi_library.let_go(self._index, camera)

    def _start(self) -> bool:
        """Start; whether packets come rather than raw pictures."""
        build = self._encoder_type()
        if build is not None and self._starts_with(build):
            return True
        # What raw pictures are everywhere in this program: limited range BT.601.
        self._configure(pi_library.library("libcamera").ColorSpace.Smpte170m())
        self._camera.post_callback = self._take_raw
        self._camera.start()
        return False

    def _encoder_type(self) -> Any:
        """picamera2's class of the encoder that is wanted; ``None`` for raw pictures.

        Raises:
            SourceError: It was asked for by name and is not here.
        """
        wanted = self._options.encoder
        encoders = pi_library.library("picamera2.encoders")
        in_software = getattr(encoders, "LibavH264Encoder", None)
        in_hardware = getattr(encoders, "H264Encoder", None)
        if in_hardware is in_software:
            in_hardware = None  # on a board without an encoder the one goes by the other's name
        found = {"software": in_software, "raw": None}.get(wanted, in_hardware)
        if found is None and wanted in ("hardware", "software"):
            raise SourceError(
                f"This computer has no {wanted} encoder for a Pi camera; set encoder: auto."
            )
        return found

    def _starts_with(self, build: Any) -> bool:
        """Start with an encoder; ``False`` when ``auto`` finds that it does not work."""
        options = self._options
        self._configure(None)
        encoder = build(
            bitrate=options.rate_bits_s, repeat=True, iperiod=max(1, round(GOP_S * options.fps))
        )
        encoder.framerate = max(1, round(options.fps))
        try:
            self._camera.start_encoder(encoder, self._output())
        except pi_library.FAULTS:
            if options.encoder != "auto":
                raise
            return False
        self._camera.start()
        return True

    def _configure(self, colour_space: Any) -> None:
        """Ask for size, rate, orientation and controls.

        Raises:
            SourceError: The controls are no JSON object.
        """
        options = self._options
        try:
            controls = dict(json.loads(options.controls))
        except (ValueError, TypeError) as error:
            raise SourceError(f"The controls must be a JSON object: {options.controls}.") from error
        frame_us = round(1e6 / options.fps)
        is_turned = int(options.rotation == UPSIDE_DOWN_DEG)
        transform = pi_library.library("libcamera").Transform(hflip=is_turned, vflip=is_turned)
        self._camera.configure(
            self._camera.create_video_configuration(
                main={"size": (options.width, options.height), "format": "YUV420"},
                transform=transform,
                colour_space=colour_space,
                controls={"FrameDurationLimits": (frame_us, frame_us)} | controls,
            )
        )
        self._size_px = self._camera.camera_configuration()["main"]["size"]

    def _output(self) -> Any:
        """An output of picamera2 that hands every packet over; made here, where its base is."""
        take = self._packets.take

        def outputframe(
            _self: object,
            frame: bytes,
            keyframe: bool = True,
            timestamp: int | None = None,
            packet: object = None,
            audio: bool = False,
        ) -> None:
            del packet
            if not audio:
                take(bytes(frame), is_key=keyframe, timestamp_us=timestamp)

        base = pi_library.library("picamera2.outputs").Output
        return type("PacketOutput", (base,), {"outputframe": outputframe})()

    def _take_raw(self, request: Any) -> None:
        """Called in the library's thread for every picture."""
        at_s = self._packets.seconds(int(request.get_metadata()["SensorTimestamp"]))
        picture = without_padding(request.make_array("main"), *self._size_px)
        self._items.offer_newest(RawPicture(picture, at_s), MAX_RAW)
        self._begun.set()


class _Packets:
    """Makes packets of what the encoder gives, in the library's thread.

    Args:
        items: Where they go.
        begun: Set with the first one.
        fps: Nominal pictures per second.
    """

    def __init__(
        self, items: Handover[MediaPacket | RawPicture], begun: threading.Event, fps: float
    ) -> None:
        self._items = items
        self._begun = begun
        self._fps = fps
        self._headers = b""
        self._last_us = -1
        self._first_ns: int | None = None
        self._first_key = b""

    def video(self) -> VideoFormat:
        """The format, as the first key picture tells it.

        Raises:
            MediaError: It is no H.264.
        """
        return format_of(self._first_key, self._fps, MICROSECOND)

    def take(self, data: bytes, *, is_key: bool, timestamp_us: int | None) -> None:
        """Hand a packet over; headers that come alone are kept for the picture behind them."""
        if not has_picture(data):
            self._headers = data
            return
        if is_key and not has_headers(data):
            data = self._headers + data
        if not self._first_key:
            if not (is_key and has_headers(data)):
                return
            self._first_key = data
        at_us = self._last_us + round(1e6 / self._fps) if timestamp_us is None else timestamp_us
        self._last_us = at_us = max(at_us, self._last_us + 1)
        packet: Packet[Any] = Packet(data)
        packet.time_base = MICROSECOND
        packet.pts = packet.dts = at_us
        packet.is_keyframe = is_key
        self._items.offer(
            MediaPacket("video", packet, at_us / 1e6, at_us / 1e6, is_key, len(data)), MAX_WAITING
        )
        self._begun.set()

    def seconds(self, stamp_ns: int) -> float:
        """Seconds from the first picture, by the sensor's clock."""
        if self._first_ns is None:
            self._first_ns = stamp_ns
        return (stamp_ns - self._first_ns) / 1e9


def without_padding(array: NDArray[np.uint8], width_px: int, height_px: int) -> NDArray[np.uint8]:
    """picamera2's YUV420 array as I420 without the bytes that the hardware adds to each row.

    Args:
        array: uint8 ``(height * 3 // 2, stride)``; rows of luma are ``stride`` long, rows of chroma
            half of that (Picamera2 manual, appendix A).
        width_px: Even width.
        height_px: Even height.

    Returns:
        uint8 ``(height * 3 // 2, width)``, a new contiguous array.
    """
    stride = array.shape[1]
    if stride == width_px:
        return np.array(array[: height_px * 3 // 2])
    chroma = array[height_px : height_px * 3 // 2].reshape(height_px, stride // 2)
    out = np.empty((height_px * 3 // 2, width_px), np.uint8)
    out[:height_px] = array[:height_px, :width_px]
    out[height_px:].reshape(height_px, width_px // 2)[:] = chroma[:, : width_px // 2]
    return out
