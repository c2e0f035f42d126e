"""Decoders outside the processor: what they are called, and why one does not work here.

Never run on a device so far: no machine with one was at hand. What was run is every way in which
they fail, and the fall back to software (``decode.py``).
"""

from typing import Literal

import av
from av.codec import Codec, CodecContext
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from spyoncino.errors import MediaError

DecoderKind = Literal["software", "cuda", "qsv", "vaapi", "drm", "v4l2m2m"]
"""How video is decoded. There is no ``auto``: none was ever measured to be better."""

DEVICES = ("cuda", "vaapi", "drm")
"""Reached through FFmpeg's device of this name, beside the codec's own decoder."""

WRAPPERS = ("v4l2m2m", "qsv")
"""Decoders of their own, named after the codec: ``h264_v4l2m2m`` (Raspberry Pi 4 and others)."""


def hardware_context(codec: str, kind: str) -> VideoCodecContext:
    """A decoder on a device, not opened yet; pictures are copied back to memory by themselves.

    Args:
        codec: FFmpeg's name, such as ``h264``.
        kind: One of ``DecoderKind`` except ``software``.

    Raises:
        MediaError: Not built in, or not here; a sentence.
    """
    try:
        if kind in WRAPPERS:
            context = CodecContext.create(f"{codec}_{kind}", "r")
        elif kind not in hwdevices_available():
            raise MediaError(f"The decoder {kind} is not built into PyAV {av.__version__}.")
        else:
            # Without fallback inside FFmpeg: it would be silent.
            device = HWAccel(kind, allow_software_fallback=False)
            context = CodecContext.create(codec, "r", hwaccel=device)
            if not context.is_hwaccel:
                raise MediaError(f"The decoder {kind} does not know video of the codec {codec}.")
    except (FFmpegError, OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"The decoder {kind} cannot be had for {codec}: {reason}.") from error
    if not isinstance(context, VideoCodecContext):
        raise MediaError(f"{codec} is not a video codec.")
    return context


def is_built_in(codec: str, kind: str) -> bool:
    """Whether this PyAV could decode the codec this way, if the device were here."""
    if kind in WRAPPERS:
        return f"{codec}_{kind}" in av.codecs_available
    return kind in {config.device_type.name for config in Codec(codec, "r").hardware_configs}
