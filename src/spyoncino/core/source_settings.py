"""The settings of sources: one group for each type, all of which become a ``SourceSpec``."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from spyoncino.core.settings_group import SettingsGroup
from spyoncino.hardware.camera_pi import Encoder
from spyoncino.hardware.source_types import DEFAULT_STALL_S, SourceSpec
from spyoncino.hardware.stream_address import StreamAddress


class FileSource(SettingsGroup):
    """A video file, played once or for ever."""

    type: Literal["file"] = Field(description="A video file.")
    path: Path = Field(description="The file; relative to the configuration file.")
    realtime: bool = Field(
        default=True, description="Play at the pace of its timestamps, not as fast as it can."
    )
    loop: bool = Field(default=False, description="Begin again at the end.")

    def to_spec(self) -> SourceSpec:
        """The source as a capture process is told of it."""
        return SourceSpec("file", str(self.path), realtime=self.realtime, loop=self.loop)


class SimSource(SettingsGroup):
    """A drawn front door with a visitor who rings and a cat; needs no camera."""

    type: Literal["sim"] = Field(description="The simulated front door.")
    seed: int = Field(default=1, ge=0, description="Another seed draws another day.")
    fps: float = Field(default=15.0, gt=0, le=60, description="Pictures per second.")
    width_px: int = Field(
        default=1280, ge=64, le=3840, multiple_of=2, description="Width of the picture; even."
    )
    height_px: int = Field(
        default=720, ge=64, le=2160, multiple_of=2, description="Height of the picture; even."
    )
    duration_s: float = Field(
        default=0.0, ge=0, description="Seconds until it ends; 0 goes on for ever."
    )
    period_s: float = Field(
        default=50.0, gt=0, description="Seconds of a round, after which everything happens again."
    )
    visitor_at_s: float = Field(
        default=4.0, description="When in a round the visitor appears; negative: never."
    )
    press_at_s: float = Field(
        default=10.5, description="When in a round the bell is pressed; negative: never."
    )
    cat_at_s: float = Field(
        default=33.0, description="When in a round the cat crosses; negative: never."
    )
    counter: Literal["", "pts", "wall"] = Field(
        default="",
        description="For measuring: milliseconds of the picture's time (pts) or of the wall clock, "
        "as blocks in the corner.",
    )
    realtime: bool = Field(
        default=True, description="Draw at the pace of real time, not as fast as it can."
    )

    def to_spec(self) -> SourceSpec:
        """The source as a capture process is told of it, in the simulator's own names."""
        options: dict[str, str | float | int | bool] = {
            "seed": self.seed,
            "fps": self.fps,
            "width": self.width_px,
            "height": self.height_px,
            "duration_s": self.duration_s,
            "period_s": self.period_s,
            "visitor_at_s": self.visitor_at_s,
            "press_at_s": self.press_at_s,
            "cat_at_s": self.cat_at_s,
            "counter": self.counter,
        }
        return SourceSpec("sim", realtime=self.realtime, options=options)


class LiveSource(SettingsGroup):
    """What all cameras have that may fall silent."""

    stall_s: float = Field(
        default=DEFAULT_STALL_S,
        ge=1,
        le=300,
        description="Seconds without a new picture after which it counts as stalled; after twice "
        "as many it is connected again.",
    )


