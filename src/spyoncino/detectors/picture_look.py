"""Numbers about a whole picture, taken every few seconds: light, sharpness, edges, sameness.

They are measured in the capture process beside the decoder, on the picture that is there anyway,
and judged elsewhere (``picture_judge``). Nothing here knows what a covered lens is. Imports NumPy
and OpenCV only.
"""

import math
import zlib
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.motion_grid import halved, halvings_for
from spyoncino.detectors.motion_spec import Luma
from spyoncino.detectors.picture_facts import SKETCH_SCALE, SKETCH_SHAPE, PictureFacts

MIN_EDGE_GREY: Final = 1.5
"""Mean gradient of a cell, in grey levels a grid pixel, from which on it shows something. Sensor
noise of 6 grey levels leaves about 1.1 after two halvings."""

MIN_TILE_GREY: Final = 2.0
"""Standard deviation of a tile from which on its sameness says anything: what is black or burnt
out is the same in a live picture, too."""

TILES: Final = (8, 8)
"""Rows and columns of the tiles whose bytes are compared with those of the look before."""

MARGIN_SHARE: Final = 1 / 9
"""Top and bottom of the picture are left out: cameras write their clock and name there, which
changes in a frozen picture and stays in a covered one."""

GREY_CHROMA: Final = 1.5
"""Mean distance of the chroma from grey, in levels, below which a picture has no colour. Infrared
pictures have 0 to 0.5, colour ones 3 and more."""


class PictureLooker:
    """Looks at one camera's pictures; keeps the checksums of the last one, and no pixel."""

    def __init__(self) -> None:
        self._sums: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())

    def look(self, i420: NDArray[np.uint8]) -> PictureFacts:
        """Measure one picture.

        Args:
            i420: uint8 ``(height * 3 // 2, width)``, contiguous.
        """
        width_px = i420.shape[1]
        height_px = i420.shape[0] * 2 // 3
        luma = i420[:height_px]
        cut = round(height_px * MARGIN_SHARE)
        middle = luma[cut : height_px - cut]
        small = halved(middle, halvings_for(height_px, width_px))
        mean, deviation = cv2.meanStdDev(small)
        gradient = _gradient(small)
        rows, columns = SKETCH_SHAPE
        cells = cv2.resize(gradient, (columns, rows), interpolation=cv2.INTER_AREA)
        chroma = i420[height_px:].reshape(-1)
        sketch = np.minimum(SKETCH_SCALE * np.sqrt(cells), 255.0)
        return PictureFacts(
            brightness_grey=float(mean[0, 0]),
            contrast_grey=float(deviation[0, 0]),
            sharpness_grey=float(cv2.norm(gradient) / math.sqrt(gradient.size)),
            structure=float((cells >= MIN_EDGE_GREY).mean()),
            is_grey=_is_grey(chroma),
            same=self._same(middle, small),
            sketch=np.rint(sketch).astype(np.uint8).tobytes(),
        )

    def _same(self, middle: Luma, small: Luma) -> float | None:
        """Share of the tiles with content that are exactly as they were."""
        shape = middle.shape
        sums, has_content = [], []
        for place, part in zip(_tiles(middle), _tiles(small), strict=True):
            sums.append(zlib.crc32(place.tobytes()))
            has_content.append(bool(part.std() >= MIN_TILE_GREY) if part.size else False)
        before, self._sums = self._sums, (shape, tuple(sums))
        if before[0] != shape or not any(has_content):
            return None
        pairs = zip(before[1], sums, has_content, strict=True)
        alike = [one == other for one, other, counts in pairs if counts]
        return sum(alike) / len(alike)


def _gradient(small: Luma) -> NDArray[np.float32]:
    """Length of the gradient (Sobel, as a central difference) in grey levels per pixel."""
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _is_grey(chroma: NDArray[np.uint8]) -> bool:
    distance = cv2.absdiff(chroma[::4], np.full(chroma[::4].shape, 128, np.uint8))
    return float(np.mean(distance)) < GREY_CHROMA


def _tiles(picture: Luma) -> list[Luma]:
    rows, columns = TILES
    height, width = picture.shape
    return [
        picture[
            row * height // rows : (row + 1) * height // rows,
            column * width // columns : (column + 1) * width // columns,
        ]
        for row in range(rows)
        for column in range(columns)
    ]
