"""``spyoncino cameras``: see whether a camera works, and what could be better."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from rich.table import Table

from spyoncino.app import load_modules
from spyoncino.cli.camera_sub_stream import (
    BESIDE_S,
    SubStreamFacts,
    sub_rows,
    sub_wishes,
    try_sub_stream,
)
from spyoncino.cli.cameras_discover import discover
from spyoncino.cli.options import GlobalOptions, options_of, print_json, stderr, stdout
from spyoncino.core.config_load import load_config
from spyoncino.core.settings import CameraSettings
from spyoncino.errors import SourceError, UsageError
from spyoncino.hardware.camera_sim import SimCamera
from spyoncino.hardware.sources import (
    LIVE_KINDS,
    RawPicture,
    Source,
    SourceFormat,
    SourceSpec,
    build_source,
)
from spyoncino.hardware.stream_watch import WATCH_S, items, watched
from spyoncino.media.decode import FrameDecoder
from spyoncino.media.files import write_atomic
from spyoncino.media.grid import with_grid
from spyoncino.media.packets import MediaPacket
from spyoncino.media.pictures import picture_from_i420
from spyoncino.media.stream_advice import advice
from spyoncino.media.stream_facts import StreamFacts

FIRST_PICTURE_S = 30.0
"""Longest wait for a picture: the longest time between key frames that cameras offer."""

DEFAULT_ANALYSIS_FPS: float = CameraSettings.model_fields["analysis_fps"].default

app = typer.Typer(no_args_is_help=True, help="Try cameras and take pictures for zones.")

Which = Annotated[
    str,
    typer.Argument(
        metavar="CAMERA",
        help="A camera of the configuration, an address, a file, a USB device or pi:0.",
    ),
]
app.command("discover")(discover)

Transport = Annotated[str, typer.Option(help="tcp or udp, for an rtsp:// address.")]


@app.command("test")
def try_out(
    ctx: typer.Context,
    camera: Which,
    *,
    seconds: Annotated[float, typer.Option(min=1, help="How long to watch.")] = WATCH_S,
    transport: Transport = "tcp",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Connect, watch for some seconds, say what comes and what to change.

    Example: spyoncino cameras test rtsp://192.168.1.20/stream1
    """
    spec, analysis_fps = source_of(options_of(ctx), camera, transport)
    tell = partial(stderr().print, markup=False, soft_wrap=True)
    began_s = time.monotonic()
    with opened(replace(spec, sub=None)) as (source, found):
        open_s = time.monotonic() - began_s
        if isinstance(source, SimCamera):
            raise UsageError(f"{camera} is drawn by this program; there is nothing to test.")
        if spec.kind in LIVE_KINDS:
            tell(f"Watching for {seconds:g} s …")
        facts = watched(source, found, seconds, tell=tell)
    sub = try_sub_stream(spec, min(seconds, BESIDE_S))
    wishes = [*advice(facts, analysis_fps), *sub_wishes(spec, facts, sub, analysis_fps)]
    if as_json:
        beside = {"sub": asdict(sub)} if sub else {}
        print_json({**asdict(facts), **beside, "open_s": round(open_s, 2), "advice": wishes})
        return
    _print(facts, open_s, sub, wishes)


@app.command("snapshot")
def snapshot(
    ctx: typer.Context,
    camera: Which,
    *,
    out: Annotated[Path, typer.Option("--out", help="The picture: .jpg or .png.")],
    grid: Annotated[
        bool, typer.Option("--grid", help="Draw lines with coordinates, to read zones from.")
    ] = False,
    transport: Transport = "tcp",
) -> None:
    """Write the next picture of a camera.

    Example: spyoncino cameras snapshot door --grid --out door.jpg
    """
    if out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UsageError(f"{out} must end in .jpg or .png.")
    spec, _ = source_of(options_of(ctx), camera, transport)
    with opened(replace(spec, sub=None)) as (source, found):
        picture = _first_picture(source, found)
    if grid:
        picture = with_grid(picture)
    _, data = cv2.imencode(out.suffix.lower(), picture)
    write_atomic(out, data.tobytes())
    stdout().print(f"{out}: {picture.shape[1]}x{picture.shape[0]}", markup=False, soft_wrap=True)


