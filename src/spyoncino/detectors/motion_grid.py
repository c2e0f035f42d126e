"""The small picture that motion is measured on, and the boxes around what changed in it.

The luma plane is halved by exact 2x2 means, again and again, until it is small. Every source pixel
counts in the result: nothing thin or small is lost to aliasing, and each halving halves the noise.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.motion_spec import Luma, Polygon
from spyoncino.geometry.boxes import Box

MAX_GRID_PX = 80_000
"""Halving ends below this many pixels: 320x180 of 1280x720, 240x135 of 1920x1080, 320x240 of
640x480. A person 40 px tall is then still 5 to 20 px tall (benchmarks/bench_motion.py)."""

CELL_HALVINGS = 2
"""Changed pixels are counted in cells of 4x4 grid pixels; one lonely pixel makes no region."""

MIN_CELL_SHARE = 0.2
"""Share of a cell that must have changed: 4 of its 16 pixels."""

_NEIGHBOURS = np.ones((3, 3), np.uint8)


def halved(picture: NDArray[Any], halvings: int) -> NDArray[Any]:
    """Halve a picture by 2x2 means; an odd last row or column is left out. Keeps the dtype."""
    for _ in range(halvings):
        height, width = picture.shape[0] // 2, picture.shape[1] // 2
        even = picture[: height * 2, : width * 2]
        picture = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
    return picture


def add_levels(
    values: Luma, levels: int, mask: Luma | None = None, dst: Luma | None = None
) -> Luma:
    """Add grey levels, which may be negative, to all pixels or those of a mask; saturates."""
    total = cv2.add(values, levels, dst, mask)  # type: ignore[call-overload]  # stub: no scalars
    return np.asarray(total, np.uint8)


def halvings_for(height_px: int, width_px: int) -> int:
    """How often a picture of this size is halved."""
    halvings = 0
    while (height_px >> halvings) * (width_px >> halvings) > MAX_GRID_PX:
        halvings += 1
    return halvings


class MotionGrid:
    """Geometry of one picture size: shrinking, masks, regions.

    Args:
        height_px: Height of the luma plane.
        width_px: Width of the luma plane.
        masks: Parts of the picture in which nothing is looked at.
        min_area: Smallest region, as a fraction of the picture's area.

    Raises:
        ValueError: A mask has fewer than three corners.
    """

    def __init__(
        self, height_px: int, width_px: int, masks: Sequence[Polygon], min_area: float
    ) -> None:
        self.source_shape = (height_px, width_px)
        self._halvings = halvings_for(height_px, width_px)
        self._scale = 1 << self._halvings
        self.shape = (height_px >> self._halvings, width_px >> self._halvings)
        self._buffers = [
            np.empty((height_px >> step, width_px >> step), np.uint8)
            for step in range(1, self._halvings + 1)
        ]
        self.allowed = self._draw_allowed(masks)
        self.allowed_px = max(1, cv2.countNonZero(self.allowed))
        self._min_changed_px = max(1.0, min_area * self.shape[0] * self.shape[1])

    def _draw_allowed(self, masks: Sequence[Polygon]) -> NDArray[np.uint8]:
        allowed = np.full(self.shape, 255, np.uint8)
        size = np.array([self.shape[1], self.shape[0]])
        for mask in masks:
            if len(mask) < 3:
                raise ValueError(f"motion mask {mask} has fewer than three corners")
            corners = np.rint(np.asarray(mask) * size - 0.5).astype(np.int32)
            cv2.fillPoly(allowed, [corners], 0)
        return allowed

    def shrink(self, luma: Luma) -> Luma:
        """The luma plane in grid size; the array is overwritten by the next call."""
        if not self._halvings:
            return luma.copy()
        picture = luma
        for buffer in self._buffers:
            height, width = buffer.shape
            even = picture[: height * 2, : width * 2]
            cv2.resize(even, (width, height), dst=buffer, interpolation=cv2.INTER_AREA)
            picture = buffer
        return picture

    def changed_share(self, changed: NDArray[np.uint8]) -> float:
        """Changed pixels as a fraction of the unmasked picture."""
        return min(1.0, cv2.countNonZero(changed) / self.allowed_px)

    def regions(self, changed: NDArray[np.uint8]) -> tuple[Box, ...]:
        """Boxes around connected changes, largest first.

        Args:
            changed: Grid-sized map, 255 where a pixel changed and 0 elsewhere.
        """
        cells = halved(changed, CELL_HALVINGS) if min(self.shape) >= 4 else changed
        active = cv2.threshold(cells, 255 * MIN_CELL_SHARE, 1, cv2.THRESH_BINARY)[1]
        if not cv2.countNonZero(active):
            return ()
        joined = cv2.dilate(active, _NEIGHBOURS)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        cell_px = 1 << CELL_HALVINGS if cells is not changed else 1
        changed_px = np.bincount(labels.ravel(), cells.ravel(), count) / 255 * cell_px**2
        found: list[tuple[float, Box]] = []
        for number in range(1, count):
            if changed_px[number] >= self._min_changed_px:
                window = [int(value) * cell_px for value in stats[number, :4]]
                found.append((float(changed_px[number]), self._tight_box(changed, window)))
        found.sort(key=lambda item: (-item[0], item[1]))
        return tuple(box for _, box in found)

    def _tight_box(self, changed: NDArray[np.uint8], window: list[int]) -> Box:
        left, top, width, height = window
        part = changed[top : top + height, left : left + width]
        x, y, wide, high = cv2.boundingRect(part)
        rows, columns = self.source_shape
        scale = self._scale
        return Box(
            (left + x) * scale / columns,
            (top + y) * scale / rows,
            min(1.0, (left + x + wide) * scale / columns),
            min(1.0, (top + y + high) * scale / rows),
        )
