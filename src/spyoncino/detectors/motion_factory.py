"""Builds the motion detector that a camera's settings ask for."""

from collections.abc import Sequence

from spyoncino.detectors.motion_average import AverageMotionDetector
from spyoncino.detectors.motion_mog2 import Mog2MotionDetector
from spyoncino.detectors.motion_spec import MotionDetector, MotionSpec, Polygon


def build_motion_detector(spec: MotionSpec, masks: Sequence[Polygon] = ()) -> MotionDetector | None:
    """A fresh detector for one camera, or ``None`` when motion is off.

    Args:
        spec: The camera's motion settings.
        masks: Parts of the picture in which nothing is looked at.

    Raises:
        ValueError: A mask has fewer than three corners.
    """
    if spec.method == "off":
        return None
    if spec.method == "mog2":
        return Mog2MotionDetector(spec, masks)
    return AverageMotionDetector(spec, masks)
