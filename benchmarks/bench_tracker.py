"""The tracker alone: time of a frame with 5, 20 and 50 objects that walk about.

Made-up detections with jitter, misses and weak scores, 10 frames a second, and no picture.
"""

import statistics
import time
from collections.abc import Iterator

import numpy as np

from report import Row, write_report
from spyoncino.geometry.boxes import Box
from spyoncino.tracking.tracker import Observation, Tracker

FRAMES = 400
WARM_UP = 50
STEP_S = 0.1
OBJECTS = (5, 20, 50)


def detections(count: int) -> Iterator[list[Observation]]:
    """Frames of persons on slow paths; one in twenty detections is missing."""
    rng = np.random.default_rng(1)
    start = rng.uniform((0.05, 0.15), (0.9, 0.8), (count, 2))
    reach = rng.uniform(-0.15, 0.15, (count, 2))
    for number in range(FRAMES):
        at = start + reach * np.sin(number / 30) + rng.normal(0, 0.001, (count, 2))
        scores = rng.uniform(0.35, 0.95, count)
        seen = rng.uniform(size=count) > 0.05
        yield [
            Observation("person", score, Box(x, y, x + 0.03, y + 0.1))
            for (x, y), score, is_seen in zip(at.tolist(), scores.tolist(), seen, strict=True)
            if is_seen
        ]


def microseconds(count: int) -> tuple[float, int]:
    """Median time of a frame, and how many ids were given to how many objects."""
    tracker, times, highest = Tracker(), [], 0
    for number, frame in enumerate(detections(count)):
        began = time.perf_counter()
        told = tracker.update(frame, number * STEP_S)
        times.append(time.perf_counter() - began)
        highest = max([highest, *(track.track_id for track in told)])
    return 1e6 * statistics.median(times[WARM_UP:]), highest


def main() -> None:
    rows = []
    for count in OBJECTS:
        spent_us, ids = microseconds(count)
        note = f"median; {ids} ids in {FRAMES} frames"
        rows.append(Row(f"{count} objects", spent_us, "us/frame", None, note))
    write_report("tracker", rows)


if __name__ == "__main__":
    main()
