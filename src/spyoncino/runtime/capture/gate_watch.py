"""The motion detector beside the gate, which hears of every measurement.

Key frames are compared with the background before anybody learns from them.
"""

import numpy as np
from av.video.frame import VideoFrame

from spyoncino.detectors.motion_spec import Luma, MotionDetector, MotionFacts
from spyoncino.media.pictures import I420Converter
from spyoncino.runtime.capture.idle_gate import IdleGate


class GateWatch:
    """A motion detector that tells a gate what it measures.

    Args:
        motion: Measures.
        gate: Is told.
        size_px: Width and height of the analysis pictures.
    """

    def __init__(self, motion: MotionDetector, gate: IdleGate, size_px: tuple[int, int]) -> None:
        self._motion = motion
        self._gate = gate
        width_px, self._height_px = size_px
        self._converter = I420Converter(width_px, self._height_px)
        self._picture = np.empty((self._height_px * 3 // 2, width_px), np.uint8)

    def measure(self, luma: Luma, pts_s: float) -> MotionFacts:
        """See ``MotionDetector.measure``; what nobody can tell yet counts as motion."""
        facts = self._motion.measure(luma, pts_s)
        is_moving = facts.calibrating or facts.light_change or bool(facts.regions)
        self._gate.note_motion(pts_s, is_moving=is_moving)
        return facts

    def glance(self, luma: Luma) -> bool:
        """See ``MotionDetector.glance``."""
        return self._motion.glance(luma)

    def sees_change(self, picture: VideoFrame) -> bool:
        """Whether a decoded picture differs from the background; learns nothing.

        Raises:
            MediaError: The picture cannot be converted.
        """
        self._converter.write(picture, self._picture)
        return self._motion.glance(self._picture[: self._height_px])
