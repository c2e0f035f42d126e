"""What compressed video and sound look like on their way through the program.

A packet is one compressed piece of video or audio as it came. Its times are already repaired: they
count from the first video frame of the source and never run backwards. Main imports this file and
never touches a packet, so PyAV is named here for the type checker alone.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet
    from av.video.stream import VideoStream

StreamRole = Literal["main", "sub"]
"""The stream that is kept and looked at, or the smaller one that some cameras send beside it."""

KEPT_CODECS = frozenset({"h264", "hevc"})
"""Video that recordings, live view and clips keep as it is; everything else is encoded once."""

DEFAULT_FPS = 25.0
"""Assumed for a stream that states no rate: PAL, the most common default of cameras."""

KEPT_AUDIO = "aac"
"""Audio that is copied; everything else is encoded to it."""


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Everything a decoder or a muxer must know about a video stream before its first packet.

    Args:
        codec: FFmpeg's name of the codec, such as ``h264``.
        width_px: Width of the coded picture.
        height_px: Height of the coded picture.
        fps: Nominal frames per second; ``None`` where the source does not say.
        time_base: Seconds per tick of the packets' own ``pts`` and ``dts``.
        extradata: Codec headers kept outside the packets (SPS and PPS, for instance).
        pix_fmt: FFmpeg's name of the pixel format; empty when not known before decoding.
        template: The stream that a muxer copies these parameters from, for video that is kept as it
            is. It is independent of the source, which may be closed before it, but it belongs to
            the process that opened it and cannot be pickled.
        codec_tag: Four characters by which the container names the codec; some decoders need it.
        bits_per_coded_sample: What the container says; some raw codecs need it.
    """

    codec: str
    width_px: int
    height_px: int
    fps: float | None
    time_base: Fraction
    extradata: bytes
    pix_fmt: str
    template: "VideoStream | None" = None
    codec_tag: str = ""
    bits_per_coded_sample: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether its packets are kept as they are rather than encoded once to H.264."""
        return self.codec in KEPT_CODECS

    @property
    def frame_s(self) -> float:
        """Nominal seconds from one picture to the next."""
        return 1 / (self.fps or DEFAULT_FPS)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Everything a decoder or a muxer must know about an audio stream before its first packet.

    Args:
        codec: FFmpeg's name of the codec, such as ``aac``.
        sample_rate_hz: Samples per second and channel.
        channels: Number of channels.
        time_base: Seconds per tick of the packets' own ``pts`` and ``dts``.
        extradata: Codec headers kept outside the packets.
        template: As in ``VideoFormat``; ``None`` for sound that is not AAC.
    """

    codec: str
    sample_rate_hz: int
    channels: int
    time_base: Fraction
    extradata: bytes
    template: "AudioStream | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class MediaPacket:
    """One compressed piece of video or audio. Shared by many readers: never change ``data``.

    Args:
        kind: Which stream it belongs to.
        data: The packet; its ``pts`` and ``dts`` agree with the seconds below.
        pts_s: Seconds at which it is shown, from the first video frame of the source.
        dts_s: Seconds at which it is decoded, on the same scale; rises strictly in each stream.
        is_key: Decoding may begin here.
        size_bytes: Size of the compressed data.
        role: ``sub`` for packets of the second stream of a camera, which is only analysed.
        arrival_ns: Monotonic time at which it came from a live camera; 0 from any other source.
    """

    kind: Literal["video", "audio"]
    data: "Packet[Any]"
    pts_s: float
    dts_s: float
    is_key: bool
    size_bytes: int
    role: StreamRole = "main"
    arrival_ns: int = 0

    def moved(self, shift_s: float) -> "MediaPacket":
        """The packet so much later, to the next tick; for its only owner, for ``data`` changes.

        Args:
            shift_s: Seconds; negative for earlier.
        """
        data = self.data
        if shift_s == 0 or data.time_base is None or data.pts is None or data.dts is None:
            return self
        ticks = round(shift_s / data.time_base)
        data.pts, data.dts = data.pts + ticks, data.dts + ticks
        moved_s = float(ticks * data.time_base)
        return replace(self, pts_s=self.pts_s + moved_s, dts_s=self.dts_s + moved_s)
