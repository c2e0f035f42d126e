"""What a camera usually shows, as sketches: one view by day, others in the evening and by infrared.

A look is compared with each learned view block by block. A block agrees when its edges lie where
they lay, whatever the light made of their strength. A van before the door covers blocks, fog
weakens them, snow changes the ground; a camera that was turned leaves none in its place.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.picture_look import SKETCH_SCALE, SKETCH_SHAPE

Sketch = NDArray[np.float32]
"""float32 of ``SKETCH_SHAPE``; see ``PictureFacts.sketch``."""

BLOCKS: Final = (4, 4)
"""Rows and columns of blocks: 9x16 cells each."""

SWAY_CELLS: Final = 2
"""A block may lie so many cells beside its place: a pole in the wind, 3 % of the width."""

ALIKE: Final = 0.45
"""Correlation from which on a block agrees. Blocks of unrelated scenes, each at the best place
within the sway, reach 0.25 on average and 0.45 in one case of ten (tests/accuracy)."""

MIN_BLOCK: Final = SKETCH_SCALE * 0.25
"""Standard deviation of a block's sketch from which on it has a structure to compare."""

FOUND: Final = 0.55
"""Correlation of the overlap at which a view was found again at another place."""

MIN_OVERLAP: Final = 0.3
"""Least share of the picture that must overlap there."""

VIEWS_PER_LIGHT: Final = 6
"""Views kept in colour, and as many without: morning, noon, evening, wet, snow, lamp."""


@dataclass(slots=True)
class View:
    """One thing the camera is known to show.

    Args:
        sketch: Running average.
        is_grey: Learned from pictures without colour.
        sharpness_grey: Running average of the sharpness.
        structure: Running average of the share of cells with edges.
        seen_s: Seconds of looks that went into it.
        last_s: When it was last agreed with, seconds since 1970.
    """

    sketch: Sketch
    is_grey: bool
    sharpness_grey: float
    structure: float
    seen_s: float
    last_s: float


def sketch_of(cells: bytes) -> Sketch:
    """The array of a sketch that came as bytes.

    Raises:
        ValueError: It has another size.
    """
    return np.frombuffer(cells, np.uint8).reshape(SKETCH_SHAPE).astype(np.float32)


def agreement(view: Sketch, now: Sketch) -> float:
    """Share of the view's blocks with a structure whose edges are where they were, 0..1."""
    rows, columns = BLOCKS
    high, wide = SKETCH_SHAPE[0] // rows, SKETCH_SHAPE[1] // columns
    padded = cv2.copyMakeBorder(now, *(SWAY_CELLS,) * 4, cv2.BORDER_REPLICATE)
    votes = kept = 0
    for row in range(rows):
        for column in range(columns):
            top, left = row * high, column * wide
            block = view[top : top + high, left : left + wide]
            if float(block.std()) < MIN_BLOCK:
                continue
            around = padded[
                top : top + high + 2 * SWAY_CELLS, left : left + wide + 2 * SWAY_CELLS
            ]
            votes += 1
            kept += _best(around, block) >= ALIKE
    return kept / votes if votes else 0.0


def _best(around: Sketch, block: Sketch) -> float:
    scores = cv2.matchTemplate(around, block, cv2.TM_CCOEFF_NORMED)
    return float(np.nan_to_num(scores, posinf=0.0, neginf=0.0).max())


def found_elsewhere(view: Sketch, now: Sketch) -> tuple[float, float] | None:
    """By how much the camera's picture moved, as shares of width and height; ``None``: not found.

    The middle part of one picture is looked for in the other, and the other way round, so that a
    shift of up to 0.35 of each side is found.
    """
    best = (FOUND, 0.0, 0.0)
    rows, columns = SKETCH_SHAPE
    for share in (0.4, 0.55):
        for one, other, sign in ((view, now, 1.0), (now, view, -1.0)):
            high, wide = round(rows * share), round(columns * share)
            for top in (0, (rows - high) // 2, rows - high):
                for left in (0, (columns - wide) // 2, columns - wide):
                    part = one[top : top + high, left : left + wide]
                    if float(part.std()) < MIN_BLOCK:
                        continue
                    scores = cv2.matchTemplate(other, part, cv2.TM_CCOEFF_NORMED)
                    _, score, _, (x, y) = cv2.minMaxLoc(scores)
                    shift = (sign * (x - left) / columns, sign * (y - top) / rows)
                    if max(abs(shift[0]), abs(shift[1])) * columns <= 2 * SWAY_CELLS:
                        continue
                    if score > best[0]:
                        best = (float(score), *shift)
    return best[1:] if best[0] > FOUND else None
