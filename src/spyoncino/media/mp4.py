"""Packets into MP4 files: times moved to 0, video copied, sound copied or encoded to AAC."""

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from spyoncino.errors import MediaError
from spyoncino.media.audio import AacEncoder
from spyoncino.media.packets import AudioFormat, MediaPacket, VideoFormat

VIDEO_TIME_BASE = Fraction(1, 90_000)
"""The clock of MPEG systems; every usual frame rate is a whole number of its ticks."""

FRAGMENT_US = 500_000
"""Microseconds of video in a fragment, complete on disk when the next begins; a crash loses about
twice that: the open fragment and what waits for sound."""

INTERLEAVE_US = 500_000
"""Microseconds that video waits for sound before it is written without."""

GROWING = {
    "movflags": "frag_keyframe+delay_moov+default_base_moof",
    "frag_duration": str(FRAGMENT_US),
    "flush_packets": "1",
    "max_interleave_delta": str(INTERLEAVE_US),
}
"""Fragments by key frame and by time; the header waits for the first, so edit lists are right."""

FINISHED = {"movflags": "+faststart"}
"""The index at the front, so that playing starts before everything is loaded."""


class Mp4Muxer:
    """One MP4 file, growing or finished; packets may be shared with others and are not changed.

    Video and AAC are copied, other sound is encoded to AAC or left out with a note.

    Args:
        path: The file to write.
        options: ``GROWING`` or ``FINISHED``.
        video: H.264 or H.265 with a template.
        audio: Sound to take along, if any.

    Raises:
        MediaError: The video cannot be copied.
        OSError: The disk refused; so may every method but ``abandon``.
    """

    def __init__(
        self,
        path: Path,
        options: dict[str, str],
        video: VideoFormat,
        audio: AudioFormat | None,
    ) -> None:
        if video.template is None:
            raise MediaError(f"Video of the codec {video.codec} must be encoded to H.264 first.")
        self._path = path
        self._frame_s = video.frame_s
        self._container = av.open(f"file:{path}", mode="w", format="mp4", options=options)
        self._video = self._container.add_stream_from_template(video.template)
        self._video.time_base = VIDEO_TIME_BASE
        if video.codec == "hevc":
            self._video.codec_context.codec_tag = "hvc1"  # the only tag that Safari plays
        self.notes: list[str] = []
        self._copied_audio: Stream | None = None
        self._aac: AacEncoder | None = None
        if audio is not None:
            self._add_audio(audio)
        self.start_s: float | None = None
        self.duration_s = 0.0

    def _add_audio(self, audio: AudioFormat) -> None:
        if audio.template is not None:
            self._copied_audio = self._container.add_stream_from_template(audio.template)
            self._copied_audio.time_base = Fraction(1, audio.sample_rate_hz)
            return
        try:
            self._aac = AacEncoder(audio, self._container)
        except MediaError as error:
            self.notes.append(f"sound left out: {error}")
        else:
            self.notes.append(f"sound encoded from {audio.codec} to AAC")

    def write(self, packet: MediaPacket) -> None:
        """Add the next packet; whatever comes before the first key frame is left out."""
        if packet.kind == "video":
            self._write_video(packet)
        elif self.start_s is not None and packet.pts_s >= self.start_s:
            self._write_audio(packet, self.start_s)

    def _write_video(self, packet: MediaPacket) -> None:
        if self.start_s is None:
            if not packet.is_key:
                return
            self.start_s = packet.pts_s
        if packet.pts_s < self.start_s:
            return  # a leading picture of an open group: what it refers to is not in the clip
        self._container.mux_one(_copied(packet, self._video, VIDEO_TIME_BASE, self.start_s))
        self.duration_s = max(self.duration_s, packet.pts_s - self.start_s + self._frame_s)

    def _write_audio(self, packet: MediaPacket, start_s: float) -> None:
        if self._copied_audio is not None:
            time_base = self._copied_audio.time_base or VIDEO_TIME_BASE
            self._container.mux_one(_copied(packet, self._copied_audio, time_base, start_s))
        elif self._aac is not None:
            for encoded in self._aac.encode(packet, packet.pts_s - start_s):
                self._container.mux_one(encoded)

    def close(self) -> None:
        """Write what is held back, the rest of the sound and the index."""
        if self._aac is not None and self.start_s is not None:
            for encoded in self._aac.flush():
                self._container.mux_one(encoded)
        self._container.close()

    def abandon(self) -> None:
        """Close after a refusal of the disk; what cannot be written is lost."""
        with contextlib.suppress(FFmpegError, OSError):
            self._container.close()


def _copied(
    packet: MediaPacket, stream: Stream, time_base: Fraction, start_s: float
) -> "Packet[Any]":
    """A packet for one stream of one file; the original stays as it is."""
    original = packet.data
    copy: Packet[Any] = Packet(bytes(original))
    copy.stream = stream
    copy.time_base = time_base
    copy.pts = round((packet.pts_s - start_s) / time_base)
    copy.dts = round((packet.dts_s - start_s) / time_base)
    duration, original_base = original.duration or 0, original.time_base
    if original_base:
        copy.duration = round(duration * original_base / time_base)
    copy.is_keyframe = packet.is_key
    return copy
