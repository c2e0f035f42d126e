"""Pictures to H.264, once, for sources that have no packets to keep."""

import io
from fractions import Fraction

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from spyoncino.errors import MediaError
from spyoncino.media.packets import DEFAULT_FPS, MediaPacket, VideoFormat
from spyoncino.media.pictures import I420Converter

TICKS_PER_SECOND = 90_000
"""The clock of MPEG systems; 15, 25, 30 and 30000/1001 frames a second are whole numbers of it."""

TIME_BASE = Fraction(1, TICKS_PER_SECOND)

MAX_GOP_FRAMES = 600
"""Upper bound between key frames in frames; the bound in seconds normally comes first."""

QUALITY_CRF = "25"
"""x264's constant rate factor; 23 is its default, 6 more halves the bytes."""

MAX_BITS_PER_PIXEL = 0.3
"""Upper bound of the rate, so that noise cannot fill memory and disk: 4.1 Mbit/s for 720p at 15."""

MIN_MAX_BITS_S = 500_000
"""The bound is never below this: tiny pictures need room for their headers."""

BT601 = 6
"""The value of ``AVCOL_SPC_SMPTE170M`` (BT.601) in ITU-T H.273, what I420 is here."""

LIMITED_RANGE = 1
"""The value of ``AVCOL_RANGE_MPEG``: luma 16..235."""


class H264Encoder:
    """Encodes pictures with x264 at its fastest, without delay and without B-frames.

    Odd sizes are rounded up to even ones, which H.264 demands; one pixel becomes two.

    Args:
        width_px: Width of the pictures, at least 1.
        height_px: Height of the pictures, at least 1.
        fps: Nominal rate; ``None`` where unknown. The pictures' own times decide.
        gop_s: Seconds from one key frame to the next.

    Raises:
        MediaError: The size cannot be encoded.
    """

    def __init__(
        self, width_px: int, height_px: int, fps: float | None, gop_s: float = 2.0
    ) -> None:
        width, height = width_px + width_px % 2, height_px + height_px % 2
        rate = Fraction(fps or DEFAULT_FPS).limit_denominator(1001)
        # The header of this container in memory is what gives the stream its SPS and PPS.
        self._container = av.open(io.BytesIO(), mode="w", format="mp4")
        try:
            self._stream = self._container.add_stream("libx264", rate=rate)
            _prepare(self._stream, width, height, float(rate))
            self._container.start_encoding()
        except (FFmpegError, ValueError) as error:
            raise MediaError(f"Pictures of {width_px}x{height_px} cannot be encoded.") from error
        self._converter = I420Converter(width, height, is_colour_exact=True)
        self._gop_ticks = round(gop_s * TICKS_PER_SECOND)
        self._key_ticks: int | None = None
        self._last_ticks: int | None = None
        self.video = VideoFormat(
            codec="h264",
            width_px=width,
            height_px=height,
            fps=fps,
            time_base=TIME_BASE,
            extradata=self._stream.codec_context.extradata or b"",
            pix_fmt="yuv420p",
            template=self._stream,
        )

    def encode(self, picture: VideoFrame, pts_s: float) -> list[MediaPacket]:
        """Encode the next picture.

        Args:
            picture: Any size and pixel format; scaled where it differs.
            pts_s: Its time; where it does not rise, it is put one tick behind the last one.

        Returns:
            The packet of this picture, or none when the encoder holds it back.
        """
        ticks = round(pts_s * TICKS_PER_SECOND)
        if self._last_ticks is not None:
            ticks = max(ticks, self._last_ticks + 1)
        self._last_ticks = ticks
        frame = self._converter.convert(picture)
        time_base: Fraction | None = frame.time_base  # None in a picture made by hand
        before = (frame.pts, time_base, frame.pict_type)
        is_key = self._key_ticks is None or ticks - self._key_ticks >= self._gop_ticks
        frame.pts, frame.time_base = ticks, TIME_BASE
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        if is_key:
            self._key_ticks = ticks
        try:
            return [_media_packet(packet) for packet in self._stream.encode(frame)]
        except FFmpegError as error:
            raise MediaError(f"A picture at {pts_s:.2f} s cannot be encoded.") from error
        finally:
            pts, time_base, pict_type = before
            frame.pts, frame.pict_type = pts, pict_type
            if time_base is not None:
                frame.time_base = time_base

    def flush(self) -> list[MediaPacket]:
        """Packets still held back; the encoder is done after that."""
        return [_media_packet(packet) for packet in self._stream.encode(None)]


def _prepare(stream: VideoStream, width: int, height: int, fps: float) -> None:
    stream.width, stream.height = width, height
    stream.pix_fmt = "yuv420p"
    stream.time_base = TIME_BASE
    context = stream.codec_context
    context.time_base = TIME_BASE
    context.gop_size = MAX_GOP_FRAMES
    context.max_b_frames = 0
    context.thread_count = 1
    context.colorspace = BT601
    context.color_range = LIMITED_RANGE
    max_bits_s = max(MIN_MAX_BITS_S, round(width * height * fps * MAX_BITS_PER_PIXEL))
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "forced-idr": "1",
        "crf": QUALITY_CRF,
        "maxrate": str(max_bits_s),
        "bufsize": str(2 * max_bits_s),
    }


def _media_packet(packet: "Packet[VideoStream]") -> MediaPacket:
    pts = packet.pts or 0
    dts = packet.dts if packet.dts is not None else pts
    return MediaPacket(
        kind="video",
        data=packet,
        pts_s=pts / TICKS_PER_SECOND,
        dts_s=dts / TICKS_PER_SECOND,
        is_key=bool(packet.is_keyframe),
        size_bytes=packet.size,
    )
