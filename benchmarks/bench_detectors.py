"""Object detection: what the detector adds to the bare model, and what each way of looking finds.

Speed: the bundled model in ONNX Runtime alone against the whole detector on a 1280x720 picture.
Finding (needs SPYONCINO_TESTDATA, a folder with ``clips/`` and ``groundtruth/``): recall and
precision of persons at IoU 0.5 and score 0.5 on clips with boxes, and on a car park seen from above
the share of frames in which what is there is seen. Each for several ways of choosing tiles:

* whole: the letterboxed picture;
* squares: overlapping squares of the picture's height;
* whole + squares: both;
* whole + motion: the picture and up to two squares around motion, where something moved.
"""

import csv
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from report import Row, write_report
from spyoncino.detectors.motion_average import AverageMotionDetector
from spyoncino.detectors.motion_spec import MotionSpec
from spyoncino.detectors.objects_onnx import OnnxObjectDetector
from spyoncino.detectors.onnx_session import OnnxSession
from spyoncino.detectors.results import RawDetection
from spyoncino.detectors.store import ModelStore
from spyoncino.detectors.tiles import full_height_squares, merge_tiles
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.tracking.regions import choose_regions

SCORE = 0.5
IOU = 0.5
SPEED_REPEATS = 30

Tiles = list[tuple[Box, list[RawDetection]]]


@dataclass(slots=True)
class Looked:
    """One frame of a clip, looked at in every way."""

    index: int
    width_px: int
    height_px: int
    whole: Tiles = field(default_factory=list)
    squares: Tiles = field(default_factory=list)
    motion: Tiles = field(default_factory=list)


WAYS: dict[str, Callable[[Looked], Tiles]] = {
    "whole": lambda seen: seen.whole,
    "squares": lambda seen: seen.squares,
    "whole + squares": lambda seen: seen.whole + seen.squares,
    "whole + motion": lambda seen: seen.whole + seen.motion,
}


def frames_of(clip: Path) -> Iterator[tuple[int, float, NDArray[np.uint8], NDArray[np.uint8]]]:
    """Index, time, BGR and luma of every picture."""
    with av.open(str(clip)) as opened:
        for index, picture in enumerate(opened.decode(video=0)):
            grey = np.asarray(picture.reformat(format="gray").to_ndarray(), np.uint8)
            colour = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
            yield index, picture.time or 0.0, colour, grey


def look(detector: OnnxObjectDetector, clip: Path, every: int) -> list[Looked]:
    """Look at every so many frames in every way; motion is measured on all of them."""
    motion = AverageMotionDetector(MotionSpec())
    answers: list[Looked] = []

    def tiles(image: NDArray[np.uint8], parts: Sequence[Box]) -> Tiles:
        height, width = image.shape[:2]
        found: Tiles = []
        for part in parts:
            rows = slice(round(part.top * height), round(part.bottom * height))
            columns = slice(round(part.left * width), round(part.right * width))
            found.append((part, detector.detect(np.ascontiguousarray(image[rows, columns]))[0]))
        return found

    for index, pts_s, image, luma in frames_of(clip):
        moved = motion.measure(luma, pts_s).regions
        if index % every:
            continue
        height, width = image.shape[:2]
        answers.append(
            Looked(
                index,
                width,
                height,
                tiles(image, [FULL_PICTURE]),
                tiles(image, full_height_squares(width, height)),
                tiles(image, choose_regions(moved, (), (width, height))),
            )
        )
    return answers


def persons_of(path: Path) -> dict[int, list[Box]]:
    """Frame number from 0 to boxes in pixels of a MOTChallenge text."""
    boxes: dict[int, list[Box]] = defaultdict(list)
    for line in path.read_text("utf-8").splitlines():
        frame, _, left, top, width, height = (float(part) for part in line.split(",")[:6])
        boxes[int(frame) - 1].append(Box(left, top, left + width, top + height))
    return boxes


def matched(found: Sequence[RawDetection], truth: Sequence[Box], seen: Looked) -> int:
    """How many of the true boxes are found; the best score chooses first."""
    left = list(truth)
    for detection in found:
        box = detection.box
        pixels = Box(
            box.left * seen.width_px,
            box.top * seen.height_px,
            box.right * seen.width_px,
            box.bottom * seen.height_px,
        )
        best = max(left, key=pixels.iou, default=None)
        if best is not None and pixels.iou(best) >= IOU:
            left.remove(best)
    return len(truth) - len(left)


