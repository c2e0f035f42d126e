"""A video file as a camera: its packets, at their own pace or as fast as they can be read."""

from collections.abc import Iterator

from spyoncino.errors import SourceEndedError, SourceError
from spyoncino.hardware.pacing import Pacer
from spyoncino.hardware.source_types import SourceFormat, SourceItem, SourceSpec
from spyoncino.media.demux import DemuxCounters, Demuxer
from spyoncino.media.packets import MediaPacket


class FileCamera:
    """Replays one file, once or in a loop. Takes no options.

    Args:
        spec: ``path``, ``realtime`` and ``loop`` are used.
        pacer: What waits between packets; made from ``spec.realtime`` when not given.

    Raises:
        SourceError: The path is missing or there is an option.
    """

    def __init__(self, spec: SourceSpec, pacer: Pacer | None = None) -> None:
        if not spec.path:
            raise SourceError("A file source needs a path.")
        if spec.options:
            names = ", ".join(sorted(spec.options))
            raise SourceError(f"A file source takes no options, but was given {names}.")
        self._spec = spec
        self._pacer = pacer or Pacer(is_realtime=spec.realtime)
        self._demuxer: Demuxer | None = None
        self._packets: Iterator[MediaPacket] = iter(())
        self._waiting: MediaPacket | None = None
        self._shift_s = 0.0
        self._end_s = 0.0
        self._frame_s = 0.0

    @property
    def counters(self) -> DemuxCounters:
        """What was wrong with the file in this round; zeros before ``open``."""
        return self._demuxer.counters if self._demuxer else DemuxCounters()

    def open(self) -> SourceFormat:
        """Open the file and read its headers.

        Raises:
            SourceError: It is missing, empty, cut off, not a video, or has no video stream.
        """
        self._shift_s = self._end_s = 0.0
        demuxer = self._begin()
        self._frame_s = demuxer.video.frame_s
        return SourceFormat(
            video=demuxer.video,
            width_px=demuxer.video.width_px,
            height_px=demuxer.video.height_px,
            fps=demuxer.video.fps,
            audio=demuxer.audio,
        )

    def read(self, timeout_s: float | None = None) -> SourceItem | None:
        """The next packet, when it is due; see ``Source.read``."""
        if self._demuxer is None:
            raise SourceError(f"{self._spec.path} is not open.")
        packet = self._waiting or self._next()
        if not self._pacer.wait_until(packet.dts_s, timeout_s):
            self._waiting = packet
            return None
        self._waiting = None
        return packet

    def close(self) -> None:
        """Close the file."""
        if self._demuxer is not None:
            self._demuxer.close()
            self._demuxer = None
        self._waiting = None

    def _begin(self) -> Demuxer:
        self.close()
        self._demuxer = Demuxer(self._spec.path)
        self._packets = self._demuxer.packets()
        return self._demuxer

    def _next(self) -> MediaPacket:
        packet = next(self._packets, None)
        if packet is None and self._spec.loop and self._end_s > self._shift_s:
            self._shift_s = self._end_s
            self._begin()
            packet = next(self._packets, None)
        if packet is None:
            raise SourceEndedError(f"{self._spec.path} is over.")
        packet = packet.moved(self._shift_s)
        if packet.kind == "video":
            self._end_s = max(self._end_s, packet.pts_s + self._frame_s)
        return packet
