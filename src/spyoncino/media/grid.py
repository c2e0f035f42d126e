"""A picture with a grid of coordinates, from which the corners of zones are read."""

import cv2
import numpy as np
from numpy.typing import NDArray

PARTS = 10
"""Lines are a tenth of the picture apart: zones are written in 0..1 with one or two digits."""

LIGHT = (255, 255, 255)
DARK = (0, 0, 0)
MIN_LABEL_PX = 320
"""Narrower pictures get lines without numbers, which would cover them."""


def with_grid(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy with lines at every tenth, their coordinates written along the top and left edges.

    Args:
        bgr: uint8 of shape ``(height, width, 3)``.
    """
    out = bgr.copy()
    height_px, width_px = out.shape[:2]
    thick = max(1, round(height_px / 720))
    for part in range(1, PARTS):
        x, y = round(part * width_px / PARTS), round(part * height_px / PARTS)
        for colour, width in ((DARK, thick + 2), (LIGHT, thick)):
            cv2.line(out, (x, 0), (x, height_px), colour, width)
            cv2.line(out, (0, y), (width_px, y), colour, width)
    if width_px >= MIN_LABEL_PX:
        for part in range(1, PARTS):
            x, y = round(part * width_px / PARTS), round(part * height_px / PARTS)
            _write(out, f"{part / PARTS:.1f}", (x + 4 * thick, 18 * thick), thick)
            _write(out, f"{part / PARTS:.1f}", (3 * thick, y - 4 * thick), thick)
    return out


def _write(picture: NDArray[np.uint8], text: str, at: tuple[int, int], thick: int) -> None:
    for colour, width in ((DARK, 2 * thick + 1), (LIGHT, thick)):
        cv2.putText(
            picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6 * thick, colour, width, cv2.LINE_AA
        )
