"""The bundled object model on real pictures with known contents."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from spyoncino.detectors.objects_onnx import OnnxObjectDetector
from spyoncino.geometry.boxes import Box

DATA = Path(os.environ.get("SPYONCINO_TESTDATA", "/nonexistent"))

pytestmark = [
    pytest.mark.accuracy,
    pytest.mark.skipif(not DATA.is_dir(), reason="SPYONCINO_TESTDATA is not set"),
]

SCORE = 0.5


@pytest.fixture(scope="module")
def detector() -> Iterator[OnnxObjectDetector]:
    with OnnxObjectDetector({}) as built:
        yield built


def persons_by_frame(path: Path) -> dict[int, list[Box]]:
    """Frame number from 0 to boxes in pixels of a MOTChallenge text."""
    boxes: dict[int, list[Box]] = {}
    for line in path.read_text("utf-8").splitlines():
        frame, _, left, top, width, height = (float(part) for part in line.split(",")[:6])
        boxes.setdefault(int(frame) - 1, []).append(Box(left, top, left + width, top + height))
    return boxes


# Measured with benchmarks/bench_detectors.py: 0.90 / 0.96 and 0.62 / 0.85; a margin for few frames.
@pytest.mark.parametrize(
    ("clip", "truth", "every", "recall", "precision"),
    [
        ("vtest.avi", "vtest_gt.txt", 40, 0.85, 0.90),
        ("TUD-Campus.mp4", "TUD-Campus_gt.txt", 5, 0.57, 0.80),
    ],
)
def test_persons_of_a_street_are_found(
    detector: OnnxObjectDetector, clip: str, truth: str, every: int, recall: float, precision: float
) -> None:
    wanted = persons_by_frame(DATA / "groundtruth" / truth)
    right = reported = there = 0
    with av.open(str(DATA / "clips" / clip)) as opened:
        for index, picture in enumerate(opened.decode(video=0)):
            if index % every:
                continue
            image = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
            height, width = image.shape[:2]
            left = list(wanted.get(index, []))
            there += len(left)
            for found in detector.detect(image)[0]:
                if found.label != "person" or found.score < SCORE:
                    continue
                reported += 1
                sides = found.box
                box = Box(
                    sides.left * width, sides.top * height,
                    sides.right * width, sides.bottom * height,
                )  # fmt: skip
                best = max(left, key=box.iou, default=None)
                if best is not None and box.iou(best) >= 0.5:
                    left.remove(best)
                    right += 1
    assert right / there >= recall
    assert right / reported >= precision


def test_main_thing_of_each_photo_is_found(detector: OnnxObjectDetector) -> None:
    with (DATA / "images" / "labels.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    for row in rows:
        image = cv2.imread(str(DATA / row["file"]))
        assert image is not None
        seen = {
            found.label
            for found in detector.detect(np.asarray(image, np.uint8))[0]
            if found.score >= SCORE
        }
        for label in ("person", "bicycle", "dog", "cat"):
            is_certain = row[label] not in ("0", "1+")
            if is_certain:
                assert label in seen, row["file"]
        if row["car"] == row["truck"] == "0":
            assert not seen & {"car", "truck"}, row["file"]
