"""What a stream is like, counted from its packets. What would be better is in ``stream_advice``."""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from spyoncino.media.packets import AudioFormat, MediaPacket, VideoFormat
from spyoncino.media.stream_clock import clock_figures

MAX_PICTURES = 100_000
"""Pictures whose times are remembered: an hour at 25 a second; then the oldest are forgotten."""


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
        stated_fps: Pictures per second that the stream's description promises; 0 without.
        gop_least_s: Shortest time between two key frames; 0 when only one came.
        key_bytes: Mean size of a key frame.
        first_key_s: Seconds from the connection to the first key frame, which live view waits for
            too.
        has_b_frames: Pictures come in another order than they are shown in.
        step_ms: Median time from one picture to the next.
        long_step_ms: 95 of 100 pictures follow within this.
        jitter_ms: See ``ClockFigures``; ``None`` when there is nothing to compare with.
        drift_ppm: The same.
        drift_error_ppm: The same.
        clock_offset_s: The camera's wall clock minus ours (RTCP); ``None`` when it does not say.
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
    stated_fps: float = 0.0
    gop_least_s: float = 0.0
    key_bytes: int = 0
    first_key_s: float = 0.0
    has_b_frames: bool = False
    step_ms: float = 0.0
    long_step_ms: float = 0.0
    jitter_ms: float | None = None
    drift_ppm: float | None = None
    drift_error_ppm: float | None = None
    clock_offset_s: float | None = None


class StreamMeter:
    """Counts packets in decoding order.

    Args:
        video: Format of the video.
        audio: Format of the sound, if any.
    """

    def __init__(self, video: VideoFormat, audio: AudioFormat | None) -> None:
        self.first_key_s = 0.0
        self._video = video
        self._audio = audio
        self._first_s: float | None = None
        self._last_s = 0.0
        self._key_s: list[float] = []
        self._key_bytes = 0
        self._pictures = 0
        self._bytes = 0
        self._latest_pts_s = float("-inf")
        self._has_b_frames = False
        self._shown_s: deque[float] = deque(maxlen=MAX_PICTURES)
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=MAX_PICTURES)
        self._offset_s: float | None = None

    @property
    def keys(self) -> int:
        """Key frames so far."""
        return len(self._key_s)

    @property
    def watched_s(self) -> float:
        """Seconds of the stream that were counted so far."""
        return self._last_s - (self._first_s or 0.0)

    def count(
        self,
        packet: MediaPacket,
        arrived_s: float | None = None,
        clock_offset_s: float | None = None,
    ) -> None:
        """Take the next packet.

        Args:
            packet: Of video or sound.
            arrived_s: On a local clock that only rises; ``None`` for what came from no camera with
                a clock of its own.
            clock_offset_s: The camera's wall clock minus ours, where the packet tells.
        """
        self._bytes += packet.size_bytes
        if packet.kind != "video":
            return
        if self._first_s is None:
            self._first_s = packet.dts_s
        self._last_s = packet.dts_s
        self._pictures += 1
        self._has_b_frames |= packet.pts_s < self._latest_pts_s
        self._latest_pts_s = max(self._latest_pts_s, packet.pts_s)
        self._shown_s.append(packet.pts_s)
        if arrived_s is not None:
            self._arrivals.append((packet.pts_s, arrived_s))
        if clock_offset_s is not None:
            self._offset_s = clock_offset_s
        if packet.is_key:
            self._key_s.append(packet.dts_s)
            self._key_bytes += packet.size_bytes

    @property
    def facts(self) -> StreamFacts:
        """What was counted so far."""
        watched_s = self.watched_s
        gaps_s = [later - earlier for earlier, later in pairwise(self._key_s)]
        steps_s = sorted(b - a for a, b in pairwise(sorted(self._shown_s)))
        clock = clock_figures(self._arrivals)
        return StreamFacts(
            codec=self._video.codec,
            width_px=self._video.width_px,
            height_px=self._video.height_px,
            watched_s=round(watched_s, 2),
            fps=round((self._pictures - 1) / watched_s, 2) if watched_s > 0 else 0.0,
            gop_s=round(max(gaps_s) if gaps_s else watched_s, 2),
            is_gop_open=not gaps_s,
            bits_s=round(8 * self._bytes / watched_s) if watched_s > 0 else 0.0,
            audio=self._audio.codec if self._audio else "",
            audio_rate_hz=self._audio.sample_rate_hz if self._audio else 0,
            stated_fps=round(self._video.fps or 0.0, 2),
            gop_least_s=round(min(gaps_s), 2) if gaps_s else 0.0,
            key_bytes=round(self._key_bytes / self.keys) if self.keys else 0,
            first_key_s=round(self.first_key_s, 2),
            has_b_frames=self._has_b_frames,
            step_ms=round(median(steps_s) * 1000, 1) if steps_s else 0.0,
            long_step_ms=round(steps_s[int(0.95 * (len(steps_s) - 1))] * 1000, 1)
            if steps_s
            else 0.0,
            jitter_ms=clock.jitter_ms if clock else None,
            drift_ppm=clock.drift_ppm if clock else None,
            drift_error_ppm=clock.drift_error_ppm if clock else None,
            clock_offset_s=None if self._offset_s is None else round(self._offset_s, 2),
        )