class SubStream(SettingsGroup):
    """The second, smaller stream of a network camera."""

    url: str = Field(description="Its address, rtsp:// or http://.")
    transport: Literal["", "tcp", "udp"] = Field(
        default="", description="Of an rtsp:// address; empty: as the main stream."
    )
    username: str = Field(
        default="", description="Name it asks for; empty: as this host's main stream."
    )
    password: SecretStr = Field(
        default=SecretStr(""),
        description="Password it asks for; empty: as this host's main stream.",
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        StreamAddress.parse(url)
        return url

    def to_spec(self, main: SourceSpec) -> SourceSpec:
        """The stream as a capture process is told of it.

        Args:
            main: The main stream, for what is not given here.
        """
        address = StreamAddress.parse(self.url, self.username, self.password.get_secret_value())
        secrets = {"username": address.username, "password": address.password}
        is_rtsp = address.shown.startswith(("rtsp://", "rtsps://"))
        transport = self.transport or main.options.get("transport", "tcp")
        if not any(secrets.values()) and address.host == StreamAddress.parse(main.path).host:
            secrets = dict(main.secrets)  # another machine is never told the camera's password
        return SourceSpec(
            "rtsp" if is_rtsp else "http",
            address.shown,
            options={"transport": transport} if is_rtsp else {},
            secrets=secrets,
            stall_s=main.stall_s,
        )


class NetworkSource(LiveSource):
    """What all cameras on the network have."""

    url: str = Field(description="Its address.")
    sub: SubStream | None = Field(
        default=None,
        description="The camera's second, smaller stream: analysed in place of the main one, "
        "which is then kept undecoded. An address, or a group with url and more.",
    )
    username: str = Field(default="", description="Name that the camera asks for, if it does.")
    password: SecretStr = Field(
        default=SecretStr(""), description="Password that the camera asks for, if it does."
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        StreamAddress.parse(url)
        return url

    @field_validator("sub", mode="before")
    @classmethod
    def _may_be_an_address_alone(cls, sub: object) -> object:
        return {"url": sub} if isinstance(sub, str) else sub

    def with_sub(self, main: SourceSpec) -> SourceSpec:
        """The source with its second stream, if it has one."""
        return replace(main, sub=self.sub.to_spec(main)) if self.sub else main

    @property
    def address(self) -> StreamAddress:
        """The address, its secrets apart."""
        return StreamAddress.parse(self.url, self.username, self.password.get_secret_value())

    @property
    def secrets(self) -> dict[str, str]:
        """Name and password, wherever they stand."""
        return {"username": self.address.username, "password": self.address.password}


class RtspSource(NetworkSource):
    """A network camera that speaks RTSP; H.264 and H.265 are kept as they come."""

    type: Literal["rtsp"] = Field(description="A network camera with RTSP.")
    transport: Literal["tcp", "udp"] = Field(
        default="tcp", description="tcp loses nothing; udp for cameras that know nothing else."
    )

    @field_validator("url")
    @classmethod
    def _speaks_rtsp(cls, url: str) -> str:
        if not url.startswith(("rtsp://", "rtsps://")):
            raise ValueError("the address of an rtsp source begins with rtsp://")
        return url

    def to_spec(self) -> SourceSpec:
        """The source as a capture process is told of it."""
        main = SourceSpec(
            "rtsp",
            self.address.shown,
            options={"transport": self.transport},
            secrets=self.secrets,
            stall_s=self.stall_s,
        )
        return self.with_sub(main)


class HttpSource(NetworkSource):
    """A network camera that sends MJPEG over HTTP; encoded once to H.264 for clips."""

    type: Literal["http"] = Field(description="A network camera with MJPEG over HTTP.")

    @field_validator("url")
    @classmethod
    def _speaks_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("the address of an http source begins with http://")
        return url

    def to_spec(self) -> SourceSpec:
        """The source as a capture process is told of it."""
        main = SourceSpec("http", self.address.shown, secrets=self.secrets, stall_s=self.stall_s)
        return self.with_sub(main)


class UsbSource(LiveSource):
    """A camera at this machine, through V4L2."""

    type: Literal["usb"] = Field(description="A USB camera.")
    device: str = Field(
        default="0",
        min_length=1,
        coerce_numbers_to_str=True,
        description="Its number (0), path (/dev/video0) or a part of its name.",
    )
    width_px: int = Field(
        default=0, ge=0, le=7680, description="Width to ask for; 0 leaves size to the camera."
    )
    height_px: int = Field(
        default=0, ge=0, le=4320, description="Height to ask for; 0 leaves size to the camera."
    )
    fps: float = Field(
        default=0, ge=0, le=240, description="Pictures per second to ask for; 0 leaves it."
    )
    format: Literal["", "mjpeg", "yuyv422", "h264"] = Field(
        default="", description="What to ask for; empty: the camera's first choice."
    )

    def to_spec(self) -> SourceSpec:
        """The source as a capture process is told of it."""
        options: dict[str, str | float | int | bool] = {
            "width": self.width_px,
            "height": self.height_px,
            "fps": self.fps,
            "format": self.format,
        }
        return SourceSpec("usb", self.device, options=options, stall_s=self.stall_s)


class PiSource(LiveSource):
    """The camera at a Raspberry Pi's ribbon cable, through picamera2."""

    type: Literal["pi"] = Field(description="A Raspberry Pi camera.")
    camera: int = Field(default=0, ge=0, le=9, description="Its number, where there are several.")
    width_px: int = Field(
        default=1280, ge=64, le=4608, multiple_of=2, description="Width of the picture; even."
    )
    height_px: int = Field(
        default=720, ge=64, le=2592, multiple_of=2, description="Height of the picture; even."
    )
    fps: float = Field(default=15.0, ge=1, le=120, description="Pictures per second.")
    bits_s: int = Field(
        default=0,
        ge=0,
        le=25_000_000,
        description="Bits per second of the video; 0 chooses by size and rate.",
    )
    rotation_deg: Literal[0, 180] = Field(
        default=0, description="180 for a camera that hangs upside down."
    )
    encoder: Encoder = Field(
        default="auto",
        description="auto: the board's encoder, or raw pictures where it has none (Pi 5); software "
        "is picamera2's own.",
    )
    controls: dict[str, bool | int | float] = Field(  # libcamera refuses 2.0 where it wants 2
        default_factory=dict,
        description="libcamera's controls by name, such as AfMode: 2 or Saturation: 0.",
    )

    def to_spec(self) -> SourceSpec:
        """The source as a capture process is told of it."""
        options: dict[str, str | float | int | bool] = {
            "width": self.width_px,
            "height": self.height_px,
            "fps": self.fps,
            "bits_s": self.bits_s,
            "rotation": self.rotation_deg,
            "encoder": self.encoder,
            "controls": json.dumps(self.controls),
        }
        return SourceSpec("pi", str(self.camera), options=options, stall_s=self.stall_s)


SourceSettings = Annotated[
    FileSource | SimSource | RtspSource | HttpSource | UsbSource | PiSource,
    Field(discriminator="type"),
]
"""Where a camera's pictures come from; ``type`` decides which keys there are."""
