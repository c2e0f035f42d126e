"""Turns what a source delivers into the two things a camera needs: packets to keep, pictures.

The one packet rule: H.264 and H.265 packets are kept as they came; everything else is decoded and
encoded once to H.264. Nothing is kept or published here.
"""

from collections.abc import Callable

from av.video.frame import VideoFrame

from spyoncino.hardware.source_types import RawPicture, SourceFormat, SubStreamChanged
from spyoncino.media.decode import DecodedFrame
from spyoncino.media.encode import H264Encoder
from spyoncino.media.hardware_decode import DecoderKind
from spyoncino.media.packets import MediaPacket, VideoFormat
from spyoncino.media.pictures import picture_from_i420
from spyoncino.runtime.capture.analysed_stream import AnalysedStream
from spyoncino.runtime.capture.gated_decoder import GatedDecoder
from spyoncino.runtime.capture.idle_gate import IdleGate

Taken = tuple[list[MediaPacket], list[DecodedFrame]]
"""Packets to keep, then the pictures that became visible with them; both in decoding order."""


class SourceFeed:
    """One opened source's way to packets and pictures.

    Args:
        source: What the source said it delivers.
        decoder: Where its packets are decoded.

    Raises:
        SourceError: There is no decoder for its codec.
        MediaError: Its size cannot be encoded.
    """

    def __init__(self, source: SourceFormat, decoder: DecoderKind = "software") -> None:
        self._decoder: AnalysedStream | GatedDecoder | None = (
            AnalysedStream(source.video, source.sub, decoder) if source.video else None
        )
        self.gated: GatedDecoder | None = None
        self._encoder: H264Encoder | None = None
        self._raw_count = 0
        if source.video is None or not source.video.is_kept:
            self._encoder = H264Encoder(source.width_px, source.height_px, source.fps)
            self.video: VideoFormat = self._encoder.video
        else:
            self.video = source.video
        self.codec = source.video.codec if source.video else "raw"

    def let_sleep(self, gate: IdleGate, sees_change: Callable[[VideoFrame], bool]) -> None:
        """Decode key frames alone while nothing happens; not for what is encoded here.

        For a source that has and will have no second stream: that one is small enough to be decoded
        all the time.

        Args:
            gate: Decides when.
            sees_change: Whether a picture differs from the background; learns nothing.
        """
        main = self.analysed.main_alone if self.analysed else None
        if self._encoder is None and main is not None:
            self._decoder = self.gated = GatedDecoder(main, gate, sees_change)

    @property
    def is_encoded(self) -> bool:
        """Whether the kept packets are made here."""
        return self._encoder is not None

    @property
    def corrupt_packets(self) -> int:
        """Packets that could not be decoded."""
        return self._decoder.corrupt_count if self._decoder else 0

    @property
    def note(self) -> str:
        """Why packets are not decoded as asked; empty while they are."""
        return self._decoder.note if self._decoder else ""

    @property
    def analysed(self) -> AnalysedStream | None:
        """Which stream is decoded; ``None`` for raw pictures and for a stream that may sleep."""
        return self._decoder if isinstance(self._decoder, AnalysedStream) else None

    def change_sub(self, change: SubStreamChanged) -> None:
        """The source's second stream came or is gone."""
        if self.analysed is not None:
            self.analysed.change_sub(change.video)

    def take(self, item: MediaPacket | RawPicture) -> Taken:
        """Process the next item of the source."""
        if isinstance(item, RawPicture):
            frame = DecodedFrame(picture_from_i420(item.i420), item.pts_s, self._raw_count)
            self._raw_count += 1
            return self._encoded([frame]), [frame]
        if item.kind == "audio" or self._decoder is None:
            return [item], []
        frames = self._decoder.decode(item)
        if item.role == "sub":
            return [], frames
        if self._encoder is None:
            return [item], frames
        return self._encoded(frames), frames

    def flush(self) -> Taken:
        """What decoder and encoder still hold at the end of the source."""
        frames = self._decoder.flush() if self._decoder else []
        packets = self._encoded(frames)
        if self._encoder:
            packets += self._encoder.flush()
        return packets, frames

    def _encoded(self, frames: list[DecodedFrame]) -> list[MediaPacket]:
        if self._encoder is None:
            return []
        return [p for f in frames for p in self._encoder.encode(f.picture, f.pts_s)]
