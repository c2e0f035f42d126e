"""Hands out the packets of a video file or live stream with times that can be trusted."""

import io
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from spyoncino.errors import SourceError
from spyoncino.media.packets import (
    DEFAULT_FPS,
    KEPT_AUDIO,
    KEPT_CODECS,
    AudioFormat,
    MediaPacket,
    VideoFormat,
)
from spyoncino.media.timestamps import TimestampRepair

StreamT = TypeVar("StreamT", VideoStream, AudioStream)

MAX_EARLY_PACKETS = 2000
"""Sound kept back until the first video packet tells where time begins: 40 s of AAC at 48 kHz."""

MAX_READ_ERRORS = 50
"""Unreadable stretches in a row after which the rest of a file is given up."""

MAX_FPS = 1000.0
"""Stated rates above this are clock resolutions, not frame rates."""


@dataclass(slots=True)
class DemuxCounters:
    """What was wrong with a file so far.

    Args:
        repaired: Packets whose times were missing, jumped back or leapt ahead.
        corrupt: Packets or stretches that could not be read and were skipped.
        is_truncated: The file ended early, well before the duration that it states.
        before_key: Packets of a live stream that came before its first key frame.
    """

    repaired: int = 0
    corrupt: int = 0
    is_truncated: bool = False
    before_key: int = 0


class Demuxer:
    """Packets of the first video stream and the first audio stream of a file or live stream.

    Args:
        path: A local file; nothing else is ever opened, whatever the file refers to. For a live
            stream what it is called in sentences.
        live: A live stream that is connected, which belongs to the demuxer from now on: what lies
            before its first key frame is left out, and a broken connection is raised.

    Raises:
        SourceError: It is missing, empty, cut off, not a video, or has no video stream.
    """

    def __init__(self, path: str, live: InputContainer | None = None) -> None:
        self.path = path
        self.counters = DemuxCounters()
        self._is_live = live is not None
        self._container = live or _opened(path)
        try:
            video = _first_video(self._container, path)
            self._streams: list[VideoStream | AudioStream] = [video]
            self.video = _video_format(video)
            self.audio = None
            if audio := next((a for a in self._container.streams.audio if _is_usable(a)), None):
                self._streams.append(audio)
                self.audio = _audio_format(audio)
        except SourceError:
            self._container.close()
            raise
        self._video_stream = video
        self._repairs = {s.index: _repair_for(s) for s in self._streams}
        self._shown_until_s = 0.0

    @property
    def duration_s(self) -> float | None:
        """Length that the file states; ``None`` where it states none."""
        duration = self._container.duration
        return duration / av.time_base if duration and duration > 0 else None

    def packets(self) -> Iterator[MediaPacket]:
        """Every packet in decoding order, once; video and sound as they lie in the file.

        Sound that lies before the first video packet comes right after that packet.

        Raises:
            FFmpegError: A live stream broke or fell silent.
        """
        early: list[Packet[Stream]] = []
        origin_s: float | None = None
        for raw in self._raw_packets():
            if origin_s is None:
                if raw.stream.index != self._video_stream.index:
                    early = [*early[-MAX_EARLY_PACKETS:], raw]
                    continue
                if self._is_live and not raw.is_keyframe:
                    self.counters.before_key += 1
                    early.clear()
                    continue
                origin_s = self._origin_s(raw)
                yield self._packet(raw, origin_s)
                for kept_back in early:
                    yield self._packet(kept_back, origin_s)
                early = []
                continue
            yield self._packet(raw, origin_s)
        self._check_end()

    def close(self) -> None:
        """Close the file; packets and formats handed out stay valid."""
        self._container.close()

    def _raw_packets(self) -> Iterator["Packet[Stream]"]:
        """Packets with data, going on behind stretches that cannot be read."""
        errors = 0
        while errors < MAX_READ_ERRORS:
            try:
                for packet in self._container.demux(*self._streams):
                    if packet.size == 0:
                        continue
                    errors = 0
                    if packet.is_corrupt:
                        self.counters.corrupt += 1
                        continue
                    yield packet
            except FFmpegError:
                if self._is_live:
                    raise
                errors += 1
                self.counters.corrupt += 1
            else:
                return

    def _origin_s(self, first: "Packet[Stream]") -> float:
        """Seconds on the container's clock at which the first picture is shown."""
        start = self._video_stream.start_time
        ticks = first.pts if first.pts is not None else first.dts
        if (first.is_discard and start is not None) or ticks is None:
            ticks = start or 0
        return float(ticks * _time_base(self._video_stream))

    def _packet(self, raw: "Packet[Stream]", origin_s: float) -> MediaPacket:
        stream = raw.stream
        time_base = _time_base(stream)
        time = self._repairs[stream.index].apply(raw.pts, raw.dts, raw.duration or 0)
        self.counters.repaired += time.is_repaired
        origin = round(origin_s / time_base)
        raw.pts, raw.dts = time.pts - origin, time.dts - origin
        pts_s = float(raw.pts * time_base)
        is_video = stream.index == self._video_stream.index
        if is_video:
            self._shown_until_s = max(self._shown_until_s, pts_s)
        return MediaPacket(
            kind="video" if is_video else "audio",
            data=raw,
            pts_s=pts_s,
            dts_s=float(raw.dts * time_base),
            is_key=bool(raw.is_keyframe),
            size_bytes=raw.size,
        )

    def _check_end(self) -> None:
        stated_s = None if self._is_live else self.duration_s
        if stated_s is not None and self._shown_until_s < 0.9 * stated_s - 1.0:
            self.counters.is_truncated = True


