"""Watches what a source sends for some seconds, long enough to see two key frames."""

import struct
import time
from collections.abc import Callable, Iterator

from spyoncino.errors import SourceEndedError, SourceError
from spyoncino.hardware.camera_http import CLOCKLESS, HttpCamera
from spyoncino.hardware.live_camera import LiveCamera
from spyoncino.hardware.source_types import Source, SourceFormat, SourceItem
from spyoncino.media.packets import MediaPacket
from spyoncino.media.stream_facts import StreamFacts, StreamMeter

WATCH_S = 12.0
"""Long enough to see that key frames are more than 4 s apart, and twice for good ones."""

KEY_WAIT_S = 35.0
"""Longest wait for a key frame: above the longest distance that cameras offer (30 s)."""

MAX_KEYS = 1_000_000
"""So many are never reached: the time decides."""

MAX_OFFSET_S = 20 * 365 * 86_400.0
"""A camera that is further off counts from its own start and states no wall clock at all."""


def items(source: Source, seconds: float) -> Iterator[SourceItem]:
    """What a source delivers within some seconds, or until it ends."""
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        try:
            item = source.read(left_s)
        except SourceEndedError:
            return
        if item is not None:
            yield item


def watched(
    source: Source,
    found: SourceFormat,
    seconds: float = WATCH_S,
    *,
    key_wait_s: float = KEY_WAIT_S,
    tell: Callable[[str], None] = lambda _: None,
) -> StreamFacts:
    """Count what comes from an open source.

    Args:
        source: Open.
        found: What opening it found; with a format of video packets.
        seconds: How long to watch from the first key frame on.
        key_wait_s: How long to wait for the first key frame, and from there for the second.
        tell: Gets a word for who waits when it takes longer than expected.

    Raises:
        SourceError: It sent no video, or no picture that decoding could begin with.
        ValueError: It has no video packets.
    """
    if found.video is None:
        raise ValueError("a source of raw pictures has no stream to watch")
    is_live = isinstance(source, LiveCamera)
    has_clock = is_live and not _is_clockless(source, found.video.codec)
    meter = StreamMeter(found.video, found.audio)

    def count_for(longest_s: float, keys: int) -> None:
        for item in items(source, longest_s):
            if isinstance(item, MediaPacket):
                now_s = time.monotonic() if has_clock else None
                meter.count(item, now_s, _clock_offset_s(item))
            if meter.keys >= keys:
                break

    began_s = time.monotonic()
    count_for(key_wait_s, keys=1)
    if meter.keys:
        meter.first_key_s = time.monotonic() - began_s
        count_for(seconds if is_live else key_wait_s, keys=MAX_KEYS)
    if meter.keys == 1 and is_live and seconds < key_wait_s:
        tell(f"Waiting up to {key_wait_s:.0f} s for a second key frame …")
        count_for(key_wait_s - seconds, keys=2)
    if meter.watched_s <= 0:
        raise _nothing(source, key_wait_s)
    return meter.facts


def _is_clockless(source: Source, codec: str) -> bool:
    """Over HTTP these get the time at which they arrive, which agrees with itself."""
    return isinstance(source, HttpCamera) and codec in CLOCKLESS


def _nothing(source: Source, within_s: float) -> SourceError:
    if isinstance(source, LiveCamera) and source.counters.before_key:
        return SourceError(
            f"{source.name} sends video, but no key frame within {within_s:g} s, so nothing can be "
            f"shown: set the key frame interval (I-frame interval, GOP) to 2 s and switch off "
            f"smart coding (H.264+, Smart Codec)."
        )
    return SourceError(
        f"The camera connects, but sent no video within {within_s:g} s; restart it, or try "
        f"another stream (path) of it."
    )


def _clock_offset_s(packet: MediaPacket) -> float | None:
    """The camera's wall clock minus ours; from the time that FFmpeg took from RTCP reports.

    FFmpeg's ``AVProducerReferenceTime``: microseconds since 1970 as int64, then flags.
    """
    if packet.kind != "video" or not packet.data.has_sidedata("prft"):
        return None
    (wall_us,) = struct.unpack_from("=q", bytes(packet.data.get_sidedata("prft")))
    offset_s = float(wall_us) / 1e6 - time.time()
    return offset_s if abs(offset_s) < MAX_OFFSET_S else None
