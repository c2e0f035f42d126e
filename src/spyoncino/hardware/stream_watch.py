"""Watches what a source sends for some seconds, long enough to see two key frames."""

import struct
import time
from collections.abc import Callable, Iterator

from spyoncino.errors import SourceEndedError, SourceError
from spyoncino.hardware.camera_file import FileCamera
from spyoncino.hardware.camera_http import CLOCKLESS, HttpCamera
from spyoncino.hardware.live_camera import LiveCamera
from spyoncino.hardware.source_types import RawPicture, Source, SourceFormat, SourceItem
from spyoncino.media.encode import H264Encoder
from spyoncino.media.packets import MediaPacket
from spyoncino.media.pictures import picture_from_i420
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
        found: What opening it found. Raw pictures are counted as what is kept of them: encoded
            once, as a running system does it.
        seconds: How long to watch from the first key frame on.
        key_wait_s: How long to wait for the first key frame, and from there for the second.
        tell: Gets a word for who waits when it takes longer than expected.

    Raises:
        SourceError: It sent no video, or no picture that decoding could begin with.
        MediaError: Its raw pictures cannot be encoded.
    """
    encoder = None
    video = found.video
    if video is None:
        encoder = H264Encoder(found.width_px, found.height_px, found.fps)
        video = encoder.video
    is_live = not isinstance(source, FileCamera)  # a file is read to its end, which comes at once
    has_clock = isinstance(source, LiveCamera) and not _is_clockless(source, video.codec)
    meter = StreamMeter(video, found.audio)

    def count_for(longest_s: float, keys: int) -> None:
        for item in items(source, longest_s):
            for packet in _packets_of(item, encoder):
                now_s = time.monotonic() if has_clock else None
                meter.count(packet, now_s, _clock_offset_s(packet))
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


def _packets_of(item: SourceItem, encoder: H264Encoder | None) -> list[MediaPacket]:
    if isinstance(item, MediaPacket):
        return [item]
    if isinstance(item, RawPicture) and encoder is not None:
        return encoder.encode(picture_from_i420(item.i420), item.pts_s)
    return []


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
