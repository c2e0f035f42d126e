"""Boxes in normalised picture coordinates, and the few measures everybody needs.

Normalised means 0..1 over the width and the height of the *whole* picture, whatever its size in
pixels, so a box found on the small analysis frame is right on the full-size frame too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """An upright rectangle; ``left <= right`` and ``top <= bottom``, normalised to 0..1."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Width as a fraction of the picture's width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height as a fraction of the picture's height."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Area as a fraction of the picture's area."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box as (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def bottom_centre(self) -> tuple[float, float]:
        """Where somebody in this box stands, as (x, y)."""
        return (self.left + self.right) / 2, self.bottom

    def clipped(self) -> "Box":
        """The part inside the picture."""
        return Box(
            min(max(self.left, 0.0), 1.0),
            min(max(self.top, 0.0), 1.0),
            min(max(self.right, 0.0), 1.0),
            min(max(self.bottom, 0.0), 1.0),
        )

    def overlap(self, other: "Box") -> float:
        """Area that both cover, as a fraction of the picture's area."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0..1; 0 for two empty boxes."""
        shared = self.overlap(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def union(self, other: "Box") -> "Box":
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


FULL_PICTURE = Box(0.0, 0.0, 1.0, 1.0)


def iou_matrix(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of every pair.

    Args:
        first: ``(n, 4)`` boxes as left, top, right, bottom, in any one unit.
        second: ``(m, 4)`` boxes in the same unit.

    Returns:
        ``(n, m)`` values in 0..1.
    """
    left_top = np.maximum(first[:, None, :2], second[None, :, :2])
    right_bottom = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(right_bottom - left_top, 0.0, None), axis=2)
    area_first = np.prod(np.clip(first[:, 2:] - first[:, :2], 0.0, None), axis=1)
    area_second = np.prod(np.clip(second[:, 2:] - second[:, :2], 0.0, None), axis=1)
    union = area_first[:, None] + area_second[None, :] - shared
    ratios: NDArray[np.float64] = np.divide(
        shared, union, out=np.zeros_like(shared), where=union > 0
    )
    return ratios


def as_array(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """``(n, 4)`` float64 array of boxes; ``(0, 4)`` for none."""
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
