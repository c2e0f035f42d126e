"""Tiny ONNX models whose outputs are known, and a picture."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

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