def _opened(path: str) -> InputContainer:
    """The container of a local file, or a sentence."""
    file = Path(path)
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{path} is not a file; give the path of a video file.")
        with file.open("rb") as opened:
            head = opened.read(12)
    except FileNotFoundError:
        raise SourceError(f"{path} does not exist; check the path.") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    if not head:
        raise SourceError(f"{path} is empty (0 bytes); the recording or the copy failed.")
    try:
        # The whitelist keeps a crafted playlist from reaching into the network.
        container = av.open(f"file:{path}", mode="r", options={"protocol_whitelist": "file"})
    except (FFmpegError, ValueError) as error:
        raise _not_a_video(path, head) from error
    if not container.streams:
        container.close()
        raise _not_a_video(path, head)
    return container


def _not_a_video(path: str, head: bytes) -> SourceError:
    if head[4:8] == b"ftyp":
        return SourceError(
            f"{path} is cut off before its index (moov), so nothing in it can be played; "
            f"copy or record it again."
        )
    return SourceError(f"{path} is not a video that can be read, or it is damaged at its start.")


def _first_video(container: InputContainer, path: str) -> VideoStream:
    videos = [v for v in container.streams.video if not v.disposition & Disposition.attached_pic]
    if not videos:
        kinds = sorted({s.type for s in container.streams})
        raise SourceError(
            f"{path} has no video stream (only {', '.join(kinds)}); give a video file."
        )
    usable = next((v for v in videos if _is_usable(v) and v.codec_context.width > 0), None)
    if usable is None:
        raise SourceError(
            f"{path} has a video stream that cannot be decoded: its codec is unknown or the file "
            f"is cut off before its first picture."
        )
    return usable


def _is_usable(stream: Stream) -> bool:
    """Whether there is a decoder for it; PyAV has no context, whatever its types say, if not."""
    context: object | None = stream.codec_context
    return context is not None and stream.time_base is not None


def _video_format(stream: VideoStream) -> VideoFormat:
    context = stream.codec_context
    codec = context.codec.canonical_name
    rate = stream.average_rate or stream.guessed_rate
    return VideoFormat(
        codec=codec,
        width_px=context.width,
        height_px=context.height,
        fps=float(rate) if rate and 0 < rate <= MAX_FPS else None,
        time_base=_time_base(stream),
        extradata=context.extradata or b"",
        pix_fmt=context.pix_fmt or "",
        template=detached(stream) if codec in KEPT_CODECS else None,
        codec_tag=context.codec_tag,
        bits_per_coded_sample=context.bits_per_coded_sample,
    )


def _audio_format(stream: AudioStream) -> AudioFormat:
    context = stream.codec_context
    codec = context.codec.canonical_name
    return AudioFormat(
        codec=codec,
        sample_rate_hz=context.sample_rate,
        channels=context.channels,
        time_base=_time_base(stream),
        extradata=context.extradata or b"",
        template=detached(stream) if codec == KEPT_AUDIO else None,
    )


def detached(stream: StreamT) -> StreamT:
    """A copy of a stream's parameters that outlives its file, to serve as a muxer's template.

    A stream of a closed file points to freed memory; the copy belongs to a container in memory that
    is never written and lives as long as the copy.
    """
    holder = av.open(io.BytesIO(), mode="w", format="matroska")
    return holder.add_stream_from_template(stream)


def _time_base(stream: Stream) -> Fraction:
    return stream.time_base or Fraction(1, av.time_base)


def _repair_for(stream: VideoStream | AudioStream) -> TimestampRepair:
    ticks_per_second = float(1 / _time_base(stream))
    reorder_depth = 0
    if isinstance(stream, VideoStream):
        context = stream.codec_context
        reorder_depth = getattr(context, "reorder_depth", int(context.has_b_frames))
        rate = stream.average_rate or stream.guessed_rate
        step_s = 1 / float(rate) if rate and 0 < rate <= MAX_FPS else 1 / DEFAULT_FPS
    else:
        step_s = 1024 / (stream.codec_context.sample_rate or 48000)
    return TimestampRepair(ticks_per_second, round(step_s * ticks_per_second), reorder_depth)
