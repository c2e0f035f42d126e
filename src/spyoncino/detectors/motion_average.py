"""Motion by comparison with a running average that knows each pixel's own unrest.

A pixel has changed when it lies outside what its neighbourhood in the background shows, by more
than a share of the picture's contrast plus a multiple of what it usually differs by. So a dark
picture needs a smaller change, a noisy one a larger one, and leaves that wave all day raise the
bar where they wave, only there.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from spyoncino.detectors.motion_grid import MotionGrid, add_levels
from spyoncino.detectors.motion_light import LIGHT_CHECK_SHARE, LIGHT_SUDDEN_S, judge_light
from spyoncino.detectors.motion_spec import Luma, MotionFacts, MotionSpec, Polygon

CONTRAST_SHARE = 0.16
"""Share of the contrast a change must have at sensitivity 0; 0.08 at 0.5 and 0.04 at 1. At 0.08 a
walker 40 px tall who differs by 30 grey levels is seen (benchmarks/bench_motion.py)."""

MIN_BASE_GREY = 6.0
MAX_BASE_GREY = 32.0
"""Limits of that share in grey levels: compression noise below, and above what a person in
clothes like the wall differs by."""

UNREST_FACTOR = 3.0
"""How many mean absolute differences a pixel must exceed; 3 are 2.4 standard deviations."""

UNREST_CAP_GREY = 16.0
"""A change counts as unrest with at most this much, so that one bright car does not blind."""

DRIFT_S = 8.0
"""Time constant at which the background follows what did not change (daylight)."""

UNREST_STILL_S = 10.0
UNREST_CHANGED_S = 20.0
"""Time constants of a pixel's unrest while it is still and while it is changed. Slower while
changed: somebody who waits at the door must not raise the bar for the next one by much."""

MAX_SHIFT_GREY = 12
"""A change of the whole picture's brightness up to this is the exposure control and taken out;
a larger one is judged as a light."""

CREEP_GREY_PER_S = 8.0
"""Where it changed, the background follows by this much: a camera that sways by a quarter of a
grid pixel per second changes an edge of 30 grey levels so fast, while somebody who stops for 2 s
leaves a ghost near the limit only (Manzanera 2004, sigma-delta)."""

LEARN_EVERY_S = 0.15
"""The background is learned at most this often: learning costs as much as looking."""

SURVEY_EVERY_S = 1.0
"""Contrast and noise change slowly and are measured this often, on a sample of the pixels."""

CALIBRATION_S = 1.0
CALIBRATION_FRAMES = 5
"""The background is trusted after this long and this many frames."""

MAX_STEP_S = 2.0
"""A longer step in time is learned from as if it were this long."""

NEIGHBOURHOOD = np.ones((3, 3), np.uint8)
"""A pixel is compared with the range of this neighbourhood in the background: a camera or a leaf
that trembles by a pixel, and a compression that moves edges, change nothing."""

_HEAT_FULL = 250
_HEAT_STEP = 8
_SAMPLE_PX = 1024


class AverageMotionDetector:
    """The running average; see the module and ``MotionDetector``.

    Args:
        spec: The camera's motion settings.
        masks: Parts of the picture in which nothing is looked at.
    """

    def __init__(self, spec: MotionSpec, masks: Sequence[Polygon] = ()) -> None:
        self._spec = spec
        self._masks = tuple(masks)
        self._contrast_share = CONTRAST_SHARE * 4.0**-spec.sensitivity
        self._grid = MotionGrid(1, 1, self._masks, spec.min_area)
        self._frames = 0
        self._is_calibrating = True

    def measure(self, luma: Luma, pts_s: float) -> MotionFacts:
        """See ``MotionDetector.measure``."""
        if self._frames == 0 or luma.shape != self._grid.source_shape:
            return self._begin(luma, pts_s)
        self._frames += 1
        is_calibrating = self._frames <= CALIBRATION_FRAMES or (
            0.0 <= pts_s - self._started_s < CALIBRATION_S
        )
        self._is_calibrating = is_calibrating
        small = self._grid.shrink(luma)
        self._compare(small)
        changed = self._changed
        score = self._grid.changed_share(changed)
        is_light = False
        if score <= LIGHT_CHECK_SHARE:
            self._calm_s = pts_s
        elif pts_s - self._calm_s <= LIGHT_SUDDEN_S and not is_calibrating:
            verdict = judge_light(small, self._expected, changed, self._grid.allowed)
            is_light = verdict.is_light
            if is_light:
                np.copyto(changed, verdict.replaced)
                self._take_over(small)
        self._learn(small, pts_s, is_calibrating=is_calibrating)
        regions = () if is_calibrating else self._grid.regions(changed)
        return MotionFacts(score, regions, is_light, is_calibrating, self._noise)

    def glance(self, luma: Luma) -> bool:
        """See ``MotionDetector.glance``."""
        if self._is_calibrating or luma.shape != self._grid.source_shape:
            return True
        self._compare(self._grid.shrink(luma))
        return bool(self._grid.regions(self._changed))

    def _begin(self, luma: Luma, pts_s: float) -> MotionFacts:
        self._grid = MotionGrid(luma.shape[0], luma.shape[1], self._masks, self._spec.min_area)
        small = self._grid.shrink(luma)
        shape = small.shape
        self._background = small.astype(np.float32)
        self._unrest = np.zeros(shape, np.float32)
        self._heat = np.zeros(shape, np.uint8)
        self._expected, self._upper, self._lower = (np.empty(shape, np.uint8) for _ in range(3))
        self._difference, self._below = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
        self._changed, self._still = np.zeros(shape, np.uint8), np.empty(shape, np.uint8)
        self._limit = np.empty(shape, np.uint8)
        step = max(1, math.isqrt(small.size // _SAMPLE_PX))
        self._sample = (slice(step // 2, None, step), slice(step // 2, None, step))
        self._frames = 1
        self._is_calibrating = True
        self._heat_due = self._creep_due = 0.0
        self._started_s = self._calm_s = self._learned_s = pts_s
        self._survey(small, pts_s)
        self._prepare()
        return MotionFacts(0.0, calibrating=True)

    # --- looking --------------------------------------------------------------------------------

    def _compare(self, small: Luma) -> None:
        """Fill ``_difference`` and ``_changed``."""
        upper, lower = self._upper, self._lower
        shift = self._brightness_shift(small)
        if 1 < abs(shift) <= MAX_SHIFT_GREY:
            upper, lower = add_levels(upper, shift), add_levels(lower, shift)
        cv2.subtract(small, upper, dst=self._difference)
        cv2.subtract(lower, small, dst=self._below)
        cv2.max(self._difference, self._below, dst=self._difference)
        cv2.compare(self._difference, self._limit, cv2.CMP_GT, dst=self._changed)
        cv2.bitwise_and(self._changed, self._grid.allowed, dst=self._changed)

    def _brightness_shift(self, small: Luma) -> int:
        """Whole grey levels by which most of the picture is brighter than the background.

        The median does not follow a thing until it covers half of the picture.
        """
        now, before = small[self._sample], self._expected[self._sample]
        steps = np.subtract(now, before, dtype=np.int16).ravel()
        middle = steps.size // 2
        steps.partition(middle)
        return int(steps[middle])

    # --- learning -------------------------------------------------------------------------------

    def _learn(self, small: Luma, pts_s: float, *, is_calibrating: bool) -> None:
        step_s = pts_s - self._learned_s
        if 0.0 <= step_s < LEARN_EVERY_S and not is_calibrating:
            return
        step_s = min(max(step_s, 0.0), MAX_STEP_S)
        self._learned_s = pts_s
        changed, still = self._changed, self._still
        cv2.bitwise_not(changed, dst=still)
        unrest = cv2.threshold(self._difference, UNREST_CAP_GREY, 0, cv2.THRESH_TRUNC)[1]
        if is_calibrating:
            weight = 1.0 / self._frames
            cv2.accumulateWeighted(small, self._background, weight)
            cv2.accumulateWeighted(unrest, self._unrest, weight)
        else:
            cv2.accumulateWeighted(small, self._background, _weight(step_s, DRIFT_S), still)
            cv2.accumulateWeighted(unrest, self._unrest, _weight(step_s, UNREST_STILL_S), still)
            cv2.accumulateWeighted(unrest, self._unrest, _weight(step_s, UNREST_CHANGED_S), changed)
            self._creep(small, step_s)
            self._absorb(small, step_s)
        if not 0.0 <= pts_s - self._surveyed_s < SURVEY_EVERY_S:
            self._survey(small, pts_s)
        self._prepare()

    def _creep(self, small: Luma, step_s: float) -> None:
        """Let what changed pull the background a little, by grey levels and not by a share."""
        self._creep_due += step_s * CREEP_GREY_PER_S
        levels = int(self._creep_due)
        if levels == 0:
            return
        self._creep_due -= levels
        pulled = cv2.max(small, add_levels(self._expected, -levels))
        pulled = cv2.min(pulled, add_levels(self._expected, levels))
        cv2.accumulateWeighted(pulled, self._background, 1.0, self._changed)

    def _absorb(self, small: Luma, step_s: float) -> None:
        """Count how long each pixel has been changed; take it over when it was long enough."""
        self._heat_due += step_s / self._spec.absorb_s * _HEAT_FULL
        heat = int(self._heat_due)
        if heat < _HEAT_STEP:
            return
        self._heat_due -= heat
        add_levels(self._heat, min(heat, _HEAT_FULL), self._changed, self._heat)
        add_levels(self._heat, -min(2 * heat, _HEAT_FULL), self._still, self._heat)
        full = np.asarray(
            cv2.threshold(self._heat, _HEAT_FULL - 1, 255, cv2.THRESH_BINARY)[1], np.uint8
        )
        if cv2.countNonZero(full):
            cv2.accumulateWeighted(small, self._background, 1.0, full)
            self._heat[full > 0] = 0

    def _take_over(self, small: Luma) -> None:
        """A light changed: what kept its structure is the new background at once."""
        cv2.accumulateWeighted(small, self._background, 1.0, cv2.bitwise_not(self._changed))
        cv2.min(self._difference, self._changed, dst=self._difference)

    def _survey(self, small: Luma, pts_s: float) -> None:
        self._surveyed_s = pts_s
        levels = np.sort(small[self._sample], axis=None)
        low, high = int(0.04 * levels.size), int(0.96 * levels.size)
        spread = float(levels[high]) - float(levels[low])
        self._base_grey = min(max(self._contrast_share * spread, MIN_BASE_GREY), MAX_BASE_GREY)
        self._noise = float(np.mean(self._unrest[self._sample]))

    def _prepare(self) -> None:
        """Derive what the next picture is compared with."""
        cv2.convertScaleAbs(self._background, dst=self._expected)
        cv2.dilate(self._expected, NEIGHBOURHOOD, dst=self._upper)
        cv2.erode(self._expected, NEIGHBOURHOOD, dst=self._lower)
        cv2.convertScaleAbs(
            self._unrest, dst=self._limit, alpha=UNREST_FACTOR, beta=self._base_grey
        )


def _weight(step_s: float, time_constant_s: float) -> float:
    """Share of the new value in a running average after ``step_s``."""
    return 1.0 - math.exp(-step_s / time_constant_s)
