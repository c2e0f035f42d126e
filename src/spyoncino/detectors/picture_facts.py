"""What a look at a whole picture found; plain values, so that main can judge them.

Nothing here nor in the files that judge (``picture_views``, ``picture_memory``, ``picture_hours``,
``picture_judge``) imports OpenCV: main would have to carry it.
"""

from dataclasses import dataclass
from typing import Final

SKETCH_SHAPE: Final = (36, 64)
"""Rows and columns of a sketch: a cell is 20x20 pixels of 1280x720. Fine enough that views that
differ by a twentieth are unlike, coarse enough that nobody can be known from it."""

SKETCH_SCALE: Final = 36.0
"""A sketch holds ``36 * sqrt(gradient)``: 255 at 50 grey levels a grid pixel. The root keeps one
bright edge (a lamp, a letter) from outweighing all the others."""


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What one look at a picture found.

    Args:
        brightness_grey: Mean grey level, 0..255.
        contrast_grey: Standard deviation of the grey levels.
        sharpness_grey: Root of the mean squared gradient, in grey levels per pixel of the small
            picture: unlike the mean it falls when an edge is blurred.
        structure: Share of the cells that show an edge, 0..1.
        is_grey: The picture has no colour, as from an infrared camera at night.
        same: Share of the tiles with content that are byte for byte as in the look before; ``None``
            where there was none or no tile has content.
        sketch: ``SKETCH_SHAPE`` bytes, row by row: how strong the edges of each cell are.
    """

    brightness_grey: float
    contrast_grey: float
    sharpness_grey: float
    structure: float
    is_grey: bool
    same: float | None
    sketch: bytes
