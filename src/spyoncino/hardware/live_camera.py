"""What all live cameras share: a thread that reads, so that whoever waits can do something else."""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from av.error import FFmpegError

from spyoncino.errors import SourceError
from spyoncino.hardware.connecting import broken
from spyoncino.hardware.source_types import SourceFormat, SourceItem, SourceSpec
from spyoncino.media.demux import DemuxCounters, Demuxer
from spyoncino.media.packets import MediaPacket, VideoFormat

MAX_WAITING = 600
"""Packets read ahead: 10 s of 30 pictures and as many packets of sound a second. When it is full
the thread waits, and the camera notices by its own buffers."""

PATIENCE = 2.0
"""Times ``stall_s`` that a read may take: whoever watches the pictures gives up by then."""


class LiveCamera(ABC):
    """A source without an end. One connection: after an error, close it and make a new one.

    Nothing can interrupt a read but its own time limit, so ``close`` returns at once and the thread
    closes the connection when it comes back.

    Args:
        spec: Which camera.
    """

    def __init__(self, spec: SourceSpec) -> None:
        self.silence_s = PATIENCE * spec.stall_s
        self.on_news: Callable[[], None] = _nothing
        """Called from the thread when ``read`` would have something to tell; must not wait."""
        self._demuxer: Demuxer | None = None
        self._waiting: deque[MediaPacket] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._error: SourceError | None = None

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
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting or self._error, timeout_s):
                return None
            if self._waiting:
                packet = self._waiting.popleft()
                self._changed.notify()
                return packet
            raise self._error or SourceError(f"{self.name} is closed.")

    def close(self) -> None:
        """Let the thread end and close the connection."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

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
                arrival_ns = time.monotonic_ns()
                if not self._offer(replace(self._timed(packet), arrival_ns=arrival_ns)):
                    break
        except FFmpegError as failure:
            error = broken(failure, self.name, self.silence_s)
        finally:
            demuxer.close()
            with self._changed:
                self._error = error
                self._changed.notify_all()
            self.on_news()

    def _offer(self, packet: MediaPacket) -> bool:
        """Hand a packet over, waiting for room; whether anybody still wants one."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._waiting) < MAX_WAITING)
            if not self._is_closed:
                self._waiting.append(packet)
                self._changed.notify_all()
                self.on_news()
            return not self._is_closed


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
