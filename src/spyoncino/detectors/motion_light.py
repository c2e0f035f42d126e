"""Tells a light change from a thing: light keeps the structure of a picture, a thing replaces it.

Tile by tile the zero-mean normalised correlation of the picture with its background is taken. A
lamp, a cloud or the exposure control scales grey levels, so edges stay where they were and the
correlation stays near 1. A person who steps up to the lens covers edges with others.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.motion_grid import halved
from spyoncino.detectors.motion_spec import Luma

LIGHT_CHECK_SHARE = 0.3
"""Changed share of the picture from which on a light is considered at all."""

LIGHT_SUDDEN_S = 1.0
"""A light is considered only this long after the picture was last calm: lamps switch at once, and
later the background has begun to look like whatever stands in front of it."""

TILE_HALVINGS = 3
"""Tiles of 8x8 grid pixels: enough pixels for a correlation, small enough to lie on one thing."""

MIN_TEXTURE_GREY = 3.0
"""Standard deviation in grey levels from which on a tile has a structure to compare. Halving the
picture twice divides sensor noise of 8 grey levels by 4."""

KEPT_CORRELATION = 0.6
"""Correlation from which on a tile kept its structure. Tiles of unrelated
noise would lie around 0 with a deviation of 1/sqrt(64) = 0.13; soft pictures spread wider. Gains
of 0.5 to 1.6 and offsets of 40 on real pictures were all taken for light at this value."""

REPLACED_CORRELATION = 0.3
"""Correlation below which, in changed light, something else is there now."""

MIN_VOTES = 12
"""Textured tiles that must have changed before anything is said about light."""

KEPT_SHARE = 0.5
"""Share of the changed textured tiles that must have kept their structure. Pasted
persons who cover 0.6 to 1.0 of a real picture's width stayed below it, lights above."""

DARK_GREY = 24.0
"""Mean below which a picture that lost all structure is called dark (light switched off)."""

_DARK_DEVIATION_GREY = 6.0


@dataclass(frozen=True, slots=True)
class LightVerdict:
    """What the comparison said.

    Args:
        is_light: The change is one of light.
        replaced: Grid-sized map, 255 where the structure was replaced even so: things.
    """

    is_light: bool
    replaced: NDArray[np.uint8]


def judge_light(
    small: Luma, background: Luma, changed: NDArray[np.uint8], allowed: NDArray[np.uint8]
) -> LightVerdict:
    """Compare structures where the picture changed; all arrays are grid-sized.

    Args:
        small: The picture.
        background: What it is compared with.
        changed: 255 where pixels differ.
        allowed: 255 where the picture is looked at.
    """
    if min(small.shape) < 1 << TILE_HALVINGS:
        return LightVerdict(is_light=False, replaced=changed)
    first = small.astype(np.float32)
    second = background.astype(np.float32)
    mean_first, mean_second = _tile_means(first), _tile_means(second)
    variance_first = _tile_means(first * first) - mean_first * mean_first
    variance_second = _tile_means(second * second) - mean_second * mean_second
    covariance = _tile_means(first * second) - mean_first * mean_second
    scale = np.sqrt(np.maximum(variance_first * variance_second, 1e-3))
    is_changed = _tile_means(changed) > 64
    is_textured = variance_second > MIN_TEXTURE_GREY**2
    is_voting = is_changed & is_textured
    correlation = covariance / scale
    is_kept = is_voting & (correlation > KEPT_CORRELATION)
    votes = int(is_voting.sum())
    is_light = votes >= MIN_VOTES and int(is_kept.sum()) >= KEPT_SHARE * votes
    if not is_light and _is_dark(small, allowed):
        return LightVerdict(is_light=True, replaced=np.zeros_like(changed))
    has_structure = is_textured | (variance_first > MIN_TEXTURE_GREY**2)
    has_thing = is_changed & has_structure & (correlation < REPLACED_CORRELATION)
    tiles = cv2.resize(
        has_thing.astype(np.uint8) * 255, small.shape[::-1], interpolation=cv2.INTER_NEAREST
    )
    replaced = np.asarray(cv2.bitwise_and(tiles, changed), np.uint8)
    return LightVerdict(is_light=is_light, replaced=replaced)


def _tile_means(values: NDArray[Any]) -> NDArray[Any]:
    return halved(values, TILE_HALVINGS)


def _is_dark(small: Luma, allowed: NDArray[np.uint8]) -> bool:
    mean, deviation = cv2.meanStdDev(small, mask=allowed)
    return float(mean[0, 0]) < DARK_GREY and float(deviation[0, 0]) < _DARK_DEVIATION_GREY
