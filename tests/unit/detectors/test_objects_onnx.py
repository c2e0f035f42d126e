from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from spyoncino.detectors.objects_onnx import OnnxObjectDetector
from spyoncino.detectors.store import BUNDLED_FOLDER
from spyoncino.errors import ConfigError, ModelError
from spyoncino.geometry.boxes import Box

DEMO = BUNDLED_FOLDER.parent / "demo"
BUILD = Callable[..., Path]
WIDE = np.full((360, 640, 3), 90, np.uint8)


def own(path: Path, kind: str, labels: int = 2, **more: Any) -> dict[str, Any]:
    names = [f"thing{n}" for n in range(labels)]
    return {"model": {"type": kind, "path": str(path), "labels": names, **more}}


@pytest.mark.parametrize("kind", ["yolov8", "yolov11"])
def test_yolo_model_of_the_user_finds_its_box(constant_model: BUILD, kind: str) -> None:
    table = np.zeros((1, 6, 5), np.float32)
    table[0, :, 2] = [32, 32, 32, 18, 0.1, 0.7]  # input 64x64, picture in the middle 36 rows
    with OnnxObjectDetector(own(constant_model([table]), kind)) as detector:
        found, metrics = detector.detect(WIDE)
    assert [(item.label, round(item.score, 3)) for item in found] == [("thing1", 0.7)]
    assert found[0].box == pytest.approx(Box(0.25, 0.25, 0.75, 0.75))
    assert detector.name == "cpu:tiny"
    assert metrics.detection_count == 1
    assert metrics.inference_ms > 0
    assert metrics.processing_time_ms >= metrics.inference_ms


def test_yolox_model_of_the_user_finds_its_box(constant_model: BUILD) -> None:
    table = np.zeros((1, 84, 7), np.float32)
    table[0, 64 + 5] = [1.0, 0.125, np.log(2), np.log(18 / 16), 0.9, 0.9, 0.0]
    detector = OnnxObjectDetector(own(constant_model([table]), "yolox"))
    found, _ = detector.detect(WIDE)
    assert [item.label for item in found] == ["thing0"]
    assert found[0].box == pytest.approx(Box(0.25, 0.25, 0.75, 0.75))


def test_nanodet_model_of_the_user_finds_its_box(constant_model: BUILD) -> None:
    cells = (64, 16, 4)
    scores = [np.zeros((1, count, 2), np.float32) for count in cells]
    sides = [np.zeros((1, count, 44), np.float32) for count in cells]
    scores[2][0, 0, 1] = 0.6  # stride 32, middle at 16, 16
    for side in range(4):
        sides[2][0, 0, side * 11 + 0] = 30.0
        sides[2][0, 0, side * 11 + 1] = 30.0  # half a stride: 16 pixels to every side
    detector = OnnxObjectDetector(own(constant_model([*sides, *scores]), "nanodet"))
    found, _ = detector.detect(np.zeros((64, 64, 3), np.uint8))
    assert found[0].label == "thing1"
    assert found[0].box == pytest.approx(Box(0.0, 0.0, 0.5, 0.5), abs=1e-5)


def test_doubles_are_removed_and_the_best_comes_first(constant_model: BUILD) -> None:
    table = np.zeros((1, 6, 3), np.float32)
    table[0] = np.array(
        [[32, 32, 32, 18, 0, 0.5], [32, 32, 32, 19, 0, 0.9], [8, 22, 8, 8, 0.7, 0]], np.float32
    ).T
    found, _ = OnnxObjectDetector(own(constant_model([table]), "yolov8")).detect(WIDE)
    assert [round(item.score, 3) for item in found] == [0.9, 0.7]


def test_box_in_the_grey_bars_is_dropped(constant_model: BUILD) -> None:
    table = np.array([[32, 60, 20, 6, 0.9, 0]], np.float32).T[None]
    found, _ = OnnxObjectDetector(own(constant_model([table]), "yolov8")).detect(WIDE)
    assert found == []


def test_score_above_one_is_reported_as_one(constant_model: BUILD) -> None:
    table = np.array([[32, 32, 32, 18, 1.0001, 0]], np.float32).T[None]
    found, _ = OnnxObjectDetector(own(constant_model([table]), "yolov8")).detect(WIDE)
    assert found[0].score == 1.0


def test_weak_detections_stay_below_the_floor(constant_model: BUILD) -> None:
    table = np.array([[32, 32, 32, 18, 0.3, 0]], np.float32).T[None]
    config = {**own(constant_model([table]), "yolov8"), "score_floor": 0.4}
    assert OnnxObjectDetector(config).detect(WIDE)[0] == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"thing0": 200 / 255, "thing1": 100 / 255, "thing2": 50 / 255}),
        ({"colour": "bgr"}, {"thing0": 50 / 255, "thing1": 100 / 255, "thing2": 200 / 255}),
        ({"mean": [100, 50, 0], "std": [200, 100, 100]},
         {"thing0": 0.5, "thing1": 0.5, "thing2": 0.5}),
    ],
)  # fmt: skip
def test_pixels_are_ordered_and_normalised_as_configured(
    mean_colour_model: Path, more: dict[str, Any], expected: dict[str, float]
) -> None:
    picture = np.empty((64, 64, 3), np.uint8)
    picture[:] = (50, 100, 200)
    detector = OnnxObjectDetector(own(mean_colour_model, "yolov8", labels=3, **more))
    found, _ = detector.detect(picture)
    best = max(expected, key=lambda name: expected[name])
    assert found[0].label == best
    assert found[0].score == pytest.approx(expected[best], abs=1e-4)


