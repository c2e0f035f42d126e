"""Turning a found face into the upright 112x112 picture that embedders were trained on.

How well a face is aligned decides how well it is told from others: loose crops of the same model
are wrong several times as often (``docs/design/face-vectors.md``).
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture as ``(height, width, 3)`` BGR."""

SIZE_PX: Final = 112
"""Side of the aligned picture."""

TEMPLATE_112: Final[NDArray[np.float64]] = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""Where the five landmarks belong in the aligned picture, (x, y) in pixels, in the order of
``geometry.faces``: the layout with which SphereFace and ArcFace (Deng et al., 2019) trained, and
with them nearly every later embedder, MobileFaceNet too."""
TEMPLATE_112.setflags(write=False)

MIN_SPREAD_PX: Final = 1.0
"""Landmarks that lie closer together (root mean square from their middle) are one spot."""

MIN_EXPLAINED: Final = 0.5
"""Share of the landmarks' spread that the transform must explain, 0..1. Full profiles reach 0.7;
mirrored, shuffled or random points stay below."""

_FARTHEST_PX: Final = 1e6
"""No landmark of a real picture is farther from its corner; what is not finite is not below it."""

_ROOM: Final = 1.35
"""A crop of a face's box takes so many times its longer side: the template, too, shows forehead
and chin around the landmarks."""


def similarity_transform(
    landmarks_px: NDArray[np.float64], size_px: int = SIZE_PX
) -> NDArray[np.float64] | None:
    """Rotation, scale and shift that bring five landmarks nearest to the template.

    Least squares over all five points; in the plane the solution of Umeyama (Least-squares
    estimation of transformation parameters between two point patterns, PAMI 1991) is one division
    of complex numbers, and never a mirror image.

    Args:
        landmarks_px: ``(5, 2)`` points (x, y) in pixels of the picture.
        size_px: Side of the aligned picture.

    Returns:
        ``(2, 3)`` matrix from the picture to the aligned one; ``None`` when the points are no
        face: not five, not finite, all in one spot, or in a layout far from that of a face.
    """
    points = np.asarray(landmarks_px, dtype=np.float64)
    if points.shape != TEMPLATE_112.shape or not (np.abs(points) < _FARTHEST_PX).all():
        return None
    source = points[:, 0] + 1j * points[:, 1]
    wanted = (TEMPLATE_112[:, 0] + 1j * TEMPLATE_112[:, 1]) * (size_px / SIZE_PX)
    source_middle, wanted_middle = source.mean(), wanted.mean()
    source, wanted = source - source_middle, wanted - wanted_middle
    spread = float(np.vdot(source, source).real)
    if spread < MIN_SPREAD_PX**2 * len(points):
        return None
    shared = complex(np.vdot(source, wanted))
    if abs(shared) ** 2 < MIN_EXPLAINED * spread * float(np.vdot(wanted, wanted).real):
        return None
    turn = shared / spread
    shift = complex(wanted_middle - turn * source_middle)
    return np.array(
        [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], np.float64
    )


def align(image: Image, landmarks_px: NDArray[np.float64], size_px: int = SIZE_PX) -> Image | None:
    """Cut a face out, upright and at the template's scale; outside of the picture is black.

    Large faces are first averaged down, so that fine texture does not turn into false patterns.

    Args:
        image: ``(h, w, 3)`` uint8 BGR, any size from 1x1.
        landmarks_px: ``(5, 2)`` points (x, y) in pixels of ``image``.
        size_px: Side of the result.

    Returns:
        ``(size_px, size_px, 3)`` uint8 BGR; ``None`` when the landmarks are no face, see
        ``similarity_transform``.
    """
    matrix = similarity_transform(landmarks_px, size_px)
    return None if matrix is None else warp(image, matrix, size_px)


def align_box(
    image: Image, box_px: tuple[float, float, float, float], size_px: int = SIZE_PX
) -> Image:
    """Cut a face out by its box alone, for detectors that find no landmarks; a makeshift.

    Args:
        image: ``(h, w, 3)`` uint8 BGR, any size from 1x1.
        box_px: Left, top, right, bottom in pixels.
        size_px: Side of the result.

    Returns:
        ``(size_px, size_px, 3)`` uint8 BGR, the box in its middle; not turned upright.
    """
    left, top, right, bottom = box_px
    scale = size_px / (_ROOM * max(right - left, bottom - top, 1.0))
    shift_x = size_px / 2 - scale * (left + right) / 2
    shift_y = size_px / 2 - scale * (top + bottom) / 2
    return warp(image, np.array([[scale, 0.0, shift_x], [0.0, scale, shift_y]]), size_px)


def warp(image: Image, matrix: NDArray[np.float64], size_px: int) -> Image:
    """The picture seen through a ``(2, 3)`` similarity transform, ``size_px`` wide and high."""
    shrink = int(1.0 / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-6))
    if shrink >= 2:
        height, width = image.shape[:2]
        small = (max(1, width // shrink), max(1, height // shrink))
        across, down = width / small[0], height / small[1]
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
        # Middles of pixels lie at halves: small (x + 0.5) is large (x + 0.5) / across.
        to_large = np.array(
            [[across, 0.0, (across - 1) / 2], [0.0, down, (down - 1) / 2], [0.0, 0.0, 1.0]]
        )
        matrix = matrix @ to_large
    warped = cv2.warpAffine(image, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.uint8)
