"""The last seconds of a camera, compressed: what pre-roll and pictures of the past come from.

Holds packets, never pixels, and gives up whole groups of pictures only, so that whatever is left
can be decoded from its first packet.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from spyoncino.media.packets import MediaPacket

PTS_TOLERANCE_S = 1e-6
"""Slack for comparing seconds that went through ticks of 1/90000 s and back."""


@dataclass(slots=True)
class RingCounters:
    """What the ring took and lost.

    Args:
        pushed: Packets taken.
        dropped: Packets given up because the ring was full; the normal fate of a packet.
        orphans: Packets refused because no key frame came before them.
        oversized: Groups of pictures given up because one alone was larger than the ring.
    """

    pushed: int = 0
    dropped: int = 0
    orphans: int = 0
    oversized: int = 0


@dataclass(slots=True)
class _Gop:
    """A key frame and everything up to the next one, in order of arrival."""

    key_pts_s: float
    packets: list[MediaPacket] = field(default_factory=list)
    size_bytes: int = 0


class PacketRing:
    """Whole groups of pictures, bounded by time and by bytes. Not safe for several threads.

    A group that alone exceeds ``max_bytes`` is given up too, and counted; the ring is then empty
    until the next key frame.

    Args:
        max_s: Seconds of video to keep at least, as long as the bytes suffice.
        max_bytes: Compressed bytes to keep at most.
    """

    def __init__(self, max_s: float, max_bytes: int) -> None:
        self._max_s = max_s
        self._max_bytes = max_bytes
        self._gops: deque[_Gop] = deque()
        self._newest_s = 0.0
        self._size_bytes = 0
        self.counters = RingCounters()

    @property
    def size_bytes(self) -> int:
        """Compressed bytes held now."""
        return self._size_bytes

    @property
    def span_s(self) -> float:
        """Seconds from the oldest key frame to the newest video packet; 0 when empty."""
        return self._newest_s - self._gops[0].key_pts_s if self._gops else 0.0

    @property
    def oldest_s(self) -> float | None:
        """Time of the oldest key frame held; ``None`` when empty."""
        return self._gops[0].key_pts_s if self._gops else None

    @property
    def newest_s(self) -> float | None:
        """Latest presentation time of a video packet held; ``None`` when empty."""
        return self._newest_s if self._gops else None

    def push(self, packet: MediaPacket) -> None:
        """Take the next packet in decoding order and give up what no longer fits."""
        begins_gop = packet.kind == "video" and packet.is_key
        if begins_gop:
            if not self._gops:
                self._newest_s = packet.pts_s
            self._gops.append(_Gop(packet.pts_s))
        if not self._gops:
            self.counters.orphans += 1
            return
        gop = self._gops[-1]
        gop.packets.append(packet)
        gop.size_bytes += packet.size_bytes
        self._size_bytes += packet.size_bytes
        self.counters.pushed += 1
        if packet.kind == "video":
            self._newest_s = max(self._newest_s, packet.pts_s)
        self._trim()

    def since(self, pts_s: float) -> list[MediaPacket]:
        """Everything from the key frame at or before a moment, video and audio as they arrived.

        Sound of that time that arrived before the key frame comes right behind it.

        Args:
            pts_s: The moment; a moment before the oldest key frame gives all there is.
        """
        start = self._index_of(pts_s)
        packets = [p for gop in islice(self._gops, start, None) for p in gop.packets]
        if start > 0:
            key_pts_s = self._gops[start].key_pts_s
            before = self._gops[start - 1].packets
            packets[1:1] = [p for p in before if p.kind == "audio" and p.pts_s >= key_pts_s]
        return packets

    def gop_at(self, pts_s: float) -> list[MediaPacket]:
        """The video packets needed to decode the picture shown at a moment.

        That is its group of pictures and, in streams with open groups, the leading pictures that
        are stored behind the next key frame though they are shown before it.
        """
        if not self._gops:
            return []
        index = self._index_of(pts_s)
        packets = [p for p in self._gops[index].packets if p.kind == "video"]
        if index + 1 < len(self._gops):
            packets += _leading(self._gops[index + 1])
        return packets

    def clear(self) -> None:
        """Forget everything, as after a reconnect."""
        for _ in range(len(self._gops)):
            self._drop_oldest()

    def _index_of(self, pts_s: float) -> int:
        """Index of the last group whose key frame is shown at or before a moment, else 0."""
        for index in range(len(self._gops) - 1, 0, -1):
            if self._gops[index].key_pts_s <= pts_s + PTS_TOLERANCE_S:
                return index
        return 0

    def _trim(self) -> None:
        while len(self._gops) > 1 and (
            self._size_bytes > self._max_bytes
            or self._newest_s - self._gops[1].key_pts_s >= self._max_s
        ):
            self._drop_oldest()
        if self._size_bytes > self._max_bytes:
            self.counters.oversized += 1
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        gop = self._gops.popleft()
        self._size_bytes -= gop.size_bytes
        self.counters.dropped += len(gop.packets)


def _leading(gop: _Gop) -> list[MediaPacket]:
    """The key frame and the pictures shown before it, or nothing where there are none."""
    video: Iterator[MediaPacket] = (p for p in gop.packets if p.kind == "video")
    key = next(video)
    leading = []
    for packet in video:
        if packet.pts_s >= key.pts_s:
            break
        leading.append(packet)
    return [key, *leading] if leading else []
