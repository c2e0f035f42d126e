"""Motion alone on the luma plane, one thread: milliseconds, and what that time buys.

Speed: a textured picture with noise and three walkers; each frame is copied into one buffer first,
as a decoder would leave it in the cache. Beside both detectors stands a coarse reference: the usual
quick method of shrinking to 100 rows without averaging, blurring, and comparing with a running
average by a fixed threshold.

Finding (needs SPYONCINO_TESTDATA, a folder with ``clips/``): recall of a drawn walker 40 px tall,
darker or brighter than the ground by 60 or 30 grey levels, on backgrounds of real clips scaled to
each size; and the share of frames with motion in clips where nobody is. A frame counts as found
when a region covers a third of the walker.
"""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from report import Row, write_report
from spyoncino.detectors.motion_factory import build_motion_detector
from spyoncino.detectors.motion_spec import MotionFacts, MotionMethod, MotionSpec
from spyoncino.geometry.boxes import Box

Picture = NDArray[np.uint8]
Measure = Callable[[Picture, float], MotionFacts]

BUDGETS_MS = {(640, 480): 0.37, (1280, 720): 0.43, (1920, 1080): 0.46}
STEP_S = 0.2
SPEED_FRAMES = 150
WARM_UP = 30
WALKER_PX = 40
WALK_PX_PER_S = 32.0
EMPTY_S = 3.0
CONTRASTS = (-60, -30, 30)
SEEN_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Scene:
    """Part of a clip without people in the walker's way: frames ``first`` to ``last``."""

    clip: str
    first: int
    last: int
    every: int


SCENES = {
    "car park, camera sways": Scene("person-bicycle-car-detection.mp4", 176, 290, 2),
    "leaves in the wind": Scene("tree.avi", 0, 68, 1),
    "campus road": Scene("vtest.avi", 0, 100, 2),
}
EMPTY = {
    "car park": Scene("person-bicycle-car-detection.mp4", 175, 288, 1),
    "leaves in the wind": Scene("tree.avi", 0, 68, 1),
}


class CoarseReference:
    """Shrink to 100 rows, blur, compare with a running average; threshold 30, no normalisation."""

    def __init__(self) -> None:
        self._average: NDArray[np.float32] | None = None

    def measure(self, luma: Picture, pts_s: float) -> MotionFacts:
        """Regions by contours of at least 10 pixels."""
        del pts_s
        height, width = luma.shape
        size = (round(100 * width / height), 100)
        small = cv2.resize(luma, size, interpolation=cv2.INTER_LINEAR)
        small = cv2.GaussianBlur(small, (3, 3), 0)
        if self._average is None:
            self._average = small.astype(np.float32)
        difference = cv2.absdiff(small, cv2.convertScaleAbs(self._average))
        cv2.accumulateWeighted(small, self._average, 0.01)
        changed = cv2.threshold(difference, 30, 255, cv2.THRESH_BINARY)[1]
        changed = cv2.dilate(changed, np.ones((3, 3), np.uint8))
        outlines, _ = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = []
        for outline in outlines:
            if cv2.contourArea(outline) > 10:
                x, y, wide, high = cv2.boundingRect(outline)
                right, bottom = (x + wide) / size[0], (y + high) / size[1]
                boxes.append(Box(x / size[0], y / size[1], right, bottom))
        return MotionFacts(cv2.countNonZero(changed) / changed.size, tuple(boxes))


def build(method: str) -> Measure:
    """A fresh detector's ``measure``."""
    if method == "coarse reference":
        return CoarseReference().measure
    methods: dict[str, MotionMethod] = {"average": "average", "mog2": "mog2"}
    detector = build_motion_detector(MotionSpec(methods[method]))
    if detector is None:
        raise ValueError(f"no motion detector is called {method!r}")
    return detector.measure


METHODS = ("average", "mog2", "coarse reference")


