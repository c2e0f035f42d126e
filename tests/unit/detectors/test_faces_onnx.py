from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.detectors.base import Image
from spyoncino.detectors.faces_onnx import OnnxFaceDetector
from spyoncino.detectors.results import FaceDetectionResult
from spyoncino.errors import ConfigError, ModelError

Check = Callable[..., None]


def test_bundled_detector_finds_the_visitor_with_five_landmarks(
    centerface: OnnxFaceDetector, visitor: Image, assert_is_the_visitor: Check
) -> None:
    (face,), metrics = centerface.detect_faces(visitor)
    assert_is_the_visitor(face)
    assert len(face.landmarks) == 5
    assert face.confidence > 0.8
    assert metrics.detector == "cpu:centerface"
    assert metrics.detection_count == 1


def test_faces_of_several_sizes_are_found_where_they_are(
    centerface: OnnxFaceDetector, three_visitors: Image
) -> None:
    faces, _ = centerface.detect_faces(three_visitors)
    middles = sorted(
        (round(face.box.centre[0] * 1280), round(face.box.centre[1] * 720)) for face in faces
    )
    assert np.allclose(middles, [(268, 226), (704, 353), (1052, 477)], atol=8)


def test_person_far_away_is_enlarged_before_looking(
    visitor: Image, centerface: OnnxFaceDetector, assert_is_the_visitor: Check
) -> None:
    tiny = cv2.resize(visitor, None, fx=0.14, fy=0.14, interpolation=cv2.INTER_AREA)
    (face,), _ = centerface.detect_faces(np.asarray(tiny, np.uint8))
    assert_is_the_visitor(face, iou_above=0.5, landmarks_within=0.03)
    assert OnnxFaceDetector({"min_input_px": 0}).detect_faces(np.asarray(tiny, np.uint8))[0] == []


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ((1280, 720), (640, 384)),
        ((720, 1280), (384, 640)),
        ((640, 640), (640, 640)),
        ((400, 300), (416, 320)),
        ((60, 90), (160, 224)),
        ((5000, 3), (640, 32)),
        ((1, 1), (224, 224)),
    ],
)
def test_input_keeps_the_proportions_in_multiples_of_32(
    centerface: OnnxFaceDetector, picture: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert centerface.input_size_px(*picture) == expected


def test_picture_without_a_face_has_none(centerface: OnnxFaceDetector) -> None:
    assert centerface.detect_faces(np.full((1, 1, 3), 90, np.uint8))[0] == []
    assert centerface.health_check()["healthy"]


def test_box_is_the_same_whatever_the_shape_of_the_picture(
    centerface: OnnxFaceDetector, visitor: Image
) -> None:
    def middle(face: FaceDetectionResult, image: Image) -> tuple[float, float]:
        x, y = face.box.centre
        return x * image.shape[1], y * image.shape[0]

    wide = np.asarray(
        cv2.copyMakeBorder(visitor, 0, 0, 0, 333, cv2.BORDER_CONSTANT, value=(114, 114, 114)),
        np.uint8,
    )
    (alone,), _ = centerface.detect_faces(visitor)
    (beside,), _ = centerface.detect_faces(wide)
    assert np.allclose(middle(alone, visitor), middle(beside, wide), atol=5)


def test_as_object_detector_it_answers_with_boxes_labelled_face(
    centerface: OnnxFaceDetector, visitor: Image
) -> None:
    found, _ = centerface.detect(visitor)
    assert [item.label for item in found] == ["face"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"threads": 0}, "threads is 0, but must be 1..64"),
        ({"score_floor": 2}, "score_floor is 2, but must be a number 0..1"),
        ({"max_input_px": 100}, "max_input_px is 100, but must be a multiple of 32"),
        ({"min_input_px": True}, "min_input_px is True"),
        ({"modle": "x"}, "did you mean 'model'"),
        ({"model": 3}, "model is 3, but must be a name or a mapping"),
        ({"model": {"type": "scrfd"}}, "model.path is missing"),
        ({"model": "nanodet_416"}, "'nanodet' is not a face model that 'cpu' can run"),
    ],
)
def test_wrong_configuration_is_a_sentence(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OnnxFaceDetector(config)


def test_unknown_model_lists_what_there_is() -> None:
    with pytest.raises(ModelError, match="There is no bundled model 'centrface'"):
        OnnxFaceDetector({"model": "centrface"})


def test_user_model_of_another_shape_is_refused(constant_model: Callable[..., Path]) -> None:
    path = constant_model([np.zeros((1, 1, 16, 16), np.float32)])
    with pytest.raises(ModelError, match="does not look like centerface: expected heat map"):
        OnnxFaceDetector({"model": {"type": "centerface", "path": str(path)}})


def test_size_against_the_file_is_refused(constant_model: Callable[..., Path]) -> None:
    path = constant_model([np.zeros((1, 1, 16, 16), np.float32)])
    model = {"type": "centerface", "path": str(path), "input_width_px": 96}
    with pytest.raises(ConfigError, match="input_width_px is 96, but the model tiny is fixed"):
        OnnxFaceDetector({"model": model})


def test_open_size_must_fit_the_strides(constant_model: Callable[..., Path]) -> None:
    path = constant_model([np.zeros((1, 1, 16, 16), np.float32)], input_shape=(1, 3, "h", "w"))
    model = {"type": "centerface", "path": str(path), "input_width_px": 100}
    with pytest.raises(ConfigError, match="input_width_px is 100, but must be a multiple of 32"):
        OnnxFaceDetector({"model": model})


def tables_of(widths: tuple[int, ...], anchors: int = 1) -> list[NDArray[np.float32]]:
    """Empty outputs for 64x64: for each width one table of each of the strides 8, 16 and 32."""
    return [
        np.zeros((1, anchors * (64 // stride) ** 2, width), np.float32)
        for width in widths
        for stride in (8, 16, 32)
    ]


def test_yunet_of_the_user_is_run_and_decoded(constant_model: Callable[..., Path]) -> None:
    tables = tables_of((1, 1, 4, 10))
    tables[2][0, 3] = tables[5][0, 3] = 0.9  # class and objectness of the last cell of stride 32
    path = constant_model(tables, name="own.onnx")
    with OnnxFaceDetector({"model": {"type": "yunet", "path": str(path)}}) as detector:
        assert detector.name == "cpu:own"
        (face,), _ = detector.detect_faces(np.zeros((64, 64, 3), np.uint8))
    assert face.confidence == pytest.approx(0.9)
    assert face.box == pytest.approx((0.25, 0.25, 0.75, 0.75))  # one cell, around its corner
    assert np.allclose(face.landmarks, [(0.5, 0.5)] * 5)


def test_scrfd_of_the_user_is_run_and_decoded(constant_model: Callable[..., Path]) -> None:
    tables = tables_of((1, 4, 10), anchors=2)
    tables[2][0, 7] = 0.9  # the last cell of stride 32, its second anchor
    tables[5][0, 7] = 0.5  # half a stride to each side
    path = constant_model(tables, name="own.onnx")
    with OnnxFaceDetector({"model": {"type": "scrfd", "path": str(path)}}) as detector:
        (face,), _ = detector.detect_faces(np.zeros((64, 64, 3), np.uint8))
    assert face.confidence == pytest.approx(0.9)
    assert face.box == pytest.approx((0.25, 0.25, 0.75, 0.75))
    assert np.allclose(face.landmarks, [(0.5, 0.5)] * 5)
