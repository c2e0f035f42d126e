"""Motion by a mixture of Gaussians per pixel (Zivkovic 2004), as OpenCV has it.

Several states a pixel changes between, such as leaf and sky, are all background. That costs about
three times what the running average costs, and sees an exposure that drifts as motion.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from spyoncino.detectors.motion_grid import MotionGrid
from spyoncino.detectors.motion_light import LIGHT_CHECK_SHARE, LIGHT_SUDDEN_S, judge_light
from spyoncino.detectors.motion_spec import Luma, MotionFacts, MotionSpec, Polygon

VARIANCE_LIMIT = 32.0
"""Squared distance in deviations from which on a pixel is new, at sensitivity 0; 16 (OpenCV's own
default) at 0.5 and 8 at 1."""

ABSORB_WEIGHT = 0.1
"""Weight from which on a state is background: OpenCV takes the strongest states up to 0.9."""

CALIBRATION_S = 2.0
CALIBRATION_FRAMES = 10
"""Variances need more frames than an average."""

MAX_STEP_S = 2.0
_SAMPLE_PX = 1024


class Mog2MotionDetector:
    """The mixture of Gaussians; see the module and ``MotionDetector``.

    Args:
        spec: The camera's motion settings.
        masks: Parts of the picture in which nothing is looked at.
    """

    def __init__(self, spec: MotionSpec, masks: Sequence[Polygon] = ()) -> None:
        self._spec = spec
        self._masks = tuple(masks)
        self._grid = MotionGrid(1, 1, self._masks, spec.min_area)
        self._model = self._new_model()
        self._memory_s = spec.absorb_s / -math.log(1.0 - ABSORB_WEIGHT)
        self._frames = 0
        self._started_s = self._last_s = self._calm_s = 0.0
        self._noise = 0.0
        self._is_calibrating = True

    def measure(self, luma: Luma, pts_s: float) -> MotionFacts:
        """See ``MotionDetector.measure``."""
        if self._frames == 0 or luma.shape != self._grid.source_shape:
            return self._begin(luma, pts_s)
        self._frames += 1
        step_s = min(max(pts_s - self._last_s, 0.0), MAX_STEP_S)
        self._last_s = pts_s
        is_calibrating = self._frames <= CALIBRATION_FRAMES or (
            0.0 <= pts_s - self._started_s < CALIBRATION_S
        )
        self._is_calibrating = is_calibrating
        small = self._grid.shrink(luma)
        rate = 1.0 / self._frames if is_calibrating else 1.0 - math.exp(-step_s / self._memory_s)
        changed = np.asarray(self._model.apply(small, learningRate=rate), np.uint8)
        cv2.bitwise_and(changed, self._grid.allowed, dst=changed)
        score = self._grid.changed_share(changed)
        is_light = False
        if score <= LIGHT_CHECK_SHARE:
            self._calm_s = pts_s
        elif pts_s - self._calm_s <= LIGHT_SUDDEN_S and not is_calibrating:
            background = np.asarray(self._model.getBackgroundImage(), np.uint8)
            verdict = judge_light(small, background, changed, self._grid.allowed)
            if verdict.is_light:
                is_light = True
                changed = verdict.replaced
                self._model = self._new_model()
                self._model.apply(small, learningRate=1.0)
        self._measure_noise(small)
        regions = () if is_calibrating else self._grid.regions(changed)
        return MotionFacts(score, regions, is_light, is_calibrating, self._noise)

    def glance(self, luma: Luma) -> bool:
        """See ``MotionDetector.glance``."""
        if self._is_calibrating or luma.shape != self._grid.source_shape:
            return True
        changed = np.asarray(self._model.apply(self._grid.shrink(luma), learningRate=0), np.uint8)
        cv2.bitwise_and(changed, self._grid.allowed, dst=changed)
        return bool(self._grid.regions(changed))

    def _new_model(self) -> cv2.BackgroundSubtractorMOG2:
        limit = VARIANCE_LIMIT * 4.0**-self._spec.sensitivity
        return cv2.createBackgroundSubtractorMOG2(varThreshold=limit, detectShadows=False)

    def _begin(self, luma: Luma, pts_s: float) -> MotionFacts:
        self._grid = MotionGrid(luma.shape[0], luma.shape[1], self._masks, self._spec.min_area)
        small = self._grid.shrink(luma)
        self._model = self._new_model()
        self._model.apply(small, learningRate=1.0)
        step = max(1, math.isqrt(small.size // _SAMPLE_PX))
        self._sample = (slice(step // 2, None, step), slice(step // 2, None, step))
        self._previous = small[self._sample].copy()
        self._frames = 1
        self._is_calibrating = True
        self._started_s = self._last_s = self._calm_s = pts_s
        return MotionFacts(0.0, calibrating=True)

    def _measure_noise(self, small: Luma) -> None:
        """Follow the typical difference between neighbouring frames on a sample of the pixels."""
        now = small[self._sample].copy()
        step = float(np.median(cv2.absdiff(now, self._previous)))
        self._noise += (step - self._noise) / 8
        self._previous = now
