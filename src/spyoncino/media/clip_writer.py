"""Clips by stream copy: growing on disk while something happens, a plain MP4 when it is over."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from av.error import FFmpegError

from spyoncino.errors import MediaError, SourceError
from spyoncino.media.demux import Demuxer
from spyoncino.media.files import replacing
from spyoncino.media.mp4 import FINISHED, GROWING, Mp4Muxer
from spyoncino.media.packets import AudioFormat, MediaPacket, VideoFormat


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip turned out to be; plain values, so that they travel to other processes.

    Args:
        path: Where it lies.
        start_s: Camera time of its first picture.
        duration_s: Seconds from the first picture to the end of the last.
        size_bytes: Size on disk.
        notes: Plain words about what is not as it was: sound left out, cut short, …
    """

    path: str
    start_s: float
    duration_s: float
    size_bytes: int
    notes: tuple[str, ...] = ()


class ClipWriter:
    """Writes packets as they come into a fragmented MP4 whose fragments are complete on disk.

    Video is copied, AAC is copied, other sound is encoded to AAC or, where that is impossible,
    left out with a note. Times are moved so that the first picture is at 0. Killed at any moment,
    it leaves a file that plays up to its last fragment.

    Args:
        path: The growing file; its folder is made where missing.
        video: H.264 or H.265 with a template.
        audio: Sound to take along, if any.

    Raises:
        MediaError: The format cannot be copied, or the disk refused.
    """

    def __init__(self, path: Path, video: VideoFormat, audio: AudioFormat | None) -> None:
        self._path = path
        with _disk_errors_explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._mux = Mp4Muxer(path, GROWING, video, audio)
        self._is_open = True

    def write(self, packet: MediaPacket) -> None:
        """Add the next packet. Whatever comes before the first key frame is left out.

        Raises:
            MediaError: The disk refused; the clip is closed as far as it was written.
        """
        if not self._is_open:
            raise MediaError(f"The clip {self._path} is closed already.")
        try:
            with _disk_errors_explained(self._path):
                self._mux.write(packet)
        except MediaError:
            self._mux.notes.append("cut short: the disk refused")
            self._is_open = False
            self._mux.abandon()
            raise

    def close(self) -> ClipFacts:
        """Complete the last fragment and say what was written.

        Raises:
            MediaError: Nothing was written, or the disk refused.
        """
        if self._is_open:
            self._is_open = False
            with _disk_errors_explained(self._path):
                self._mux.close()
        if self._mux.start_s is None:
            raise MediaError(f"The clip {self._path} is empty: no key frame came.")
        return ClipFacts(
            str(self._path),
            self._mux.start_s,
            self._mux.duration_s,
            self._path.stat().st_size,
            tuple(self._mux.notes),
        )


def finish_clip(
    part_path: Path, final_path: Path, *, start_s: float = 0.0, end_s: float | None = None
) -> ClipFacts:
    """Turn a growing clip, closed or left behind by a crash, into a plain MP4 without re-encoding.

    Written beside its place, synced and renamed; the growing file is removed after that. Safe to
    repeat: where only the finished clip is left, its facts are given again.

    Args:
        part_path: What ``ClipWriter`` wrote.
        final_path: Where the clip shall be.
        start_s: Camera time of its first picture.
        end_s: Camera time at which to cut; ``None`` for all there is.

    Raises:
        MediaError: Nothing in it can be played, or the disk refused.
    """
    if not part_path.exists() and final_path.exists():
        return clip_facts(final_path, start_s)
    try:
        demuxer = Demuxer(str(part_path))
    except SourceError as error:
        raise MediaError(f"The clip cannot be finished. {error}") from error
    with contextlib.closing(demuxer), replacing(final_path) as temporary:
        mux = Mp4Muxer(temporary, FINISHED, demuxer.video, demuxer.audio)
        for packet in _until(demuxer.packets(), None if end_s is None else end_s - start_s):
            mux.write(packet)
        mux.close()
        if mux.start_s is None:
            raise MediaError(f"The clip {part_path} is empty: there is no key frame in it.")
    part_path.unlink(missing_ok=True)
    size_bytes = final_path.stat().st_size
    return ClipFacts(str(final_path), start_s, mux.duration_s, size_bytes, tuple(mux.notes))


def clip_facts(path: Path, start_s: float = 0.0) -> ClipFacts:
    """Length and size of a clip that is there.

    Raises:
        MediaError: It cannot be played.
    """
    try:
        with contextlib.closing(Demuxer(str(path))) as demuxer:
            duration_s = demuxer.duration_s or 0.0
    except SourceError as error:
        raise MediaError(str(error)) from error
    return ClipFacts(str(path), start_s, duration_s, path.stat().st_size)


def _until(packets: Iterable[MediaPacket], end_s: float | None) -> Iterator[MediaPacket]:
    """Packets up to the first video packet that is decoded at or after a moment."""
    for packet in packets:
        if end_s is not None and packet.dts_s >= end_s:
            if packet.kind == "video":
                return
            continue
        yield packet


@contextlib.contextmanager
def _disk_errors_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (FFmpegError, OSError) as error:
        reason = error.strerror or str(error)
        raise MediaError(f"The clip {path} cannot be written: {reason}.") from error
