"""Compressed packets to pictures, with times that rise strictly."""

from collections.abc import Iterable
from dataclasses import dataclass

from av.codec import CodecContext
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from spyoncino.errors import MediaError, SourceError
from spyoncino.media.packets import MediaPacket, VideoFormat

NUDGE_FRACTION = 0.1
"""A picture whose time does not rise is put this part of a frame behind the one before it."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """One decoded picture.

    Args:
        picture: The picture as the decoder gave it, in whatever pixel format.
        pts_s: Seconds from the first video frame of the source; rises strictly.
        index: Number of the picture since the decoder was made, from 0.
    """

    picture: VideoFrame
    pts_s: float
    index: int


class FrameDecoder:
    """Decodes one video stream in order. Not safe for several threads.

    Args:
        video: The stream's format.
        threads: Threads within the decoder; 1 costs the least CPU and memory.

    Raises:
        SourceError: No decoder for this codec.
    """

    def __init__(self, video: VideoFormat, threads: int = 1) -> None:
        self._context = _context_of(video, threads)
        self._time_base = video.time_base
        self._frame_s = video.frame_s
        self._clock = _PictureClock()
        self._last_s: float | None = None
        self._next_index = 0
        self.corrupt_count = 0

    def decode(self, packet: MediaPacket) -> list[DecodedFrame]:
        """Pictures that this video packet completes; none for one that is corrupt, and counted."""
        return self._frames(packet.data)

    def flush(self) -> list[DecodedFrame]:
        """Pictures still held back at the end of the stream; the decoder is done after that."""
        return self._frames(None)

    def decode_alone(self, packet: MediaPacket) -> list[DecodedFrame]:
        """The picture of a key frame whose followers are not decoded; ``restart`` before and after.

        Nothing is held back: it comes at once also where pictures are stored out of order.
        """
        return self._frames(packet.data) + self._frames(None)

    def restart(self) -> None:
        """Forget every picture; the next packet must be a key frame, of any time."""
        self._context.flush_buffers()
        self._clock = _PictureClock()
        self._last_s = None

    def _frames(self, data: "Packet[Stream] | None") -> list[DecodedFrame]:
        try:
            pictures = self._context.decode(data)
        except EOFError:
            return []
        except FFmpegError:
            self.corrupt_count += 1
            return []
        return [self._frame(picture) for picture in pictures]

    def _frame(self, picture: VideoFrame) -> DecodedFrame:
        ticks = self._clock.ticks_of(picture.pts, picture.dts)
        last_s = self._last_s
        if ticks is not None:
            pts_s = float(ticks * (picture.time_base or self._time_base))
        else:
            pts_s = 0.0 if last_s is None else last_s + self._frame_s
        if last_s is not None and pts_s <= last_s:
            pts_s = last_s + NUDGE_FRACTION * self._frame_s
        self._last_s = pts_s
        self._next_index += 1
        return DecodedFrame(picture, pts_s, self._next_index - 1)


class _PictureClock:
    """Chooses, picture by picture, between the shown time and the decoding time that came with it.

    AVI files with B-frames carry shown times that jump about while their decoding times are right;
    for most others it is the other way round. Whichever has misbehaved less is believed.
    """

    def __init__(self) -> None:
        self._faults = {"pts": 0, "dts": 0}
        self._last: dict[str, int] = {}

    def ticks_of(self, pts: int | None, dts: int | None) -> int | None:
        """The time to believe; ``None`` where neither is known."""
        for name, value in (("pts", pts), ("dts", dts)):
            if value is None:
                continue
            if name in self._last and value <= self._last[name]:
                self._faults[name] += 1
            self._last[name] = value
        if pts is not None and (dts is None or self._faults["pts"] <= self._faults["dts"]):
            return pts
        return dts


def decode_at(packets: Iterable[MediaPacket], video: VideoFormat, pts_s: float) -> VideoFrame:
    """The picture shown at a moment.

    Args:
        packets: Video packets in decoding order from a key frame, as ``PacketRing.gop_at`` gives.
        video: The stream's format.
        pts_s: The moment.

    Returns:
        The last picture shown at or before the moment, with half a frame of slack; the first of all
        where every picture is later.

    Raises:
        MediaError: Nothing could be decoded.
    """
    decoder = FrameDecoder(video)
    latest_s = pts_s + 0.5 * video.frame_s
    found: VideoFrame | None = None
    for packet in packets:
        for frame in decoder.decode(packet):
            if found is not None and frame.pts_s > latest_s:
                return found
            found = frame.picture
    for frame in decoder.flush():
        if found is not None and frame.pts_s > latest_s:
            return found
        found = frame.picture
    if found is None:
        raise MediaError(
            f"No picture could be decoded at {pts_s:.2f} s; its packets are gone or damaged."
        )
    return found


def _context_of(video: VideoFormat, threads: int) -> VideoCodecContext:
    """A decoder that is independent of the file or connection that the packets come from."""
    try:
        context = CodecContext.create(video.codec, "r")
    except (FFmpegError, ValueError) as error:
        raise SourceError(f"There is no decoder for video of the codec {video.codec}.") from error
    if not isinstance(context, VideoCodecContext):
        raise SourceError(f"{video.codec} is not a video codec.")
    context.width = video.width_px
    context.height = video.height_px
    context.extradata = video.extradata or None
    context.bits_per_coded_sample = video.bits_per_coded_sample
    if video.pix_fmt:
        context.pix_fmt = video.pix_fmt
    if video.codec_tag.strip("\0 "):
        context.codec_tag = video.codec_tag
    context.thread_count = threads
    return context