def person_rows(name: str, seen: Sequence[Looked], truth: dict[int, list[Box]]) -> Iterator[Row]:
    """Recall and precision of every way on a clip with boxes."""
    for way, choose in WAYS.items():
        right = reported = wanted = tiles = 0
        for frame in seen:
            parts = choose(frame)
            tiles += len(parts)
            persons = [
                item
                for item in merge_tiles(parts)
                if item.label == "person" and item.score >= SCORE
            ]
            right += matched(persons, truth[frame.index], frame)
            reported += len(persons)
            wanted += len(truth[frame.index])
        note = f"{tiles / len(seen):.1f} tiles a frame, {len(seen)} frames"
        yield Row(f"{name}: {way}: recall", right / wanted, "ratio", note=note)
        yield Row(f"{name}: {way}: precision", right / max(1, reported), "ratio", note=note)


def appearance_rows(
    name: str, seen: Sequence[Looked], truth: Sequence[dict[str, str]]
) -> Iterator[Row]:
    """Share of frames in which what is there is seen, and false things while nothing is there."""
    by_index = {frame.index: frame for frame in seen}
    for way, choose in WAYS.items():
        hits = chances = false = empty = 0
        for row in truth:
            span = range(int(row["start_frame"]), int(row["end_frame"]) + 1)
            for index in span:
                if index not in by_index:
                    continue
                labels = {
                    item.label
                    for item in merge_tiles(choose(by_index[index]))
                    if item.score >= SCORE
                }
                if row["label"] == "none":
                    empty += 1
                    false += bool(labels)
                else:
                    chances += 1
                    hits += bool(labels & set(row["label"].split("+")))
        yield Row(f"{name}: {way}: seen", hits / chances, "ratio", note=f"{chances} chances")
        yield Row(f"{name}: {way}: false", false / empty, "ratio", note=f"{empty} empty frames")


def speed_rows(detector: OnnxObjectDetector) -> list[Row]:
    """The detector on a 720p picture against the bare model, alternating, medians."""
    width, height = detector.input_size_px
    session = OnnxSession(ModelStore().read("nanodet_416"), "nanodet_416")
    tensor = np.zeros((1, 3, height, width), np.float32)
    picture = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), np.uint8)
    bare_ms: list[float] = []
    whole_ms: list[float] = []
    for _ in range(SPEED_REPEATS):
        for run, spent in (
            (lambda: session.run(tensor), bare_ms),
            (lambda: detector.detect(picture), whole_ms),
        ):
            began = time.perf_counter()
            run()
            spent.append(1000 * (time.perf_counter() - began))
    bare, whole = statistics.median(bare_ms), statistics.median(whole_ms)
    return [
        Row("bare model", bare, "ms", note="ONNX Runtime, 1 thread, median"),
        Row("detector, 1280x720", whole, "ms", note="letterbox, model, head, suppression"),
        Row("detector over bare model", whole - bare, "ms"),
        Row("detector to bare model", whole / bare, "ratio"),
    ]


def finding_rows(detector: OnnxObjectDetector, data: Path) -> Iterator[Row]:
    """All clips with a ground truth."""
    clips, truths = data / "clips", data / "groundtruth"
    for name, truth, every in (
        ("vtest.avi", "vtest_gt.txt", 10),
        ("TUD-Campus.mp4", "TUD-Campus_gt.txt", 2),
    ):
        seen = look(detector, clips / name, every)
        yield from person_rows(name, seen, persons_of(truths / truth))
    name = "person-bicycle-car-detection.mp4"
    with (truths / "events.csv").open(encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["file"].endswith(name)]
    yield from appearance_rows("car park", look(detector, clips / name, 6), rows)


def main() -> None:
    with OnnxObjectDetector({}) as detector:
        rows = speed_rows(detector)
        data = os.environ.get("SPYONCINO_TESTDATA")
        if data:
            rows += finding_rows(detector, Path(data))
        else:
            sys.stdout.write("SPYONCINO_TESTDATA is not set: speed only\n")
    write_report("detectors", rows)


if __name__ == "__main__":
    main()
