"""Whether two streams of a camera show the same scene, or one of them only a part of it."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

View = Literal["the same", "the same, squeezed", "another part", "unknown"]
"""How a second stream's picture lies in the main one's."""

SAMPLE_PX = (96, 72)
"""Size at which pictures are compared: coarse enough that a few frames between them do not matter,
fine enough that a crop from 16:9 to 4:3 moves things by several pixels."""

SAME_SHAPE = 0.03
"""Difference of the shapes (width by height), as a share, below which they are the same."""

ALIKE = 0.5
"""Correlation below which nothing can be said, as of a black or a flat picture."""

CLEARLY = 0.03
"""By so much a part must be more like the other picture than the whole is."""


def view_of(main: NDArray[np.uint8], sub: NDArray[np.uint8]) -> View:
    """Compare two pictures of about the same moment.

    Args:
        main: Grey picture of the main stream, uint8 ``(height, width)``.
        sub: The same of the second stream.

    Returns:
        ``the same, squeezed`` where the shape differs and the scene does not, as cameras do that
        send 4:3 of a 16:9 sensor; places as fractions of the picture are then the same.
    """
    main_shape, sub_shape = main.shape[1] / main.shape[0], sub.shape[1] / sub.shape[0]
    whole = _likeness(main, sub)
    if abs(main_shape / sub_shape - 1) < SAME_SHAPE:
        return "the same" if whole >= ALIKE else "unknown"
    part = max(
        _likeness(_cropped(main, sub_shape), sub), _likeness(main, _cropped(sub, main_shape))
    )
    if max(whole, part) < ALIKE:
        return "unknown"
    return "another part" if part > whole + CLEARLY else "the same, squeezed"


def _cropped(picture: NDArray[np.uint8], shape: float) -> NDArray[np.uint8]:
    """The middle of a picture, of this shape."""
    height, width = picture.shape
    new_width, new_height = min(width, round(height * shape)), min(height, round(width / shape))
    left, top = (width - new_width) // 2, (height - new_height) // 2
    return picture[top : top + new_height, left : left + new_width]


def _likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Correlation of two pictures at one size, -1..1; 0 for flat ones."""
    first, second = (
        cv2.resize(picture, SAMPLE_PX, interpolation=cv2.INTER_AREA).astype(np.float64)
        for picture in (one, other)
    )
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / scale if scale > 0 else 0.0
