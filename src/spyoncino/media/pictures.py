"""Pictures in I420: their sizes, into shared memory, out of it, and as JPEG.

The convention everywhere behind the decoder: I420, limited range (luma 16..235), BT.601, which is
what OpenCV's I420 conversions assume. As an array: uint8 of shape ``(height * 3 // 2, width)``.
"""

import cv2
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from spyoncino.errors import MediaError
from spyoncino.media.colour import i420_to_bgr

MIN_SIDE_PX = 16
"""Analysis pictures are never smaller: one macroblock, and far below anything recognisable."""

HD_HEIGHT_PX = 577
"""Pictures at least this high that do not state their colour matrix are BT.709 by convention."""

BT709 = 1
"""The value of ``AVCOL_SPC_BT709`` in ITU-T H.273 (MatrixCoefficients)."""

UNSPECIFIED = 2
"""The value of ``AVCOL_SPC_UNSPECIFIED`` in ITU-T H.273 (MatrixCoefficients)."""


def analysis_size(width_px: int, height_px: int, max_width_px: int = 1280) -> tuple[int, int]:
    """Size at which a picture is analysed: at most so wide, proportions kept, even, at least 16.

    Returns:
        ``(width_px, height_px)``.
    """
    scale = min(1.0, max_width_px / width_px)
    return _even(width_px * scale), _even(height_px * scale)


def _even(length: float) -> int:
    return max(MIN_SIDE_PX, round(length / 2) * 2)


def i420_size_bytes(width_px: int, height_px: int) -> int:
    """Bytes of an I420 picture with even sides."""
    return width_px * height_px * 3 // 2


class I420Converter:
    """Turns decoded pictures of any format and size into I420 of one size. One per thread.

    Args:
        width_px: Even width of the result.
        height_px: Even height of the result.
        is_colour_exact: Also convert the colour matrix of HD video (BT.709 to BT.601), for pictures
            that people look at; costs about three times as much (2.7 ms more from 1080p to 720p).

    Raises:
        MediaError: A side is odd.
    """

    def __init__(self, width_px: int, height_px: int, *, is_colour_exact: bool = False) -> None:
        if width_px % 2 or height_px % 2:
            raise MediaError(f"An I420 picture needs even sides, not {width_px}x{height_px}.")
        self._width_px = width_px
        self._height_px = height_px
        self._is_colour_exact = is_colour_exact
        self._reformatter = VideoReformatter()

    def convert(self, picture: VideoFrame) -> VideoFrame:
        """The picture as PyAV's ``yuv420p``; the picture itself where nothing has to be done.

        Raises:
            MediaError: The pixel format cannot be converted.
        """
        is_bt709 = self._is_colour_exact and (
            picture.colorspace == BT709
            or (picture.colorspace == UNSPECIFIED and picture.height >= HD_HEIGHT_PX)
        )
        try:
            return self._reformatter.reformat(
                picture,
                width=self._width_px,
                height=self._height_px,
                format="yuv420p",
                interpolation="BILINEAR",
                src_colorspace=Colorspace.ITU709 if is_bt709 else None,
                dst_colorspace=Colorspace.ITU601 if is_bt709 else None,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
        except (FFmpegError, ValueError) as error:
            raise MediaError(
                f"Pictures of the pixel format {picture.format.name} cannot be converted."
            ) from error

    def write(self, picture: VideoFrame, out: NDArray[np.uint8] | memoryview) -> None:
        """Scale, convert and copy one picture.

        Args:
            picture: Any size and pixel format.
            out: Contiguous uint8 memory of at least ``i420_size_bytes`` bytes.

        Raises:
            MediaError: The pixel format cannot be converted.
        """
        flat = np.frombuffer(out, dtype=np.uint8)
        at = 0
        for plane in self.convert(picture).planes:
            size = plane.width * plane.height
            rows = np.frombuffer(
                memoryview(plane), dtype=np.uint8, count=plane.line_size * plane.height
            )
            target = flat[at : at + size].reshape(plane.height, plane.width)
            np.copyto(target, rows.reshape(plane.height, plane.line_size)[:, : plane.width])
            at += size


def write_i420(
    picture: VideoFrame,
    width_px: int,
    height_px: int,
    out: NDArray[np.uint8] | memoryview,
    *,
    is_colour_exact: bool = False,
) -> None:
    """Write one picture as I420; for many of one size keep an ``I420Converter``."""
    I420Converter(width_px, height_px, is_colour_exact=is_colour_exact).write(picture, out)


def picture_from_i420(i420: NDArray[np.uint8]) -> VideoFrame:
    """A PyAV picture with a copy of an I420 array ``(height * 3 // 2, width)``."""
    return VideoFrame.from_ndarray(i420, format="yuv420p")


def encode_jpeg(i420: NDArray[np.uint8], quality: int = 90) -> bytes:
    """A JPEG of an I420 picture.

    Args:
        i420: uint8 ``(height * 3 // 2, width)``.
        quality: 1..100.

    Raises:
        MediaError: The encoder refused.
    """
    return encode_jpeg_bgr(i420_to_bgr(i420), quality)


def encode_jpeg_bgr(bgr: NDArray[np.uint8], quality: int = 90) -> bytes:
    """A JPEG of a BGR picture, uint8 ``(height, width, 3)``.

    Raises:
        MediaError: The encoder refused.
    """
    try:
        is_done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise MediaError(f"A picture of {bgr.shape} cannot be written as JPEG.") from error
    if not is_done:
        raise MediaError(f"A picture of {bgr.shape} cannot be written as JPEG.")
    return bytes(data)
