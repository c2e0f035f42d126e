"""Things that move in front of the drawn door: cut-outs with a soft edge, and how they are laid in.

Nothing here draws; ``figures`` makes the cut-outs.
"""

from dataclasses import dataclass
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import SourceError

Picture = NDArray[np.uint8]
"""uint8 of shape ``(height, width, 3)`` (BGR) or ``(height, width, 4)`` (BGR and opacity)."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a sprite is laid: the middle of its foot line and its height, all in pixels."""

    foot_x: float
    foot_y: float
    height: float


class Sprite:
    """A cut-out, prepared at halving sizes so that shrinking it each frame is cheap and smooth.

    Args:
        picture: uint8 ``(height, width, 4)``.
    """

    def __init__(self, picture: Picture) -> None:
        self._levels: list[Picture] = [_premultiplied(picture)]
        while min(self._levels[-1].shape[:2]) > 32:
            height, width = self._levels[-1].shape[:2]
            self._levels.append(shrunk(self._levels[-1], width // 2, height // 2))
        self._aspect = picture.shape[1] / picture.shape[0]

    def lay(self, canvas: Picture, place: Placement) -> tuple[int, int, int, int] | None:
        """Draw it over a BGR canvas.

        Returns:
            Left, top, right, bottom of what was changed, in pixels; ``None`` if it is all outside.
        """
        height = max(2, round(place.height))
        width = max(2, round(place.height * self._aspect))
        left, top = round(place.foot_x - width / 2), round(place.foot_y - height)
        inner_left, inner_top = max(0, left), max(0, top)
        inner_right = min(canvas.shape[1], left + width)
        inner_bottom = min(canvas.shape[0], top + height)
        if inner_left >= inner_right or inner_top >= inner_bottom:
            return None
        scaled = cv2.resize(self._level(height), (width, height), interpolation=cv2.INTER_LINEAR)
        part = scaled[inner_top - top : inner_bottom - top, inner_left - left : inner_right - left]
        target = canvas[inner_top:inner_bottom, inner_left:inner_right]
        through = cv2.merge([cv2.bitwise_not(part[:, :, 3])] * 3)
        behind = cv2.multiply(target, through, scale=1 / 255)
        cv2.add(behind, np.ascontiguousarray(part[:, :, :3]), dst=behind)
        np.copyto(target, behind)
        return inner_left, inner_top, inner_right, inner_bottom

    def _level(self, height: int) -> Picture:
        """The smallest prepared size that still has to be shrunk."""
        return next((p for p in reversed(self._levels) if p.shape[0] >= height), self._levels[0])


def shrunk(picture: Picture, width: int, height: int) -> Picture:
    """The picture made smaller, smoothly."""
    smaller = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, dtype=np.uint8)


def demo_picture(name: str) -> Picture:
    """A cut-out that comes with the program, uint8 ``(height, width, 4)``.

    Raises:
        SourceError: It is not there; the installation is incomplete.
    """
    file = files("spyoncino").joinpath("assets", "demo", name)
    try:
        data = np.frombuffer(file.read_bytes(), np.uint8)
    except OSError as error:
        raise SourceError(f"The picture {name} of the simulator is missing: reinstall.") from error
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), dtype=np.uint8)


def _premultiplied(picture: Picture) -> Picture:
    """Colours times opacity, which is what may be scaled and added without dark seams."""
    opacity = cv2.merge([picture[:, :, 3]] * 3)
    colours = cv2.multiply(np.ascontiguousarray(picture[:, :, :3]), opacity, scale=1 / 255)
    return np.dstack([colours, picture[:, :, 3]])
