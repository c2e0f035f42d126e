from pathlib import Path
from typing import Any

import pytest

from spyoncino.detectors.object_config import ObjectDetectorConfig, UserModel, refuse_unknown
from spyoncino.errors import ConfigError

OWN = {"type": "yolov8", "path": "/models/own.onnx", "labels": ["person", "parcel"]}


def test_nothing_given_means_the_bundled_model_on_one_thread() -> None:
    config = ObjectDetectorConfig.from_mapping({})
    assert (config.model, config.threads, config.score_floor) == ("nanodet_416", 1, 0.1)


def test_own_model_in_full() -> None:
    config = ObjectDetectorConfig.from_mapping(
        {
            "model": {
                **OWN, "input_width_px": 640, "input_height_px": 384, "colour": "bgr",
                "mean": [1, 2, 3], "std": [4, 5, 6], "sha256": "ab",
            },
            "threads": 2,
            "score_floor": 0.2,
        }
    )  # fmt: skip
    assert config.model == UserModel(
        type="yolov8", path=Path("/models/own.onnx"), labels=("person", "parcel"),
        input_width_px=640, input_height_px=384, colour="bgr", mean=(1.0, 2.0, 3.0),
        std=(4.0, 5.0, 6.0), sha256="ab",
    )  # fmt: skip
    assert (config.threads, config.score_floor) == (2, 0.2)


def test_labels_come_from_a_file_with_one_on_each_line(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("person\n parcel \n\n")
    assert UserModel.from_mapping({**OWN, "labels": str(names)}).labels == ("person", "parcel")


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"thread": 2}, "thread is not a setting here; did you mean 'threads'?"),
        ({"threads": 0}, "threads is 0, but must be 1..64"),
        ({"threads": "two"}, "threads is 'two'"),
        ({"threads": True}, "threads is True"),
        ({"score_floor": 1.5}, "score_floor is 1.5, but must be a number 0..1"),
        ({"score_floor": True}, "score_floor is True"),
        ({"model": 7}, "model is 7, but must be a name or a mapping"),
        ({"model": ""}, "model is ''"),
        ({"model": {"type": "yolox", "path": "x"}}, "model.labels is missing"),
        ({"model": {"path": "x", "labels": ["a"]}}, "model.type is missing"),
        ({"model": {"type": "yolox", "labels": ["a"]}}, "model.path is missing"),
        ({"model": {**OWN, "lables": ["a"]}}, "did you mean 'labels'?"),
        ({"model": {**OWN, "labels": 5}}, "model.labels must be a list"),
        ({"model": {**OWN, "labels": ["a", " "]}}, "model.labels must be a list"),
        ({"model": {**OWN, "labels": "/no/such/file"}}, "the file /no/such/file cannot be read"),
        ({"model": {**OWN, "colour": "hsv"}}, "model.colour is 'hsv', but must be bgr or rgb"),
        ({"model": {**OWN, "input_width_px": -1}}, "model.input_width_px is -1"),
        ({"model": {**OWN, "input_height_px": "x"}}, "model.input_height_px is 'x'"),
        ({"model": {**OWN, "mean": [1, 2]}}, "model.mean is [1, 2], but must be three numbers"),
        ({"model": {**OWN, "mean": 5}}, "model.mean is 5"),
        ({"model": {**OWN, "std": [0, 1, 1]}}, "every number must be above 0"),
    ],
)
def test_wrong_setting_is_one_sentence(raw: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ObjectDetectorConfig.from_mapping(raw)
    assert sentence in str(caught.value)


def test_unknown_key_far_from_every_known_one_lists_them() -> None:
    with pytest.raises(ConfigError, match=r"known: alpha, beta\."):
        refuse_unknown(["zzz"], ["alpha", "beta"], "")


def test_unknown_key_where_there_are_none_says_so() -> None:
    with pytest.raises(ConfigError, match=r"snapshot\.x is not a setting here; known: none\."):
        refuse_unknown(["x"], [], "snapshot.")
