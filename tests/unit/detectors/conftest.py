"""Tiny ONNX models whose outputs are known, and a picture."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from spyoncino.detectors.base import Image
from spyoncino.detectors.faces_onnx import OnnxFaceDetector
from spyoncino.detectors.results import FaceDetectionResult
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import Landmarks
from spyoncino.hardware.sprites import demo_picture

VISITOR_BOX: Final = Box(0.43, 0.10, 0.668, 0.33)
VISITOR_LANDMARKS: Final[Landmarks] = (
    (0.496, 0.178),
    (0.612, 0.182),
    (0.551, 0.223),
    (0.497, 0.260),
    (0.595, 0.262),
)
"""Of the bundled portrait, looked up by eye in the enlarged picture."""

Outputs = Sequence[NDArray[np.float32]]
ConstantModel = Callable[..., Path]


def save_model(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    outputs: Sequence[str],
    constants: dict[str, NDArray[np.float32]],
    input_shape: Sequence[int | str],
    input_type: int = TensorProto.FLOAT,
) -> Path:
    """Write a graph with one input called ``picture``."""
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info("picture", input_type, list(input_shape))],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture
def constant_model(tmp_path: Path) -> ConstantModel:
    """Builds a model that answers the same whatever it sees."""

    def build(
        outputs: Outputs,
        input_shape: Sequence[int | str] = (1, 3, 64, 64),
        input_type: int = TensorProto.FLOAT,
        name: str = "tiny.onnx",
    ) -> Path:
        constants = {f"constant_{n}": value for n, value in enumerate(outputs)}
        names = [f"output_{n}" for n in range(len(outputs))]
        nodes = [
            helper.make_node("Identity", [constant], [output])
            for constant, output in zip(constants, names, strict=True)
        ]
        return save_model(tmp_path / name, nodes, names, constants, input_shape, input_type)

    return build


@pytest.fixture
def mean_colour_model(tmp_path: Path) -> Path:
    """A YOLOv8-style model with three labels: their scores are the means of the input's channels,
    their one box is the middle half of the input.
    """
    box = np.array([32, 32, 32, 32], np.float32).reshape(1, 4, 1)
    shape = np.array([1, 3, 1], np.int64)
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["means"], axes=[2, 3], keepdims=1),
        helper.make_node("Reshape", ["means", "shape"], ["scores"]),
        helper.make_node("Concat", ["box", "scores"], ["output"], axis=1),
    ]
    return save_model(
        tmp_path / "mean_colour.onnx",
        nodes,
        ["output"],
        {"box": box, "shape": shape},  # type: ignore[dict-item] # an int64 shape among floats
        (1, 3, 64, 64),
    )


@pytest.fixture(scope="session")
def centerface() -> OnnxFaceDetector:
    """The bundled detector with its defaults, built once."""
    return OnnxFaceDetector({})


@pytest.fixture(scope="session")
def visitor() -> Image:
    """The bundled portrait, 378x498, on grey."""
    portrait = demo_picture("visitor.png")
    grey = np.full((*portrait.shape[:2], 3), 114, np.float32)
    share = portrait[..., 3:].astype(np.float32) / 255
    return (portrait[..., :3] * share + grey * (1 - share)).astype(np.uint8)


@pytest.fixture(scope="session")
def three_visitors(visitor: Image) -> Image:
    """The portrait three times in 1280x720: faces of about 90, 45 and 23 pixels."""
    scene = np.full((720, 1280, 3), 114, np.uint8)
    for left, top, scale in ((60, 120, 1.0), (600, 300, 0.5), (1000, 450, 0.25)):
        small = cv2.resize(visitor, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        scene[top : top + small.shape[0], left : left + small.shape[1]] = small
    return scene


class IsTheVisitor(Protocol):
    """Asserts that a face is that of the bundled portrait."""

    def __call__(
        self, face: FaceDetectionResult, iou_above: float = ..., landmarks_within: float = ...
    ) -> None: ...


@pytest.fixture(scope="session")
def assert_is_the_visitor() -> IsTheVisitor:
    """Box and, where there are any, landmarks as shares of the picture."""

    def check(
        face: FaceDetectionResult, iou_above: float = 0.6, landmarks_within: float = 0.02
    ) -> None:
        assert face.box.iou(VISITOR_BOX) > iou_above
        if face.landmarks:
            gap = np.array(face.landmarks) - np.array(VISITOR_LANDMARKS)
            assert np.abs(gap).max() < landmarks_within

    return check
