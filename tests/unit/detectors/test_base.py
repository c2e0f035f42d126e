import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from spyoncino.detectors.base import FaceDetector, Image
from spyoncino.detectors.mock import MockDetector
from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult, RawDetection
from spyoncino.geometry.boxes import Box

PICTURE = np.zeros((4, 4, 3), np.uint8)
PERSON = ["person", 0.9, [0.1, 0.2, 0.3, 0.4]]
FACE = ["face", 0.8, [0.1, 0.2, 0.2, 0.3]]


def test_batch_answers_each_picture_in_order() -> None:
    detector = MockDetector({"script": [[PERSON], []]})
    answers = detector.detect_batch([PICTURE, PICTURE, PICTURE])
    assert [len(found) for found, _ in answers] == [1, 0, 1]


def test_health_check_looks_at_one_picture() -> None:
    detector = MockDetector({})
    health = detector.health_check()
    assert health["healthy"] is True
    assert health["detector"] == "mock"
    assert detector.calls == 1


def test_benchmark_sums_up() -> None:
    facts = MockDetector({"script": [[PERSON, FACE], [PERSON]]}).benchmark([PICTURE, PICTURE])
    assert facts["image_count"] == 2
    assert facts["detection_count"] == 3  # of the second and third look
    assert 0 <= facts["median_ms"] <= facts["p95_ms"] <= facts["p99_ms"] <= facts["worst_ms"]
    assert facts["peak_memory_bytes"] > 1_000_000
    assert facts["images_per_second"] > 0


def test_benchmark_does_not_count_the_first_look() -> None:
    class SlowToWake(MockDetector):
        def detect(self, image: Image) -> tuple[list[RawDetection], DetectionMetrics]:
            if not self.calls:
                time.sleep(1.0)
            return super().detect(image)

    detector = SlowToWake({})
    facts = detector.benchmark([PICTURE, PICTURE])
    assert detector.calls == 3
    assert facts["image_count"] == 2
    assert facts["worst_ms"] < 1000


def test_benchmark_without_pictures_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        MockDetector({}).benchmark([])


class OneFace(FaceDetector):
    """Sees the same face in every picture."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        del config

    @classmethod
    def is_available(cls) -> bool:
        return True

    @property
    def name(self) -> str:
        return "one face"

    def detect_faces(self, image: Image) -> tuple[list[FaceDetectionResult], DetectionMetrics]:
        del image
        face = FaceDetectionResult(0.8, Box(0.1, 0.2, 0.2, 0.3))
        return [face], DetectionMetrics(self.name, 1, 1)


def test_face_detector_answers_as_an_object_detector_too() -> None:
    found, metrics = OneFace({}).detect(PICTURE)
    assert found == [RawDetection("face", 0.8, Box(0.1, 0.2, 0.2, 0.3))]
    assert metrics.detection_count == 1