def test_open_input_size_comes_from_the_configuration(constant_model: BUILD) -> None:
    path = constant_model([np.zeros((1, 6, 5), np.float32)], input_shape=(1, 3, "h", "w"))
    detector = OnnxObjectDetector(own(path, "yolov8", input_width_px=96, input_height_px=64))
    assert detector.input_size_px == (96, 64)


@pytest.mark.parametrize(
    ("shape", "more", "sentence"),
    [
        ((1, 3, "h", "w"), {}, "model.input_width_px is missing"),
        ((1, 3, "h", "w"), {"input_width_px": 100, "input_height_px": 64},
         "model.input_width_px is 100, but must be a multiple of 32"),
        ((1, 3, 64, 64), {"input_height_px": 96}, "is fixed to 64; leave the setting out"),
    ],
)  # fmt: skip
def test_wrong_input_size_is_a_sentence(
    constant_model: BUILD, shape: tuple[int | str, ...], more: dict[str, int], sentence: str
) -> None:
    path = constant_model([np.zeros((1, 6, 5), np.float32)], input_shape=shape)
    with pytest.raises(ConfigError) as caught:
        OnnxObjectDetector(own(path, "yolov8", **more))
    assert sentence in str(caught.value)


def test_wrong_type_or_labels_say_what_was_found(constant_model: BUILD) -> None:
    path = constant_model([np.zeros((1, 84, 7), np.float32)])
    with pytest.raises(ModelError) as caught:
        OnnxObjectDetector(own(path, "yolov8", labels=5))
    assert "does not look like yolov8 with 5 labels" in str(caught.value)
    assert "found 1 x 84 x 7" in str(caught.value)


def test_unknown_type_lists_the_known_ones(constant_model: BUILD) -> None:
    path = constant_model([np.zeros((1, 6, 5), np.float32)])
    with pytest.raises(ConfigError, match="known are: nanodet, yolov8, yolov11, yolox"):
        OnnxObjectDetector(own(path, "yolov5"))


def test_missing_file_is_a_sentence() -> None:
    with pytest.raises(ModelError, match=r"Model file /no/model\.onnx cannot be read"):
        OnnxObjectDetector(own(Path("/no/model.onnx"), "yolov8"))


def test_wrong_hash_is_refused(constant_model: BUILD) -> None:
    path = constant_model([np.zeros((1, 6, 5), np.float32)])
    with pytest.raises(ModelError, match="was altered or damaged"):
        OnnxObjectDetector(own(path, "yolov8", sha256="0" * 64))


@pytest.fixture(scope="module")
def bundled() -> OnnxObjectDetector:
    return OnnxObjectDetector({})


def test_bundled_model_loads_and_finds_nothing_in_grey(bundled: OnnxObjectDetector) -> None:
    found, metrics = bundled.detect(np.full((480, 640, 3), 114, np.uint8))
    assert [item for item in found if item.score >= 0.5] == []
    assert metrics.detector == "cpu:nanodet_416"
    assert len(bundled.labels) == 80
    assert bundled.health_check()["healthy"] is True


@pytest.mark.parametrize("size", [(1, 1), (2, 3000), (241, 321), (2160, 3840)])
def test_bundled_model_takes_every_size(bundled: OnnxObjectDetector, size: tuple[int, int]) -> None:
    found, _ = bundled.detect(np.zeros((*size, 3), np.uint8))
    assert all(0.0 <= edge <= 1.0 for item in found for edge in item.box)


def test_bundled_model_gives_the_same_numbers_twice(bundled: OnnxObjectDetector) -> None:
    picture = np.random.default_rng(7).integers(0, 256, (240, 320, 3), np.uint8)
    assert bundled.detect(picture)[0] == bundled.detect(picture)[0]
    assert OnnxObjectDetector({}).detect(picture)[0] == bundled.detect(picture)[0]


@pytest.mark.parametrize(("picture", "label"), [("visitor", "person"), ("cat", "cat")])
def test_bundled_model_knows_who_is_in_the_demo(
    bundled: OnnxObjectDetector, picture: str, label: str
) -> None:
    cut_out = cv2.imread(str(DEMO / f"{picture}.png"), cv2.IMREAD_UNCHANGED)
    assert cut_out is not None
    opacity = cut_out[..., 3:] / 255
    shown = (cut_out[..., :3] * opacity + 150 * (1 - opacity)).astype(np.uint8)
    shown = np.pad(shown, ((60, 60), (160, 160), (0, 0)), constant_values=150)
    found, _ = bundled.detect(shown)
    assert found[0].label == label
    assert found[0].score >= 0.5
    assert found[0].box.area >= 0.2
