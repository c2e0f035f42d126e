"""Packets into the pieces of fragmented MP4 that a browser plays as they come, in memory.

One fragment is one picture. It is complete when the next picture arrives, for only then is known
how long it lasts: live view is late by one picture, and its times have no holes.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

import av
from av.error import FFmpegError
from av.packet import Packet

from spyoncino.errors import MediaError
from spyoncino.media.mp4 import VIDEO_TIME_BASE
from spyoncino.media.packets import MediaPacket, VideoFormat

LIVE = {
    "movflags": "empty_moov+default_base_moof+frag_every_frame+skip_trailer",
    "flush_packets": "1",
    "avoid_negative_ts": "make_zero",
}
"""Header first and by itself, then a fragment for each picture; nothing is ever written back."""

TICKS_PER_S = VIDEO_TIME_BASE.denominator

HEVC_TIERS = "LH"


@dataclass(frozen=True, slots=True)
class Fragment:
    """One picture as it may be appended to a media source.

    Args:
        data: A movie fragment with its media data.
        is_key: Decoding may begin here.
        pts_s: Seconds at which it is shown, in camera time.
    """

    data: bytes
    is_key: bool
    pts_s: float


class LiveMuxer:
    """Stream copy of one connection's video; begins with a key frame and stays decodable from each.

    Pictures that are stored behind a key frame but shown before it (leading pictures of an open
    group) are left out: whoever joins at that key frame could not decode them.

    Args:
        video: H.264 or H.265 with a template.

    Attributes:
        init: The initialization segment (``ftyp`` and ``moov``).
        mime: Media type with the codec as RFC 6381 writes it.

    Raises:
        MediaError: The video cannot be copied, or its codec cannot be named.
    """

    def __init__(self, video: VideoFormat) -> None:
        if video.template is None:
            raise MediaError(f"Video of the codec {video.codec} must be encoded to H.264 first.")
        self._written = _Written()
        try:
            self._container = av.open(self._written, mode="w", format="mp4", options=LIVE)
            self._stream = self._container.add_stream_from_template(video.template)
            self._stream.time_base = VIDEO_TIME_BASE
            if video.codec == "hevc":
                self._stream.codec_context.codec_tag = "hvc1"  # the only tag that Safari plays
            self._container.start_encoding()
        except (FFmpegError, ValueError) as error:
            raise MediaError(f"Live video of the codec {video.codec} cannot be copied.") from error
        self.init = self._written.take()
        self.mime = f'video/mp4; codecs="{codec_of(self.init)}"'
        self._origin_s: float | None = None
        self._last_dts = -1
        self._key_pts_s = 0.0
        self._open: tuple[bool, float] | None = None

    def write(self, packet: MediaPacket) -> Fragment | None:
        """Take the next packet; the fragment of the picture before it is complete then.

        Args:
            packet: Video, in decoding order. Sound, leading pictures and what comes before the
                first key frame are left out.

        Raises:
            MediaError: The packet cannot be copied.
        """
        if packet.kind != "video" or (self._origin_s is None and not packet.is_key):
            return None
        if self._origin_s is None:
            self._origin_s = packet.dts_s
        if packet.is_key:
            self._key_pts_s = packet.pts_s
        elif packet.pts_s < self._key_pts_s:
            return None
        try:
            self._container.mux_one(self._copied(packet, self._origin_s))
        except (FFmpegError, ValueError) as error:
            raise MediaError(f"Live video at {packet.pts_s:.2f} s cannot be copied.") from error
        before, self._open = self._open, (packet.is_key, packet.pts_s)
        data = self._written.take()
        return Fragment(data, *before) if before and data else None

    def close(self) -> Fragment | None:
        """The last picture, which lasts as long as the one before it."""
        with contextlib.suppress(FFmpegError):
            self._container.close()
        before, self._open = self._open, None
        data = self._written.take()
        return Fragment(data, *before) if before and data else None

    def _copied(self, packet: MediaPacket, origin_s: float) -> "Packet[Any]":
        """A packet of this stream; the original stays as it is."""
        copy: Packet[Any] = Packet(bytes(packet.data))
        copy.stream = self._stream
        copy.time_base = VIDEO_TIME_BASE
        # Two times of a source may round to the same tick; the muxer wants them to rise.
        copy.dts = max(round((packet.dts_s - origin_s) * TICKS_PER_S), self._last_dts + 1)
        copy.pts = max(round((packet.pts_s - origin_s) * TICKS_PER_S), copy.dts)
        copy.is_keyframe = packet.is_key
        self._last_dts = copy.dts
        return copy


class _Written:
    """What the muxer wrote and nobody took yet; it looks like a file to PyAV."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def codec_of(init: bytes) -> str:
    """The codec of an initialization segment as RFC 6381 and ISO/IEC 14496-15 annex E write it.

    Raises:
        MediaError: It has no H.264 or H.265 header.
    """
    for name, read in ((b"avcC", _avc), (b"hvcC", _hevc)):
        place = init.find(name)
        if place >= 0 and len(init) >= place + 4 + 13:
            return read(init[place + 4 :])
    raise MediaError("Live video needs the codec's headers, and the stream does not have them yet.")


def _avc(header: bytes) -> str:
    """``avc1.PPCCLL``: profile, constraints and level in hexadecimal."""
    return f"avc1.{header[1:4].hex()}"


def _hevc(header: bytes) -> str:
    """``hvc1.`` profile, compatibility (bits reversed), tier and level, constraints."""
    profile = header[1]
    space = ("", "A", "B", "C")[profile >> 6]
    compatibility = int(f"{int.from_bytes(header[2:6], 'big'):032b}"[::-1], 2)
    tier = HEVC_TIERS[profile >> 5 & 1]
    constraints = header[6:12].rstrip(b"\0")
    parts = (
        f"hvc1.{space}{profile & 31}",
        f"{compatibility:X}",
        f"{tier}{header[12]}",
        *(f"{byte:X}" for byte in constraints),
    )
    return ".".join(parts)
