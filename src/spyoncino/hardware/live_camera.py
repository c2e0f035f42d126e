"""What all live cameras share: a thread that reads, so that whoever waits can do something else."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

from av.error import FFmpegError

from spyoncino.errors import SourceError
from spyoncino.hardware.connecting import broken
from spyoncino.hardware.handover import Handover
from spyoncino.hardware.source_types import SourceFormat, SourceItem, SourceSpec
from spyoncino.media.demux import DemuxCounters, Demuxer
from spyoncino.media.packets import MediaPacket, VideoFormat

MAX_WAITING = 600
"""Packets read ahead: 10 s of 30 pictures and as many packets of sound a second. When it is full
the thread waits, and the camera notices by its own buffers."""

PATIENCE = 2.0
"""Times ``stall_s`` without a picture after which whoever watches the pictures gives up."""

READ_MARGIN_S = 2.0
"""A read may take so much longer: it must not be the first to give up. FFmpeg answers a read that
took too long with the rest that its parser kept back, as if it had come from the camera, and the
next read waits as long again."""


class LiveCamera(ABC):
    """A source without an end. One connection: after an error, close it and make a new one.

    Nothing can interrupt a read but its own time limit, so ``close`` returns at once and the thread
    closes the connection when it comes back.

    Args:
        spec: Which camera.
    """

    def __init__(self, spec: SourceSpec) -> None:
        self.silence_s = PATIENCE * spec.stall_s + READ_MARGIN_S
        self.on_news: Callable[[], None] = _nothing
        """Called from the thread when ``read`` would have something to tell; must not wait."""
        self._demuxer: Demuxer | None = None
        self._handover: Handover[MediaPacket] = Handover()

    @property
    @abstractmethod
    def name(self) -> str:
        """What the camera is called in sentences; without secrets."""

    @abstractmethod
    def _connected(self) -> Demuxer:
        """Connect.

        Raises:
            SourceError: It does not work; the sentence says why.
        """

    @property
    def counters(self) -> DemuxCounters:
        """What was wrong with the stream so far; zeros before ``open``."""
        return self._demuxer.counters if self._demuxer else DemuxCounters()

    def open(self) -> SourceFormat:
        """Connect and begin to read; takes up to 15 s."""
        demuxer = self._connected()
        video = self._video_of(demuxer)
        self._demuxer = demuxer
        threading.Thread(
            target=self._read_on, args=(demuxer,), name=f"read {self.name}", daemon=True
        ).start()
        return SourceFormat(video, video.width_px, video.height_px, video.fps, demuxer.audio)

    def read(self, timeout_s: float | None = None) -> SourceItem | None:
        """The next packet; see ``Source.read``."""
        if self._demuxer is None:
            raise SourceError(f"{self.name} is not open.")
        return self._handover.take(timeout_s)

    def close(self) -> None:
        """Let the thread end and close the connection."""
        self._handover.close()

    def _video_of(self, demuxer: Demuxer) -> VideoFormat:
        """Format of the packets that ``_timed`` gives."""
        return demuxer.video

    def _timed(self, packet: MediaPacket) -> MediaPacket:
        """The packet with the times it shall have; called in the thread as soon as it arrives."""
        return packet

    def _read_on(self, demuxer: Demuxer) -> None:
        error = SourceError(f"{self.name} ended the stream.")
        try:
            for packet in demuxer.packets():
                timed = replace(self._timed(packet), arrival_ns=time.monotonic_ns())
                if not self._handover.offer(timed, MAX_WAITING):
                    break
                self.on_news()
        except FFmpegError as failure:
            error = broken(failure, self.name, self.silence_s)
        finally:
            demuxer.close()
            self._handover.fail(error)
            self.on_news()


def _nothing() -> None:
    """What happens with news that nobody waits for."""


class ArrivalClock:
    """Times for packets that carry none: when they arrived, in whole milliseconds that rise."""

    def __init__(self) -> None:
        self._zero_ns: int | None = None
        self._last_ms = -1

    def now_ms(self) -> int:
        """Milliseconds since the first call, at least one more than last time."""
        now_ns = time.monotonic_ns()
        if self._zero_ns is None:
            self._zero_ns = now_ns
        self._last_ms = max(self._last_ms + 1, (now_ns - self._zero_ns) // 1_000_000)
        return self._last_ms
