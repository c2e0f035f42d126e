"""H.264 as an encoder hands it over: NAL units behind start codes, without any container."""

import contextlib
import io
from collections.abc import Iterator
from fractions import Fraction

import av
from av.error import FFmpegError

from spyoncino.errors import MediaError
from spyoncino.media.demux import detached
from spyoncino.media.packets import VideoFormat

START_CODE = b"\x00\x00\x01"
SPS, FIRST_SLICE, LAST_SLICE = 7, 1, 5
"""NAL unit types of ITU-T H.264, table 7-1: the slices 1 to 5 carry a picture."""


def nal_types(data: bytes) -> Iterator[int]:
    """Types of the NAL units, in order; lazily, since headers stand in front."""
    at = data.find(START_CODE)
    while 0 <= at < len(data) - 3:
        yield data[at + 3] & 0x1F
        at = data.find(START_CODE, at + 3)


def has_picture(data: bytes) -> bool:
    """Whether there is a slice; ``False`` for headers alone."""
    return any(FIRST_SLICE <= kind <= LAST_SLICE for kind in nal_types(data))


def has_headers(data: bytes) -> bool:
    """Whether a decoder could begin here: there is a sequence parameter set before the picture."""
    for kind in nal_types(data):
        if kind == SPS:
            return True
        if FIRST_SLICE <= kind <= LAST_SLICE:
            return False
    return False


def format_of(key_picture: bytes, fps: float | None, time_base: Fraction) -> VideoFormat:
    """The format of a stream that begins with this picture.

    Args:
        key_picture: SPS, PPS and a key picture.
        fps: Nominal pictures per second.
        time_base: Seconds per tick of the packets to come.

    Raises:
        MediaError: It is no H.264, or its headers are missing.
    """
    with contextlib.ExitStack() as stack:
        try:
            holder = stack.enter_context(av.open(io.BytesIO(key_picture), format="h264"))
            stream = holder.streams.video[0]
            context = stream.codec_context
            template = detached(stream)
        except (FFmpegError, ValueError, IndexError) as error:
            raise MediaError("The encoder's first picture is no H.264.") from error
        if not (context.width and context.height and context.extradata):
            raise MediaError("The encoder's first picture comes without headers.")
        return VideoFormat(
            codec="h264",
            width_px=context.width,
            height_px=context.height,
            fps=fps,
            time_base=time_base,
            extradata=context.extradata,
            pix_fmt=context.pix_fmt or "yuv420p",
            template=template,
        )
