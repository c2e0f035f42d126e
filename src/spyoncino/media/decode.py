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
from spyoncino.media.hardware_decode import DecoderKind, hardware_context
from spyoncino.media.packets import MediaPacket, VideoFormat

NUDGE_FRACTION = 0.1
"""A picture whose time does not rise is put this part of a frame behind the one before it."""

MAX_UNPROVEN = 64
"""Packets kept until the hardware has given its first picture, to be decoded again without it."""

MAX_FAULTS = 5
"""Packets in a row that the hardware refuses before it is given up; one may be damaged."""


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
        kind: Where it is decoded. Hardware that cannot be had, or fails, is replaced by software,
            and ``note`` says so; no picture is lost when it fails before its first.

    Raises:
        SourceError: No decoder for this codec.
    """

    def __init__(
        self, video: VideoFormat, threads: int = 1, kind: DecoderKind = "software"
    ) -> None:
        self.note = ""
        self._video = video
        self._threads = threads
        self._unproven: list[Packet[Stream]] | None = None
        self._faults = 0
        self._waits_for_key = False
        self._context = self._wanted_context(kind)
        self._time_base = video.time_base
        self._frame_s = video.frame_s
        self._clock = _PictureClock()
        self._last_s: float | None = None
        self._next_index = 0
        self.corrupt_count = 0

    @property
    def is_hardware(self) -> bool:
        """Whether a device decodes at the moment."""
        return self._kind != "software"

    def decode(self, packet: MediaPacket) -> list[DecodedFrame]:
        """Pictures that this video packet completes; none for one that is corrupt, and counted."""
        if self._waits_for_key and not packet.is_key:
            return []
        self._waits_for_key = False
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

    def _wanted_context(self, kind: DecoderKind) -> VideoCodecContext:
        self._kind: DecoderKind = "software"
        if kind != "software":
            try:
                context = hardware_context(self._video.codec, kind)
                _prepare(context, self._video, self._threads, is_hardware=True)
                context.open()
            except (MediaError, FFmpegError) as error:
                self.note = _instead(kind, error)
            else:
                self._kind, self._unproven = kind, []
                return context
        return _context_of(self._video, self._threads)

    def _frames(self, data: "Packet[Stream] | None") -> list[DecodedFrame]:
        try:
            pictures = self._context.decode(data)
        except EOFError:
            return []
        except FFmpegError as error:
            if self.is_hardware:
                return self._after_fault(data, error)
            self.corrupt_count += 1
            return []
        self._faults = 0
        if self._unproven is not None:
            self._prove(data, has_picture=bool(pictures))
        return [self._frame(picture) for picture in pictures]

    def _prove(self, data: "Packet[Stream] | None", *, has_picture: bool) -> None:
        """Keep what went into hardware that has shown nothing yet."""
        if has_picture or data is None or len(self._unproven or ()) >= MAX_UNPROVEN:
            self._unproven = None
        elif self._unproven is not None:
            self._unproven.append(data)

    def _after_fault(self, data: "Packet[Stream] | None", error: FFmpegError) -> list[DecodedFrame]:
        """Go on in software at once when the hardware never worked, else after some faults."""
        self._faults += 1
        if self._unproven is None and self._faults < MAX_FAULTS:
            self.corrupt_count += 1
            return []
        self.note = _instead(self._kind, error)
        again = self._unproven
        self._kind, self._unproven = "software", None
        self._context = _context_of(self._video, self._threads)
        if again is None:
            self.corrupt_count += 1
            self._waits_for_key = True
            return []
        packets = again if data is None else [*again, data]
        frames = [frame for each in packets for frame in self._frames(each)]
        return frames + (self._frames(None) if data is None else [])

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
    _prepare(context, video, threads, is_hardware=False)
    return context


def _prepare(
    context: VideoCodecContext, video: VideoFormat, threads: int, *, is_hardware: bool
) -> None:
    """Tell a decoder what the container said."""
    context.width = video.width_px
    context.height = video.height_px
    context.extradata = video.extradata or None
    context.bits_per_coded_sample = video.bits_per_coded_sample
    if video.pix_fmt and not is_hardware:
        context.pix_fmt = video.pix_fmt
    if video.codec_tag.strip("\0 "):
        context.codec_tag = video.codec_tag
    context.thread_count = threads


def _instead(kind: str, error: MediaError | FFmpegError) -> str:
    """The sentence that hardware is not used."""
    if isinstance(error, MediaError):
        return f"{error} Decoding in software."
    reason = error.strerror or str(error)
    return f"The decoder {kind} failed: {reason}. Decoding in software."