def source_of(options: GlobalOptions, camera: str, transport: str) -> tuple[SourceSpec, float]:
    """The source that a word on the command line means, and how often it is analysed.

    Raises:
        UsageError: No camera of the configuration has this name, and it is nothing else either.
        ConfigError: The configuration is wrong.
    """
    scheme = camera.partition("://")[0] if "://" in camera else ""
    if scheme in ("rtsp", "rtsps"):
        return SourceSpec("rtsp", camera, options={"transport": transport}), DEFAULT_ANALYSIS_FPS
    if scheme in ("http", "https"):
        return SourceSpec("http", camera), DEFAULT_ANALYSIS_FPS
    if re.fullmatch(r"pi:\d", camera):
        return SourceSpec("pi", camera[3:]), DEFAULT_ANALYSIS_FPS
    if camera.startswith("/dev/"):
        return SourceSpec("usb", camera), DEFAULT_ANALYSIS_FPS
    if not scheme and Path(camera).is_file():
        return SourceSpec("file", camera, realtime=False), DEFAULT_ANALYSIS_FPS
    cameras = load_config(load_modules(), file=options.config).settings.cameras
    if camera not in cameras:
        known = ", ".join(sorted(cameras)) or "none"
        raise UsageError(
            f"There is no camera of this name in the configuration (there is: {known}); an address "
            f"begins with rtsp:// or http://, and a Pi camera is called pi:0."
        )
    return cameras[camera].source.to_spec(), cameras[camera].analysis_fps


@contextlib.contextmanager
def opened(spec: SourceSpec) -> Iterator[tuple[Source, SourceFormat]]:
    """A source while it is open, with what it delivers."""
    source = build_source(spec)
    try:
        yield source, source.open()
    finally:
        source.close()


def _first_picture(source: Source, found: SourceFormat) -> NDArray[np.uint8]:
    decoder = FrameDecoder(found.video) if found.video else None
    for item in items(source, FIRST_PICTURE_S):
        if isinstance(item, RawPicture):
            return _bgr(picture_from_i420(item.i420))
        if isinstance(item, MediaPacket) and item.kind == "video" and decoder:
            for frame in decoder.decode(item):
                return _bgr(frame.picture)
    for frame in decoder.flush() if decoder else []:
        return _bgr(frame.picture)
    raise SourceError(f"No picture came within {FIRST_PICTURE_S:g} s.")


def _bgr(picture: VideoFrame) -> NDArray[np.uint8]:
    return picture.to_ndarray(format="bgr24").astype(np.uint8, copy=False)


def _print(
    facts: StreamFacts, open_s: float, sub: SubStreamFacts | None, wishes: list[str]
) -> None:
    console = stdout()
    table = Table(box=None, show_header=False, pad_edge=False)
    sound = f"{facts.audio}, {facts.audio_rate_hz} Hz" if facts.audio else "none"
    stated = f" ({facts.stated_fps:g} stated)" if facts.stated_fps else ""
    for name, value in (
        ("connected in", f"{open_s:.1f} s, first key frame {facts.first_key_s:.1f} s later"),
        ("video", f"{facts.codec}, {facts.width_px}x{facts.height_px}{_order(facts)}"),
        ("pictures", f"{facts.fps:.1f} a second{stated}"),
        ("key frames", f"{_distance(facts)} apart, {facts.key_bytes / 1000:.0f} kB each"),
        ("bit rate", f"{facts.bits_s / 1e6:.2f} Mbit/s"),
        ("sound", sound),
        ("clock", _clock(facts)),
        ("watched", f"{facts.watched_s:.1f} s"),
        *sub_rows(sub),
    ):
        table.add_row(name, value)
    console.print(table)
    for wish in wishes:
        console.print(f"\n* {wish}", markup=False, soft_wrap=True, style="yellow")
    if not wishes:
        console.print("\nNothing to change.")


def _order(facts: StreamFacts) -> str:
    return ", with B-frames" if facts.has_b_frames else ""


def _distance(facts: StreamFacts) -> str:
    if facts.is_gop_open:
        return f"more than {facts.gop_s:.1f} s"
    if facts.gop_s - facts.gop_least_s > 0.2:
        return f"{facts.gop_least_s:.1f} to {facts.gop_s:.1f} s"
    return f"{facts.gop_s:.1f} s"


def _clock(facts: StreamFacts) -> str:
    """Drift, jitter and wall clock, as far as they could be measured."""
    if facts.drift_ppm is None or facts.drift_error_ppm is None or facts.jitter_ms is None:
        return "not compared"
    words = (
        f"{facts.drift_ppm / 1000:+.2f} ms/s (± {facts.drift_error_ppm / 1000:.2f}) against this "
        f"computer, jitter {facts.jitter_ms:.0f} ms"
    )
    if facts.clock_offset_s is None:
        return f"{words}; it does not tell its time of day"
    return f"{words}; its time of day is {facts.clock_offset_s:+.1f} s off"
