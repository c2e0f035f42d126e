"""Keeps a camera's packets: the ring of the last seconds, and the clips that grow out of it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from spyoncino.errors import MediaError
from spyoncino.media.clip_writer import ClipFacts, ClipWriter
from spyoncino.media.packet_ring import PacketRing
from spyoncino.media.packets import AudioFormat, MediaPacket, VideoFormat
from spyoncino.runtime.capture.messages import ClipClosed, ClipProgress, EndClip, StartClip
from spyoncino.runtime.message_pipe import PipeClosedError


@dataclass(slots=True)
class _OpenClip:
    """One clip that is being written."""

    clip_id: str
    writer: ClipWriter
    wished_start_s: float
    start_s: float | None = None
    end_s: float = 0.0
    size_bytes: int = 0
    to_pts_s: float | None = None

    def write(self, packet: MediaPacket) -> None:
        """Add a packet; nothing counts before the first key frame."""
        if packet.kind == "video":
            if self.start_s is None and not packet.is_key:
                return
            self.start_s = packet.pts_s if self.start_s is None else self.start_s
            self.end_s = max(self.end_s, packet.pts_s)
        if self.start_s is not None:
            self.writer.write(packet)
            self.size_bytes += packet.size_bytes

    def progress(self) -> ClipProgress:
        """How far it is."""
        start_s = self.wished_start_s if self.start_s is None else self.start_s
        return ClipProgress(self.clip_id, start_s, max(start_s, self.end_s), self.size_bytes)


class PacketStore:
    """Ring and clips of one source; used by the loop's thread alone.

    Args:
        ring: Where the last seconds are kept; empty.
        video: Format of the video packets that will be kept.
        audio: Format of the audio packets; ``None`` without sound.
        note: What every clip's facts should mention, such as a change of codec; empty for nothing.
        tell: Sends a message to main.
    """

    def __init__(
        self,
        ring: PacketRing,
        video: VideoFormat,
        audio: AudioFormat | None,
        note: str,
        tell: Callable[[ClipProgress | ClipClosed], None],
    ) -> None:
        self.ring = ring
        self._video = video
        self._audio = audio
        self._notes = (note,) if note else ()
        self._tell = tell
        self._clips: dict[str, _OpenClip] = {}
        self._decoded_until_s = float("-inf")
        self._has_ended = False

    def keep(self, packet: MediaPacket) -> None:
        """Put a packet into the ring and into every open clip."""
        self.ring.push(packet)
        if packet.kind == "video":
            # Whatever is shown before this packet is decoded has been stored by now.
            self._decoded_until_s = packet.dts_s
        for clip in list(self._clips.values()):
            if clip.to_pts_s is not None and self._decoded_until_s >= clip.to_pts_s:
                self._close(clip)
            else:
                self._write(clip, packet)

    def start_clip(self, command: StartClip) -> None:
        """Open a clip and write what the ring holds since its start; main is told either way."""
        if command.clip_id in self._clips:
            self._refuse(command.clip_id, f"A clip {command.clip_id} is being written already.")
            return
        try:
            writer = ClipWriter(Path(command.path), self._video, self._audio)
        except MediaError as error:
            self._refuse(command.clip_id, str(error))
            return
        clip = _OpenClip(command.clip_id, writer, command.from_pts_s)
        self._clips[clip.clip_id] = clip
        for packet in self.ring.since(command.from_pts_s):
            if clip.clip_id not in self._clips:
                return
            self._write(clip, packet)
        self._tell(clip.progress())

    def end_clip(self, command: EndClip) -> None:
        """Close a clip now, or when everything shown before its end is in it."""
        clip = self._clips.get(command.clip_id)
        if clip is None:
            self._refuse(command.clip_id, f"No clip {command.clip_id} is being written.")
        elif self._has_ended or self._decoded_until_s >= command.to_pts_s:
            self._close(clip)
        else:
            clip.to_pts_s = command.to_pts_s

    def end_of_source(self) -> None:
        """No packet follows: clips that wait for their end have all they will get."""
        self._has_ended = True
        for clip in list(self._clips.values()):
            if clip.to_pts_s is not None:
                self._close(clip)

    def close(self, note: str = "") -> None:
        """Close every clip as far as it is written, adding ``note`` to its facts.

        Works without a main, too: what is on disk is then all that counts.
        """
        for clip in list(self._clips.values()):
            with contextlib.suppress(PipeClosedError):
                self._close(clip, note)

    def video_around(self, pts_s: float) -> list[MediaPacket]:
        """The video packets from which the picture shown at a moment is decoded; none if gone."""
        oldest_s = self.ring.oldest_s
        if oldest_s is None or pts_s < oldest_s - 0.5 * self._video.frame_s:
            return []
        return self.ring.gop_at(pts_s)

    def progress(self) -> tuple[ClipProgress, ...]:
        """How far each open clip is."""
        return tuple(clip.progress() for clip in self._clips.values())

    def _write(self, clip: _OpenClip, packet: MediaPacket) -> None:
        try:
            clip.write(packet)
        except MediaError as error:
            self._close(clip, error=str(error))

    def _close(self, clip: _OpenClip, note: str = "", error: str = "") -> None:
        del self._clips[clip.clip_id]
        facts: ClipFacts | None = None
        try:
            facts = clip.writer.close()
        except (MediaError, OSError) as failure:
            error = error or str(failure)
        else:
            notes = (*facts.notes, *self._notes, *((note,) if note else ()))
            facts = replace(facts, notes=notes)
        self._tell(ClipClosed(clip.clip_id, facts, error))

    def _refuse(self, clip_id: str, error: str) -> None:
        self._tell(ClipClosed(clip_id, None, error))
