"""Between I420 and BGR, whole or only a part. Limited range BT.601 on the I420 side."""

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import MediaError

PixelBox = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom exclusive."""


def i420_planes(
    i420: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Luma and the two chroma planes as views, without a copy.

    Args:
        i420: Contiguous uint8 ``(height * 3 // 2, width)`` with even sides.

    Returns:
        ``(height, width)``, ``(height // 2, width // 2)`` twice.
    """
    rows, width = i420.shape
    height = rows * 2 // 3
    flat = i420.reshape(-1)
    luma_size, chroma_size = height * width, height * width // 4
    chroma_shape = (height // 2, width // 2)
    return (
        i420[:height],
        flat[luma_size : luma_size + chroma_size].reshape(chroma_shape),
        flat[luma_size + chroma_size : luma_size + 2 * chroma_size].reshape(chroma_shape),
    )


def i420_to_bgr(i420: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The whole picture as uint8 ``(height, width, 3)``, a new array."""
    return np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)


def bgr_to_i420(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A BGR picture with even sides as uint8 ``(height * 3 // 2, width)``, a new array."""
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)


def i420_crop_to_bgr(i420: NDArray[np.uint8], box_px: PixelBox) -> NDArray[np.uint8]:
    """A part of a picture as BGR, at the cost of that part alone.

    Args:
        i420: Contiguous uint8 ``(height * 3 // 2, width)`` with even sides.
        box_px: Left, top, right, bottom; clipped to the picture.

    Returns:
        uint8 ``(bottom - top, right - left, 3)``, a new array or a view into one.

    Raises:
        MediaError: Nothing of the box is inside the picture.
    """
    luma, blue, red = i420_planes(i420)
    height, width = luma.shape
    left, top = max(0, box_px[0]), max(0, box_px[1])
    right, bottom = min(width, box_px[2]), min(height, box_px[3])
    if left >= right or top >= bottom:
        raise MediaError(f"The box {box_px} is outside a picture of {width}x{height}.")
    even_left, even_top = left & ~1, top & ~1
    even_right, even_bottom = (right + 1) & ~1, (bottom + 1) & ~1
    crop_width, crop_height = even_right - even_left, even_bottom - even_top
    crop = np.empty((crop_height * 3 // 2, crop_width), np.uint8)
    crop_luma, crop_blue, crop_red = i420_planes(crop)
    np.copyto(crop_luma, luma[even_top:even_bottom, even_left:even_right])
    chroma = np.s_[even_top // 2 : even_bottom // 2, even_left // 2 : even_right // 2]
    np.copyto(crop_blue, blue[chroma])
    np.copyto(crop_red, red[chroma])
    bgr = i420_to_bgr(crop)
    return bgr[top - even_top : bottom - even_top, left - even_left : right - even_left]
