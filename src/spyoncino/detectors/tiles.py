"""Looking at parts of a picture and joining the answers.

A part is a tile: the whole picture, a square of full height, or a square around motion. What lies
on the border of a tile is cut, and half a person is a false person; another tile usually shows it
whole.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from spyoncino.detectors.nms import suppress_doubles
from spyoncino.detectors.results import RawDetection
from spyoncino.geometry.boxes import FULL_PICTURE, Box, as_array

EDGE: Final = 0.01
"""A box that ends nearer to its tile's border than this fraction of the tile is cut by it."""

COVERED: Final = 0.5
"""A cut box is dropped when an uncut box of its label shares this part of the smaller of both."""


def full_height_squares(width_px: int, height_px: int) -> tuple[Box, ...]:
    """The fewest squares of the picture's height that cover its width, evenly spread.

    Small people far away are up to 16/9 times larger in them than in the whole picture.

    Returns:
        Normalised boxes from left to right; the whole picture alone where it is not wider than
        high.
    """
    if width_px <= height_px:
        return (FULL_PICTURE,)
    count = -(-width_px // height_px)
    side = height_px / width_px
    step = (1.0 - side) / (count - 1)
    return tuple(Box(step * n, 0.0, step * n + side, 1.0) for n in range(count))


def merge_tiles(tiles: Sequence[tuple[Box, Sequence[RawDetection]]]) -> list[RawDetection]:
    """Join the detections of several tiles of one picture.

    Args:
        tiles: Each tile, normalised to the picture, with its detections, normalised to the tile.

    Returns:
        Detections normalised to the picture, best score first: doubles removed, and cut boxes
        removed where another tile shows the same thing uncut.
    """
    whole: list[RawDetection] = []
    cut: list[RawDetection] = []
    for tile, detections in tiles:
        for found in detections:
            placed = RawDetection(found.label, found.score, _place(found.box, tile))
            (cut if _is_cut(found.box, tile) else whole).append(placed)
    uncut = _without_doubles(whole)
    lonely = [
        part
        for part in _without_doubles(cut)
        if not any(part.label == found.label and _covers(found.box, part.box) for found in uncut)
    ]
    return sorted([*uncut, *lonely], key=lambda found: -found.score)


def _place(inner: Box, tile: Box) -> Box:
    return Box(
        tile.left + inner.left * tile.width,
        tile.top + inner.top * tile.height,
        tile.left + inner.right * tile.width,
        tile.top + inner.bottom * tile.height,
    ).clipped()


def _is_cut(inner: Box, tile: Box) -> bool:
    """Whether the box ends at a border of the tile that is not a border of the picture."""
    return (
        (tile.left > 0.0 and inner.left < EDGE)
        or (tile.top > 0.0 and inner.top < EDGE)
        or (tile.right < 1.0 and inner.right > 1.0 - EDGE)
        or (tile.bottom < 1.0 and inner.bottom > 1.0 - EDGE)
    )


def _covers(first: Box, second: Box) -> bool:
    smaller = min(first.area, second.area)
    return smaller > 0.0 and first.overlap(second) >= COVERED * smaller


def _without_doubles(found: Sequence[RawDetection]) -> list[RawDetection]:
    if len(found) < 2:
        return list(found)
    numbers = {label: n for n, label in enumerate(sorted({item.label for item in found}))}
    kept = suppress_doubles(
        as_array([item.box for item in found]),
        np.array([item.score for item in found], np.float64),
        np.array([numbers[item.label] for item in found], np.int64),
    )
    return [found[index] for index in kept]
