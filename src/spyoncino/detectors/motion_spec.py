"""What a motion detector is asked for and what it answers: settings, facts, the protocol.

It runs in the capture process beside the decoder, on the luma plane only; therefore nothing here
or in the other ``motion_*`` files imports more than NumPy and OpenCV.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from spyoncino.geometry.boxes import Box

Luma = NDArray[np.uint8]
"""``(height, width)`` uint8, full range or video range; any row stride."""

Polygon = tuple[tuple[float, float], ...]
"""Corners as (x, y), normalised to 0..1 of the whole picture; at least three."""

MotionMethod = Literal["average", "mog2", "off"]


@dataclass(frozen=True, slots=True)
class MotionSpec:
    """Settings of one camera's motion detector.

    Args:
        method: ``average`` compares with a running average, ``mog2`` with a mixture of Gaussians
            per pixel (learns repeated movement better, costs about three times as much), ``off``
            runs no detector.
        sensitivity: 0 (only strong changes) .. 1 (faint ones too).
        min_area: Smallest thing that counts, as a fraction of the picture's area.
        absorb_s: Seconds after which something that stands still belongs to the background.
    """

    method: MotionMethod = "average"
    sensitivity: float = 0.5
    min_area: float = 0.0001
    absorb_s: float = 20.0

    def __post_init__(self) -> None:
        """Refuse values outside their range.

        Raises:
            ValueError: One sentence that names the setting, its value and what would be right.
        """
        if self.method not in ("average", "mog2", "off"):
            raise ValueError(f"motion method {self.method!r} is unknown: use average, mog2 or off")
        if not 0.0 <= self.sensitivity <= 1.0:
            raise ValueError(f"motion sensitivity {self.sensitivity} is outside 0..1")
        if not 0.0 <= self.min_area < 1.0:
            raise ValueError(f"motion min_area {self.min_area} is outside 0..1 (of the picture)")
        if self.absorb_s <= 0.0:
            raise ValueError(f"motion absorb_s {self.absorb_s} must be longer than 0 seconds")


@dataclass(frozen=True, slots=True)
class MotionFacts:
    """What moved in one frame compared with the background; picklable.

    Args:
        score: Changed area as a fraction of the unmasked picture, 0..1.
        regions: Boxes around what moved, largest first, normalised; empty when nothing did.
        light_change: The whole picture changed at once and kept its structure: a light, not a
            thing. ``regions`` then holds only what changed its structure as well.
        calibrating: The background is still being learned; ``regions`` is empty.
        noise: Typical difference of an unchanged pixel from the background, in grey levels.
    """

    score: float
    regions: tuple[Box, ...] = ()
    light_change: bool = False
    calibrating: bool = False
    noise: float = 0.0


class MotionDetector(Protocol):
    """Learns one camera's background. One instance per camera, not thread-safe."""

    def measure(self, luma: Luma, pts_s: float) -> MotionFacts:
        """Compare one picture with the background, then learn from it.

        Args:
            luma: The picture's luma plane; its size may change, which starts calibration again.
            pts_s: Time of the picture in seconds; learning follows time, not the frame count, and
                a jump back or of more than a few seconds is taken as one frame.
        """
        ...

    def glance(self, luma: Luma) -> bool:
        """Whether ``measure`` would see something in a picture; learns nothing.

        True also while nobody can say: before the background is known, and after a change of size.

        Args:
            luma: The picture's luma plane.
        """
        ...
