"""What ``spyoncino cameras test`` says about the second stream of a camera."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from spyoncino.hardware.source_types import SourceFormat, SourceSpec, SubStreamChanged
from spyoncino.hardware.sources import TwoStreams, build_source
from spyoncino.media.decode import FrameDecoder
from spyoncino.media.packets import MediaPacket
from spyoncino.media.same_view import View, view_of
from spyoncino.media.stream_advice import MANY_TIMES_ANALYSIS
from spyoncino.media.stream_facts import StreamFacts, StreamMeter

BESIDE_S = 8.0
"""How long both streams are watched together: twice the longest good distance of key frames."""

WIDE_PX = 1280
"""A wider main stream is scaled down for analysis: a second stream saves most of its decoding."""

NARROW_PX = 480
"""A narrower second stream shows a person at the gate in a few pixels."""

CLOCKS_APART_S = 0.05
"""Movement of the second stream's times within the test above which they have another clock."""


@dataclass(frozen=True, slots=True)
class SubStreamFacts:
    """The second stream beside the main one.

    Args:
        stream: In numbers; ``None`` when it did not come.
        view: How its picture lies in the main stream's.
        offset_s: Its time 0 on the main stream's clock.
        drift_s: How far its times ran away from the main stream's while both were watched.
        trouble: Why it is missing; empty when it is there.
    """

    stream: StreamFacts | None
    view: View
    offset_s: float = 0.0
    drift_s: float = 0.0
    trouble: str = ""


def try_sub_stream(spec: SourceSpec, seconds: float) -> SubStreamFacts | None:
    """Watch both streams together; ``None`` for a source without a second one.

    Args:
        spec: The source with its second stream.
        seconds: How long to watch.

    Raises:
        SourceError: The main stream cannot be opened again.
    """
    source = build_source(spec)
    if not isinstance(source, TwoStreams):
        return None
    try:
        return _watched(source, source.open(), seconds)
    finally:
        source.close()


def sub_wishes(
    spec: SourceSpec, main: StreamFacts, sub: SubStreamFacts | None, analysis_fps: float
) -> list[str]:
    """What to change about the second stream, a sentence each.

    Args:
        spec: The source.
        main: Its main stream.
        sub: Its second one, if there is one.
        analysis_fps: Pictures per second that are analysed.
    """
    if sub is None:
        if spec.kind in ("rtsp", "http") and main.width_px > WIDE_PX:
            sentence = (
                f"The picture is {main.width_px} wide, and every one is decoded only to be "
                f"analysed. Most cameras send a second, smaller stream (sub stream, 640x360): set "
                f"its address as source.sub, and this one is kept without being decoded."
            )
            return [sentence]
        return []
    if sub.stream is None:
        return [sub.trouble or "No video came from the sub stream."]
    return [*_size_wishes(main, sub.stream, sub.view), *_time_wishes(sub.stream, sub, analysis_fps)]


def sub_rows(sub: SubStreamFacts | None) -> Sequence[tuple[str, str]]:
    """Lines of the table that a person sees."""
    if sub is None:
        return ()
    if sub.stream is None:
        return (("sub stream", "missing"),)
    size = f"{sub.stream.codec}, {sub.stream.width_px}x{sub.stream.height_px}"
    return (
        ("sub stream", f"{size}, {sub.stream.fps:.1f} a second"),
        ("its picture", sub.view),
        ("its clock", f"{sub.offset_s:+.2f} s, moved by {1000 * sub.drift_s:+.0f} ms"),
    )


def _size_wishes(main: StreamFacts, sub: StreamFacts, view: View) -> list[str]:
    found = []
    if view == "another part":
        found.append(
            "The sub stream shows another part of the scene than the main stream, so boxes and "
            "zones would lie in the wrong place. Set both to the same shape, such as 16:9."
        )
    if sub.width_px >= main.width_px or sub.width_px > WIDE_PX:
        found.append(
            f"The sub stream is {sub.width_px} wide, which saves little. Set it to about 640x360."
        )
    elif sub.width_px < NARROW_PX:
        found.append(
            f"The sub stream is only {sub.width_px} wide; people far away are lost. Set it to "
            f"about 640x360."
        )
    return found


def _time_wishes(stream: StreamFacts, sub: SubStreamFacts, analysis_fps: float) -> list[str]:
    found = []
    if 0 < stream.fps < 0.9 * analysis_fps:
        found.append(
            f"The sub stream sends {stream.fps:.1f} pictures a second, and {analysis_fps:g} are to "
            f"be analysed. Raise its rate."
        )
    elif stream.fps > MANY_TIMES_ANALYSIS * analysis_fps:
        found.append(
            f"The sub stream sends {stream.fps:.0f} pictures a second, and {analysis_fps:g} are "
            f"analysed. {2 * analysis_fps:g} are enough."
        )
    if abs(sub.drift_s) > CLOCKS_APART_S:
        found.append(
            f"The streams' times moved against each other by {1000 * sub.drift_s:+.0f} ms in "
            f"{stream.watched_s:.0f} s; they are held together, but the network or the camera is "
            f"uneven. Prefer a cable to Wi-Fi."
        )
    return found


def _watched(source: TwoStreams, found: SourceFormat, seconds: float) -> SubStreamFacts:
    meter: StreamMeter | None = None
    trouble = ""
    pictures: dict[str, VideoFrame] = {}
    late_s: dict[str, list[float]] = {"main": [], "sub": []}
    decoders = {"main": FrameDecoder(found.video)} if found.video else {}
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        item = source.read(left_s)
        if isinstance(item, SubStreamChanged):
            trouble = item.detail
            if item.video is not None:
                meter = StreamMeter(item.video, None)
                decoders["sub"] = FrameDecoder(item.video)
        elif isinstance(item, MediaPacket) and item.kind == "video":
            late_s[item.role].append(item.arrival_ns / 1e9 - item.pts_s)
            if item.role == "sub" and meter is not None:
                meter.count(item)
            for frame in decoders[item.role].decode(item):
                pictures[item.role] = frame.picture
    if meter is None or meter.facts.watched_s <= 0:
        return SubStreamFacts(None, "unknown", trouble=trouble)
    view: View = "unknown"
    if len(pictures) == 2:
        view = view_of(_grey(pictures["main"]), _grey(pictures["sub"]))
    moved_s = _moved_s(late_s["sub"]) - _moved_s(late_s["main"])
    offset_s = source.sub_facts.shift_s
    return SubStreamFacts(meter.facts, view, round(offset_s, 3), round(moved_s, 3), trouble)


def _moved_s(late_s: Sequence[float]) -> float:
    """How much later packets come at the end than in the middle; the beginning comes in a burst."""
    third = len(late_s) // 3
    if third == 0:
        return 0.0
    return median(late_s[-third:]) - median(late_s[third : 2 * third])


def _grey(picture: VideoFrame) -> NDArray[np.uint8]:
    return picture.to_ndarray(format="gray").astype(np.uint8, copy=False)
