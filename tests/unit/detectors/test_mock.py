from typing import Any

import numpy as np
import pytest

from spyoncino.detectors.mock import MockDetector
from spyoncino.errors import ConfigError, ModelError
from spyoncino.geometry.boxes import Box

PICTURE = np.zeros((4, 4, 3), np.uint8)


def test_script_starts_again_after_its_end() -> None:
    detector = MockDetector({"script": [[["cat", 0.5, [0, 0, 1, 1]]], []]})
    labels = [[item.label for item in detector.detect(PICTURE)[0]] for _ in range(3)]
    assert labels == [["cat"], [], ["cat"]]


def test_without_script_it_sees_nothing() -> None:
    found, metrics = MockDetector({}).detect(PICTURE)
    assert found == []
    assert metrics.detection_count == 0


def test_faces_are_the_boxes_labelled_face() -> None:
    detector = MockDetector(
        {"script": [[["person", 0.9, [0, 0, 1, 1]], ["face", 0.7, [0, 0, 0.5, 0.5]]]]}
    )
    faces, _ = detector.detect_faces(PICTURE)
    assert [(face.confidence, face.box) for face in faces] == [(0.7, Box(0, 0, 0.5, 0.5))]


def test_face_of_the_script_may_have_landmarks() -> None:
    points = [[0.1, 0.1], [0.3, 0.1], [0.2, 0.2], [0.1, 0.3], [0.3, 0.3]]
    detector = MockDetector({"script": [[["face", 0.7, [0, 0, 0.5, 0.5], points]]]})
    (face,), _ = detector.detect_faces(PICTURE)
    assert face.landmarks == tuple((x, y) for x, y in points)


def test_it_fails_when_told_to() -> None:
    detector = MockDetector({"fail_every": 2})
    detector.detect(PICTURE)
    with pytest.raises(ModelError, match="call 2"):
        detector.detect(PICTURE)
    detector.detect(PICTURE)


def test_delay_is_spent_and_reported() -> None:
    _, metrics = MockDetector({"delay_ms": 5}).detect(PICTURE)
    assert metrics.inference_ms >= 5


@pytest.mark.parametrize(
    "config",
    [{"scrip": []}, {"delay_ms": -1}, {"fail_every": "x"}, {"script": [[["a"]]]},
     {"script": [[["a", 0.5, [1, 2]]]]}, {"delay_ms": True},
     {"script": [[["face", 0.5, [0, 0, 1, 1], [[0, 0]]]]]}],
)  # fmt: skip
def test_wrong_configuration_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        MockDetector(config)


def test_it_is_available_everywhere() -> None:
    assert MockDetector.is_available()
