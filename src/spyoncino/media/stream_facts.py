"""What a stream is like, counted from its packets, and what would be better for this program."""

from dataclasses import dataclass

from spyoncino.media.packets import KEPT_CODECS, AudioFormat, MediaPacket, VideoFormat

LONG_GOP_S = 4.0
"""Seconds between key frames above which clips begin too early and live view starts late."""

MANY_TIMES_ANALYSIS = 4.0
"""Pictures per second, in those analysed, above which decoding them is mostly waste."""

LARGE_BITS_S = 8_000_000
"""Bits per second above which a day fills 86 GB and Wi-Fi begins to stutter."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """A stream in numbers.

    Args:
        codec: FFmpeg's name of the video codec.
        width_px: Width of the picture.
        height_px: Height of the picture.
        watched_s: Seconds of the stream that were counted.
        fps: Pictures that came per second; 0 when too few came to tell.
        gop_s: Longest time between two key frames; when ``is_gop_open`` at least that.
        is_gop_open: No second key frame came while the stream was watched.
        bits_s: Bits of video and sound per second.
        audio: FFmpeg's name of the sound's codec; empty without.
        audio_rate_hz: Samples of sound per second; 0 without.
    """

    codec: str
    width_px: int
    height_px: int
    watched_s: float
    fps: float
    gop_s: float
    is_gop_open: bool
    bits_s: float
    audio: str
    audio_rate_hz: int


class StreamMeter:
    """Counts packets in decoding order.

    Args:
        video: Format of the video.
        audio: Format of the sound, if any.
    """

    def __init__(self, video: VideoFormat, audio: AudioFormat | None) -> None:
        self._video = video
        self._audio = audio
        self._first_s: float | None = None
        self._last_s = 0.0
        self._key_s = 0.0
        self._keys = 0
        self._gop_s = 0.0
        self._pictures = 0
        self._bytes = 0

    def count(self, packet: MediaPacket) -> None:
        """Take the next packet."""
        self._bytes += packet.size_bytes
        if packet.kind != "video":
            return
        if self._first_s is None:
            self._first_s = packet.dts_s
        self._last_s = packet.dts_s
        self._pictures += 1
        if packet.is_key:
            if self._keys:
                self._gop_s = max(self._gop_s, packet.dts_s - self._key_s)
            self._keys += 1
            self._key_s = packet.dts_s

    @property
    def facts(self) -> StreamFacts:
        """What was counted so far."""
        watched_s = self._last_s - (self._first_s or 0.0)
        is_open = self._keys < 2
        return StreamFacts(
            codec=self._video.codec,
            width_px=self._video.width_px,
            height_px=self._video.height_px,
            watched_s=round(watched_s, 2),
            fps=round((self._pictures - 1) / watched_s, 2) if watched_s > 0 else 0.0,
            gop_s=round(watched_s if is_open else self._gop_s, 2),
            is_gop_open=is_open,
            bits_s=round(8 * self._bytes / watched_s) if watched_s > 0 else 0.0,
            audio=self._audio.codec if self._audio else "",
            audio_rate_hz=self._audio.sample_rate_hz if self._audio else 0,
        )


def advice(facts: StreamFacts, analysis_fps: float) -> list[str]:
    """What to change in the camera, a sentence each; empty when it is fine as it is.

    Args:
        facts: Of its stream.
        analysis_fps: Pictures per second that are analysed.
    """
    found = []
    if facts.gop_s > LONG_GOP_S:
        least = "at least " if facts.is_gop_open else ""
        found.append(
            f"Key frames are {least}{facts.gop_s:.1f} s apart. Set the key frame interval (I-frame "
            f"interval, GOP) to 2 s, {round(2 * facts.fps) or 30} pictures: clips begin at a key "
            f"frame, and live view waits for one."
        )
    if facts.codec == "hevc":
        found.append(
            "The video is H.265. Clips are kept as they are, and many browsers do not play them. "
            "Set the camera to H.264 unless you know that yours does."
        )
    elif facts.codec not in KEPT_CODECS:
        found.append(
            f"The video is {facts.codec}, so every picture is encoded again, which costs a good "
            f"part of a processor core. Use an H.264 stream of the camera if it has one."
        )
    if facts.fps > MANY_TIMES_ANALYSIS * analysis_fps:
        found.append(
            f"The camera sends {facts.fps:.0f} pictures a second, and {analysis_fps:g} are "
            f"analysed. 15 are enough for clips and cost less to decode."
        )
    if facts.bits_s > LARGE_BITS_S:
        found.append(
            f"The stream has {facts.bits_s / 1e6:.1f} Mbit/s, {facts.bits_s * 10_800 / 1e9:.0f} GB "
            f"a day. 4 Mbit/s are plenty for 1080p."
        )
    return found
