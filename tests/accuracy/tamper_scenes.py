# ruff: noqa: ARG001 -- every disturbance takes the same arguments
"""Real clips, and what happens to a camera's picture by accident, weather or a hand.

A disturbance is a function of a picture and the seconds since it began.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.picture_judge import PictureFault

I420 = NDArray[np.uint8]
Disturb = Callable[[I420, float, np.random.Generator], I420]

KEPT_PICTURES = 16
MAX_WIDTH_PX = 480
"""Larger pictures are halved once more before they are looked at, and only cost time here."""


def clip_paths(folder: Path) -> list[Path]:
    """Every real clip, visitors included."""
    return sorted([*folder.glob("*.mp4"), *folder.glob("*.avi"), *folder.glob("visitors/*.mkv")])


def pictures_of(path: Path) -> list[I420]:
    """Up to ``KEPT_PICTURES`` pictures of a clip, evenly spaced, as I420."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    chosen = np.linspace(0, len(frames) - 1, min(KEPT_PICTURES, len(frames))).astype(int)
    return [
        frames[index]
        .reformat(
            width=min(MAX_WIDTH_PX, frames[index].width // 2 * 2),
            height=_even(frames[index].height * min(1.0, MAX_WIDTH_PX / frames[index].width)),
            format="yuv420p",
        )
        .to_ndarray()
        for index in chosen
    ]


def _even(value: float) -> int:
    return round(value / 2) * 2


# --- what may not be told -------------------------------------------------------------------------


def _luma(picture: I420) -> NDArray[np.uint8]:
    return picture[: picture.shape[0] * 2 // 3]


def _with_luma(picture: I420, luma: NDArray[np.float32] | I420, colour: float = 1.0) -> I420:
    out = picture.copy()
    height = picture.shape[0] * 2 // 3
    out[:height] = np.clip(luma, 16, 235).astype(np.uint8)
    chroma = (out[height:].astype(np.float32) - 128) * colour + 128
    out[height:] = chroma.astype(np.uint8)
    return out


def _noise(luma: NDArray[np.floating[Any]], sigma: float, rng: np.random.Generator) -> I420:
    noise = np.empty(luma.shape, np.float32)
    rng.standard_normal(dtype=np.float32, out=noise)
    noise *= sigma
    return np.asarray(np.clip(luma + noise, 16, 235), np.uint8)


def nothing(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """The clip as it is."""
    return picture


def running_clock(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """The camera writes the time into each picture."""
    return frozen_clock(picture, at_s, rng)


def nightfall(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Light goes to a hundredth in 20 minutes, then the sensor's noise is left."""
    gain = 0.01 ** min(1.0, at_s / 1200)
    luma = 16 + (_luma(picture).astype(np.float32) - 16) * gain
    return _with_luma(picture, _noise(luma, 2.0, rng), gain)


def lamp_off(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """A lamp goes out: a twelfth of the light, noise, for the rest of the night."""
    luma = 16 + (_luma(picture).astype(np.float32) - 16) / 12
    return _with_luma(picture, _noise(luma, 3.0, rng), 0.1)


def infrared(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """The camera switches to infrared: no colour, lit from beside the lens, far things dark."""
    luma = _luma(picture).astype(np.float32)
    height, width = luma.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    near = np.exp(-(((x / width - 0.5) / 0.38) ** 2) - ((y / height - 0.65) / 0.4) ** 2)
    lit = np.asarray(20 + np.maximum(luma - 16, 0) ** 0.85 * 1.9 * (0.12 + near), np.float32)
    return _with_luma(picture, _noise(lit, 3.0, rng), 0.0)


def dusk(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """It gets dark for 15 minutes, then the camera switches to infrared."""
    return infrared(picture, at_s, rng) if at_s > 900 else nightfall(picture, at_s, rng)


def low_sun(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """The sun shines into the lens: the upper left is burnt out, the rest flat and dark."""
    luma = _luma(picture).astype(np.float32)
    height, width = luma.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    glare = np.exp(-(((x / width - 0.3) / 0.3) ** 2) - ((y / height - 0.2) / 0.4) ** 2)
    return _with_luma(picture, _noise(0.4 * luma + 30 + 260 * glare, 1.0, rng), 0.6)


def day_and_infrared(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """To infrared and back every five minutes, as cameras do at dusk."""
    return infrared(picture, at_s, rng) if at_s % 600 < 300 else picture


def headlights(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Two lamps shine into the lens for 40 s of every 100 s and the exposure goes down."""
    if at_s % 100 > 40:
        return picture
    luma = _luma(picture).astype(np.float32) * 0.5
    height, width = luma.shape
    for x in (0.4, 0.6):
        glare = np.zeros((height, width), np.float32)
        cv2.circle(glare, (int(x * width), int(0.55 * height)), width // 12, 255.0, -1)
        luma = luma + 1.5 * cv2.GaussianBlur(glare, (0, 0), width / 16)
    return _with_luma(picture, luma, 0.5)


def fog(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Contrast goes to a tenth in ten minutes and stays there."""
    left = 0.1 ** min(1.0, at_s / 600)
    luma = 150 + (_luma(picture).astype(np.float32) - 150) * left
    return _with_luma(picture, _noise(luma, 1.0, rng), left)


def rain(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Streaks over all of the picture, a third of the contrast gone."""
    luma = 110 + (_luma(picture).astype(np.float32) - 110) * 0.66
    height, width = luma.shape
    for _ in range(400):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        cv2.line(luma, (x, y), (x - 3, y + height // 15), float(rng.integers(150, 210)), 1)
    return _with_luma(picture, luma, 0.7)


def snow(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Flakes, and the lower half of the ground turns white within ten minutes."""
    luma = _luma(picture).astype(np.float32)
    height, width = luma.shape
    cover = 0.85 * min(1.0, at_s / 600)
    luma[height // 2 :] = luma[height // 2 :] * (1 - cover) + 215 * cover
    for _ in range(150):
        place = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(luma, place, int(rng.integers(1, max(2, width // 120))), 230.0, -1)
    return _with_luma(picture, luma, 0.8)


def van(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """A white van stands before 60 % of the picture for 20 minutes."""
    luma = _luma(picture).copy()
    height, width = luma.shape
    if at_s < 1200:
        left = int(width * 0.2)
        cv2.rectangle(luma, (left, int(height * 0.1)), (width, int(height * 0.85)), 205, -1)
        cv2.rectangle(luma, (left, int(height * 0.2)), (int(width * 0.4), height // 2), 60, -1)
    return _with_luma(picture, luma)


def leaf(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Something lies on the lens for 60 s of every 5 minutes."""
    return cloth(picture, at_s, rng) if at_s % 300 < 60 else picture


def exposure(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """The exposure jumps by a random factor from look to look."""
    gain = float(rng.uniform(0.45, 1.8))
    return _with_luma(picture, 16 + (_luma(picture).astype(np.float32) - 16) * gain)


def swaying(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """The pole sways by 1.5 % of the width."""
    width = picture.shape[1]
    by = rng.uniform(-0.015, 0.015, 2) * width
    return _moved(picture, np.array([[1, 0, by[0]], [0, 1, by[1]]], np.float32))


# --- what must be told ----------------------------------------------------------------------------


def hand(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """A hand over the lens: a tenth of the light, a soft gradient of it."""
    height, width = _luma(picture).shape
    glow = np.linspace(28, 52, width, dtype=np.float32)[None, :].repeat(height, 0)
    return _with_luma(picture, _noise(glow, 1.5, rng), 0.3)


def cloth(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """A light cloth: a little of the scene shines through, blurred."""
    luma = _luma(picture).astype(np.float32)
    soft = cv2.GaussianBlur(luma, (0, 0), luma.shape[1] / 20)
    return _with_luma(picture, _noise(120 + 0.2 * (soft - 128), 1.5, rng), 0.3)


def paint(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Sprayed or greased: light comes through, no edge does; the clock in the picture stays."""
    luma = _luma(picture).astype(np.float32)
    soft = cv2.GaussianBlur(luma, (0, 0), luma.shape[1] / 32)
    painted = _noise(0.6 * soft + 40, 1.0, rng)
    text = f"2026-06-10 12:{int(at_s) // 60:02d}:{int(at_s) % 60:02d}"
    cv2.putText(painted, text, (8, luma.shape[0] // 16), 0, luma.shape[1] / 900, 235, 2)
    return _with_luma(picture, painted, 0.5)


def _moved(picture: I420, matrix: NDArray[np.float32]) -> I420:
    height, width = _luma(picture).shape
    border = cv2.BORDER_REFLECT_101
    luma = cv2.warpAffine(_luma(picture), matrix, (width, height), borderMode=border)
    return _with_luma(picture, np.asarray(luma, np.uint8))


def shifted(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Turned by a quarter of the picture; what comes in is the mirrored rim."""
    width = picture.shape[1]
    return _moved(picture, np.array([[1, 0, -0.25 * width], [0, 1, 0]], np.float32))


def rotated(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Tilted by 30 degrees and down by 15 %."""
    height, width = _luma(picture).shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 30, 1.0).astype(np.float32)
    matrix[1, 2] -= 0.15 * height
    return _moved(picture, matrix)


def black(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Black but for the sensor's noise."""
    return _with_luma(picture, _noise(np.full(_luma(picture).shape, 16, np.float32), 1.5, rng), 0)


def frozen_clock(picture: I420, at_s: float, rng: np.random.Generator) -> I420:
    """Always the same picture but for the clock in it; ``scene`` gives the same picture."""
    luma = _luma(picture).copy()
    text = f"12:{int(at_s) // 60:02d}:{int(at_s) % 60:02d}"
    cv2.putText(luma, text, (8, luma.shape[0] // 16), 0, luma.shape[1] / 900, 235, 2)
    return _with_luma(picture, luma)


NATURAL: dict[str, Disturb] = {
    each.__name__: each
    for each in (
        nothing, running_clock, nightfall, lamp_off, infrared, dusk, day_and_infrared, low_sun,
        headlights, fog, rain, snow, van, leaf, exposure, swaying,
    )
}  # fmt: skip
NIGHTLY = {"nightfall", "lamp_off", "dusk"}
"""What would be told at an hour at which it was never so on former days."""

LONG = ("nightfall", "lamp_off", "infrared", "fog", "van", "snow")
"""What may stay for the whole night."""

TAMPERED: dict[str, tuple[Disturb, PictureFault]] = {
    "hand": (hand, PictureFault.COVERED),
    "cloth": (cloth, PictureFault.COVERED),
    "paint": (paint, PictureFault.COVERED),
    "shifted": (shifted, PictureFault.MOVED),
    "rotated": (rotated, PictureFault.MOVED),
    "frozen": (frozen_clock, PictureFault.FROZEN),
    "dark": (black, PictureFault.DARK),
}