def draw_walker(picture: Picture, x: float, feet_y: float, contrast: int, phase: float) -> Box:
    """Draw a walking figure, anti-aliased; returns its box in pixels."""
    tall, wide, fine = WALKER_PX, WALKER_PX * 6 // 10, 4
    shape = np.zeros((tall * fine, wide * fine), np.uint8)
    middle, length = wide * fine // 2, tall * fine
    cv2.circle(shape, (middle, int(length * 0.08)), int(length * 0.075), 255, -1)
    body = (int(length * 0.12), int(length * 0.2))
    cv2.ellipse(shape, (middle, int(length * 0.35)), body, 0, 0, 360, 255, -1)
    for side in (-1, 1):
        foot = middle + int(np.sin(phase) * side * length * 0.16)
        cv2.line(shape, (middle, length // 2), (foot, length - 8), 255, int(length * 0.1))
    alpha = cv2.resize(shape, (wide, tall), interpolation=cv2.INTER_AREA) / 255.0
    left, top = round(x - wide / 2), round(feet_y - tall)
    part = picture[top : top + tall, left : left + wide]
    grey = part.mean() + contrast
    part[:] = np.clip(part * (1 - alpha) + grey * alpha, 0, 255).astype(np.uint8)
    return Box(left, top, left + wide, top + tall)


def speed_rows() -> list[Row]:
    """Median milliseconds of each method at each size."""
    rows = []
    for (width, height), budget_ms in BUDGETS_MS.items():
        rng = np.random.default_rng(1)
        wall = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 5)
        wall = cv2.normalize(wall, None, 40, 200, cv2.NORM_MINMAX)  # type: ignore[call-overload]  # stub: dst
        noise = [rng.normal(0, 2, (height, width)) for _ in range(4)]
        pictures = [np.clip(wall + each, 0, 255).astype(np.uint8) for each in noise]
        for method in METHODS:
            measure, times = build(method), []
            buffer = np.empty((height, width), np.uint8)
            for number in range(SPEED_FRAMES):
                np.copyto(buffer, pictures[number % 4])
                for walker in range(3):
                    x = 50 + width * 0.25 * walker + 6 * (number % 20)
                    draw_walker(buffer, x, height * (0.4 + 0.2 * walker), -60, number)
                began = time.perf_counter()
                measure(buffer, number * STEP_S)
                times.append(time.perf_counter() - began)
            spent_ms = 1000 * statistics.median(times[WARM_UP:])
            budget = budget_ms if method == "average" else None
            rows.append(Row(f"{method}, {width}x{height}", spent_ms, "ms/frame", budget, "median"))
    return rows


def luma_frames(
    data: Path, scene: Scene, size: tuple[int, int] | None
) -> list[tuple[float, Picture]]:
    """Times and luma planes of a part of a clip, scaled to ``size``."""
    frames = []
    with av.open(str(data / "clips" / scene.clip)) as opened:
        for number, frame in enumerate(opened.decode(video=0)):
            if number >= scene.last:
                break
            if number < scene.first or (number - scene.first) % scene.every:
                continue
            whole = frame.reformat(format="yuv420p").to_ndarray()[: frame.height // 2 * 2]
            luma = cv2.resize(whole, size, interpolation=cv2.INTER_CUBIC) if size else whole
            frames.append((float(frame.time or 0.0), np.asarray(luma, np.uint8)))
    return frames


def recall(frames: list[tuple[float, Picture]], measure: Measure, contrast: int) -> float:
    """Share of the frames with a walker in which he is found."""
    height, width = frames[0][1].shape
    found = there = 0
    for pts_s, empty in frames:
        picture = empty.copy()
        walked_s = pts_s - frames[0][0] - EMPTY_S
        x = width * 0.1 + WALK_PX_PER_S * walked_s
        is_there = walked_s > 0 and x < width * 0.95
        box = draw_walker(picture, x, height * 0.6, contrast, walked_s * 6) if is_there else None
        facts = measure(picture, pts_s)
        if box is not None:
            there += 1
            scaled = Box(box.left / width, box.top / height, box.right / width, box.bottom / height)
            hits = (region.overlap(scaled) >= SEEN_SHARE * scaled.area for region in facts.regions)
            found += any(hits)
    return found / max(1, there)


def finding_rows(data: Path) -> list[Row]:
    """Recall of the walker and false motion of every method."""
    rows = []
    for size in BUDGETS_MS:
        for name, scene in SCENES.items():
            frames = luma_frames(data, scene, size)
            for method in METHODS:
                shares = [recall(frames, build(method), contrast) for contrast in CONTRASTS]
                note = "grey " + ", ".join(
                    f"{contrast:+d}: {share:.2f}"
                    for contrast, share in zip(CONTRASTS, shares, strict=True)
                )
                label = f"{method}: walker, {name}, {size[0]}x{size[1]}"
                rows.append(Row(label, statistics.fmean(shares), "recall", None, note))
    for name, scene in EMPTY.items():
        frames = luma_frames(data, scene, None)
        for method in METHODS:
            measure = build(method)
            moving = [bool(measure(luma, pts_s).regions) for pts_s, luma in frames]
            label = f"{method}: false motion, {name}"
            rows.append(Row(label, statistics.fmean(moving), "share of frames"))
    return rows


def main() -> None:
    cv2.setNumThreads(1)
    rows = speed_rows()
    data = os.environ.get("SPYONCINO_TESTDATA")
    if data:
        rows += finding_rows(Path(data))
    write_report("motion", rows)


if __name__ == "__main__":
    main()
