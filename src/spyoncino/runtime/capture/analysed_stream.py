"""Decodes the one of a camera's streams that is analysed, and changes over without a break.

With a second stream the main one is kept and never decoded, unless the second one is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from spyoncino.media.decode import DecodedFrame, FrameDecoder
from spyoncino.media.hardware_decode import DecoderKind
from spyoncino.media.packet_ring import PacketRing
from spyoncino.media.packets import MediaPacket, VideoFormat

BLIND_S = 8.0
"""Packets of the second stream for so long without one picture: it is of no use."""

SUB_RING_BYTES = 8_000_000
"""Bound of the second stream's last group of pictures: 10 s at 6 Mbit/s, far above any such."""


@dataclass(frozen=True, slots=True)
class SubPackets:
    """The second stream's packets since its last key frame, times as in the main stream.

    Args:
        video: Their format.
        ring: Holds one group of pictures; empty for codecs that are not kept.
    """

    video: VideoFormat
    ring: PacketRing


class AnalysedStream:
    """Pictures of whichever stream is analysed; their times rise strictly over every change.

    Without a second stream this is the main stream's decoder and nothing more.

    Args:
        main: The main stream's format.
        sub: The second stream's, if it is there.
        decoder: Where packets are decoded.

    Raises:
        SourceError: There is no decoder for the main stream's codec.
    """

    def __init__(
        self, main: VideoFormat, sub: VideoFormat | None = None, decoder: DecoderKind = "software"
    ) -> None:
        self._main = main
        self._kind = decoder
        self._main_decoder: FrameDecoder | None = FrameDecoder(main, kind=decoder)
        self._is_main_begun = True
        self._sub_decoder: FrameDecoder | None = None
        self._sub_seen_s: float | None = None
        self._last_s: float | None = None
        self._next_index = 0
        self._corrupt_before = 0
        self.sub: SubPackets | None = None
        self.on_blind: Callable[[str], None] | None = None
        self.changes = 0
        if sub is not None:
            self.change_sub(sub)
            self._end_main()

    @property
    def corrupt_count(self) -> int:
        """Packets of either stream that could not be decoded."""
        decoders = (self._main_decoder, self._sub_decoder)
        return self._corrupt_before + sum(d.corrupt_count for d in decoders if d)

    @property
    def note(self) -> str:
        """Why packets are not decoded as asked; empty while they are."""
        decoder = self._main_decoder or self._sub_decoder
        return decoder.note if decoder else ""

    @property
    def main_alone(self) -> FrameDecoder | None:
        """The main stream's decoder, while there is no second stream."""
        return self._main_decoder if self._sub_decoder is None else None

    @property
    def is_main(self) -> bool:
        """Whether the main stream is decoded."""
        return self._main_decoder is not None

    def change_sub(self, video: VideoFormat | None) -> None:
        """The second stream begins, with packets of this format, or is gone.

        The main stream is decoded until the first picture of the second one, and from its next key
        frame on when there is none any more.
        """
        self._corrupt_before += self._sub_decoder.corrupt_count if self._sub_decoder else 0
        self._sub_decoder, self.sub, self._sub_seen_s = None, None, None
        if video is not None:
            self._sub_decoder = FrameDecoder(video, kind=self._kind)
            self.sub = SubPackets(video, PacketRing(0.0, SUB_RING_BYTES))
        elif self._main_decoder is None:
            self._main_decoder = FrameDecoder(self._main, kind=self._kind)
            self._is_main_begun = False
            self.changes += 1

    def decode(self, packet: MediaPacket) -> list[DecodedFrame]:
        """Pictures to analyse that this video packet completes; often none."""
        if packet.role == "sub":
            return self._decode_sub(packet)
        if self._main_decoder is None or not (self._is_main_begun or packet.is_key):
            return []
        self._is_main_begun = True
        return self._in_line(self._main_decoder.decode(packet))

    def flush(self) -> list[DecodedFrame]:
        """Pictures still held back at the end of the source."""
        decoder = self._sub_decoder if self._main_decoder is None else self._main_decoder
        return self._in_line(decoder.flush()) if decoder else []

    def _decode_sub(self, packet: MediaPacket) -> list[DecodedFrame]:
        if self._sub_decoder is None or self.sub is None:
            return []
        if self.sub.video.is_kept:
            self.sub.ring.push(packet)
        frames = self._sub_decoder.decode(packet)
        if frames:
            self._sub_seen_s = packet.pts_s
            self._end_main()
            # What lies before the main stream's first picture cannot be found in it.
            return self._in_line([frame for frame in frames if frame.pts_s >= 0])
        if self._sub_seen_s is None:
            self._sub_seen_s = packet.pts_s
        if packet.pts_s - self._sub_seen_s > BLIND_S and self.on_blind is not None:
            self._sub_seen_s = packet.pts_s
            self.on_blind(f"No picture could be decoded from it for {BLIND_S:g} s.")
        return []

    def _end_main(self) -> None:
        if self._main_decoder is not None:
            self._corrupt_before += self._main_decoder.corrupt_count
            self._main_decoder = None

    def _in_line(self, frames: list[DecodedFrame]) -> list[DecodedFrame]:
        """Pictures later than all before them, numbered on over both streams."""
        found = []
        for frame in frames:
            if self._last_s is not None and frame.pts_s <= self._last_s:
                continue
            self._last_s = frame.pts_s
            if frame.index != self._next_index:
                frame = replace(frame, index=self._next_index)  # noqa: PLW2901 -- its number here
            self._next_index += 1
            found.append(frame)
        return found
