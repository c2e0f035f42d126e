"""Fitting a picture into a model's input without distorting it, and the way back for boxes."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.base import Image

PAD_GREY: Final = 114
"""Grey of the bars, 0..255: what the YOLO family and NanoDet saw around pictures in training."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture lies inside the model's input, in pixels of the input."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int

    def to_picture(self, boxes_px: NDArray[np.float32]) -> NDArray[np.float64]:
        """Boxes of the input as boxes of the picture.

        Args:
            boxes_px: ``(n, 4)`` left, top, right, bottom in pixels of the input.

        Returns:
            ``(n, 4)`` float64, normalised to the picture and clipped to 0..1.
        """
        origin = np.array([self.left_px, self.top_px] * 2, dtype=np.float64)
        size = np.array([self.width_px, self.height_px] * 2, dtype=np.float64)
        return np.clip((boxes_px - origin) / size, 0.0, 1.0)

    def points_to_picture(self, points_px: NDArray[np.float32]) -> NDArray[np.float64]:
        """Points of the input as points of the picture.

        Args:
            points_px: ``(..., 2)`` x and y in pixels of the input.

        Returns:
            The same shape, float64, normalised to the picture; a point outside of it stays there,
            below 0 or above 1.
        """
        origin = np.array([self.left_px, self.top_px], dtype=np.float64)
        size = np.array([self.width_px, self.height_px], dtype=np.float64)
        return np.asarray((points_px - origin) / size, np.float64)


def letterbox(
    image: Image, width_px: int, height_px: int, *, centred: bool = True
) -> tuple[Image, Placement]:
    """Scale a picture to fit, keep its proportions, fill the rest with grey.

    Pictures more than twice too large are first halved by averaging, so that thin far-away things
    do not vanish between samples; averaging all the way costs ten times as much and finds nothing
    more (3.5 ms against 0.4 ms from 1280x720 to 416).

    Args:
        image: ``(h, w, 3)`` uint8, any size from 1x1.
        width_px: Width of the result.
        height_px: Height of the result.
        centred: Even bars on both sides; else the picture lies in the upper left corner.

    Returns:
        ``(height_px, width_px, 3)`` uint8, and where the picture lies in it.
    """
    source_height, source_width = image.shape[:2]
    scale = min(width_px / source_width, height_px / source_height)
    fitted_width = min(width_px, max(1, round(source_width * scale)))
    fitted_height = min(height_px, max(1, round(source_height * scale)))
    left = (width_px - fitted_width) // 2 if centred else 0
    top = (height_px - fitted_height) // 2 if centred else 0
    canvas = np.full((height_px, width_px, 3), PAD_GREY, dtype=np.uint8)
    canvas[top : top + fitted_height, left : left + fitted_width] = cv2.resize(
        _halved(image, fitted_width, fitted_height),
        (fitted_width, fitted_height),
        interpolation=cv2.INTER_LINEAR,
    )
    return canvas, Placement(left, top, fitted_width, fitted_height)


def _halved(image: Image, width_px: int, height_px: int) -> Image:
    while image.shape[1] >= 2 * width_px and image.shape[0] >= 2 * height_px:
        half = (max(1, image.shape[1] // 2), max(1, image.shape[0] // 2))
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    return image


def fill_planes(
    planes: NDArray[np.float32],
    fitted: Image,
    *,
    is_rgb: bool,
    scale: NDArray[np.floating[Any]],
    shift: NDArray[np.floating[Any]],
) -> None:
    """Write a fitted picture into a model's input, one plane for each channel.

    Args:
        planes: ``(3, height, width)``, filled with ``pixel * scale + shift``; may be a view.
        fitted: ``(height, width, 3)`` uint8 BGR.
        is_rgb: The model wants red first.
        scale: One factor for each plane.
        shift: Added after that, one for each plane.
    """
    channels = cv2.split(fitted)
    ordered = channels[::-1] if is_rgb else channels
    for plane, channel, factor, offset in zip(planes, ordered, scale, shift, strict=True):
        np.multiply(channel, factor, out=plane)
        if offset:
            np.add(plane, offset, out=plane)
