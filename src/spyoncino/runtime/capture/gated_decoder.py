"""A decoder that sleeps: key frames alone while nothing happens, on a wake all that was skipped.

Keeps the skipped packets since the last key frame, and no picture. For the loop's thread alone.
"""

from collections import deque
from collections.abc import Callable

from av.video.frame import VideoFrame

from spyoncino.media.decode import DecodedFrame, FrameDecoder
from spyoncino.media.packets import MediaPacket
from spyoncino.runtime.capture.idle_gate import IdleGate, Verdict, WakeReason

MAX_BEHIND = 600
"""Packets that may wait to be decoded before the source has to: as many as a live source reads
ahead."""


class GatedDecoder:
    """Stands in the place of a ``FrameDecoder``; pictures come out with times that rise strictly.

    After a wake the packets to make up for are decoded one by one with ``catch_up``, so that the
    reader of the source can serve others in between; what arrives meanwhile waits behind them.

    Args:
        decoder: Decodes.
        gate: Decides.
        sees_change: Whether a picture differs from the background; learns nothing.
    """

    def __init__(
        self,
        decoder: FrameDecoder,
        gate: IdleGate,
        sees_change: Callable[[VideoFrame], bool],
    ) -> None:
        self._decoder = decoder
        self._sees_change = sees_change
        self._gop: list[MediaPacket] = []
        self._replay: deque[MediaPacket] = deque()
        self._behind: deque[MediaPacket] = deque()
        self._last_s = float("-inf")
        self.gate = gate

    @property
    def corrupt_count(self) -> int:
        """Packets that could not be decoded."""
        return self._decoder.corrupt_count

    @property
    def note(self) -> str:
        """Why packets are not decoded as asked; empty while they are."""
        return self._decoder.note

    @property
    def is_behind(self) -> bool:
        """Whether packets wait for ``catch_up``."""
        return bool(self._replay or self._behind)

    @property
    def is_full(self) -> bool:
        """Whether so many wait that the source must."""
        return len(self._behind) >= MAX_BEHIND

    def decode(self, packet: MediaPacket) -> list[DecodedFrame]:
        """Pictures that this video packet completes; none while others wait to be decoded first."""
        if self.is_behind:
            self._behind.append(packet)
            return []
        return self._take(packet)

    def catch_up(self) -> list[DecodedFrame]:
        """Pictures of the next packet that waits."""
        if self._replay:
            return self._fresh(self._decoder.decode(self._replay.popleft()))
        return self._take(self._behind.popleft()) if self._behind else []

    def flush(self) -> list[DecodedFrame]:
        """Pictures still held back at the end of the stream; ``catch_up`` first."""
        return self._fresh(self._decoder.flush())

    def attend(self, for_s: float) -> None:
        """Decode every packet for a while, and what was skipped since the last key frame."""
        if self.gate.attend(for_s):
            self._wake()

    def _take(self, packet: MediaPacket) -> list[DecodedFrame]:
        verdict = self.gate.take(packet.dts_s, packet.size_bytes, is_key=packet.is_key)
        if verdict is Verdict.DECODE:
            return self._fresh(self._decoder.decode(packet))
        if verdict is Verdict.PROBE:
            return self._probe(packet)
        self._gop.append(packet)
        if verdict is Verdict.WAKE:
            self._wake()
        return []

    def _probe(self, key: MediaPacket) -> list[DecodedFrame]:
        """Look at a key frame before it is told: what it shows may have begun before it."""
        held_back = [] if self._gop else self._fresh(self._decoder.flush())
        self._decoder.restart()
        frames = self._decoder.decode_alone(key)
        self._decoder.restart()
        is_changed = bool(frames) and self._sees_change(frames[-1].picture)
        if frames and not is_changed:
            self._gop = [key]
            return held_back + self._fresh(frames)
        self.gate.wake(WakeReason.CHANGE if frames else WakeReason.FAULT)
        self._gop.append(key)
        self._wake()
        return held_back

    def _wake(self) -> None:
        """Decode again from the last key frame that was looked at."""
        self.gate.note_replayed(sum(not packet.is_key for packet in self._gop))
        self._decoder.restart()
        self._replay.extend(self._gop)
        self._gop = []

    def _fresh(self, frames: list[DecodedFrame]) -> list[DecodedFrame]:
        """Those that were not told yet."""
        fresh = [frame for frame in frames if frame.pts_s > self._last_s]
        if fresh:
            self._last_s = fresh[-1].pts_s
        return fresh
