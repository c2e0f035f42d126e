"""The model converter on a small graph whose result can be worked out by hand."""

import base64
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

SCRIPT = Path(__file__).resolve().parents[3] / "tools" / "convert" / "tfjs_to_onnx.py"


@pytest.fixture(scope="module")
def converter() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tfjs_to_onnx", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text(value: str) -> dict[str, str]:
    return {"s": base64.b64encode(value.encode()).decode()}


def numbers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def write_model(folder: Path, *, last: str = "LeakyRelu") -> Path:
    """Pads a 1x1x2x2 picture, averages 2x2 neighbours in a half-precision kernel, LeakyRelu."""
    values: dict[str, NDArray[Any]] = {
        "paddings": np.array([[0, 0], [0, 0], [0, 1], [0, 1]], np.int32),
        "order": np.array([0, 2, 3, 1], np.int32),
        "kernel": np.full((2, 2, 1, 1), 0.25, np.float16),
    }
    weights: list[dict[str, Any]] = [
        {"name": name, "shape": list(array.shape), "dtype": "int32"}
        for name, array in values.items()
    ]
    weights[2] |= {"dtype": "float32", "quantization": {"dtype": "float16"}}
    sizes = [{"size": str(size)} for size in (1, 1, 2, 2)]
    nodes = [
        {"name": "picture", "op": "Placeholder", "attr": {"shape": {"shape": {"dim": sizes}}}},
        *({"name": name, "op": "Const"} for name in values),
        {"name": "padded", "op": "Pad", "input": ["picture", "paddings"]},
        {"name": "last", "op": "Transpose", "input": ["padded", "order"]},
        {"name": "mean", "op": "Conv2D", "input": ["last", "kernel"], "attr": {
            "padding": text("VALID"), "data_format": text("NHWC"),
            "strides": numbers(1, 1, 1, 1), "dilations": numbers(1, 1, 1, 1)}},
        {"name": "out", "op": last, "input": ["mean"], "attr": {"alpha": {"f": 0.5}}},
    ]  # fmt: skip
    (folder / "model.bin").write_bytes(b"".join(array.tobytes() for array in values.values()))
    model = {
        "signature": {"outputs": {"out:0": {"name": "out:0"}}},
        "modelTopology": {"node": nodes},
        "weightsManifest": [{"paths": ["model.bin"], "weights": weights}],
    }
    path = folder / "model.json"
    path.write_text(json.dumps(model))
    return path


def test_converted_graph_computes_the_same(converter: ModuleType, tmp_path: Path) -> None:
    content = converter.convert(write_model(tmp_path)).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    picture = np.array([[[[4, 8], [-12, -16]]]], np.float32)
    (output,) = session.run(None, {"picture": picture})
    assert np.asarray(output)[0, :, :, 0].tolist() == [[-2.0, -1.0], [-3.5, -2.0]]


def test_half_precision_weights_stay_half_precision(converter: ModuleType, tmp_path: Path) -> None:
    model = converter.convert(write_model(tmp_path))
    assert [item.data_type for item in model.graph.initializer].count(10) == 1


def test_same_model_gives_the_same_bytes(converter: ModuleType, tmp_path: Path) -> None:
    path = write_model(tmp_path)
    first, second = (
        converter.convert(path).SerializeToString(deterministic=True) for _ in range(2)
    )
    assert first == second


def test_unknown_operation_is_named(converter: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(converter.UnsupportedModelError, match=r"Operation Erf \(out\) is unknown"):
        converter.convert(write_model(tmp_path, last="Erf"))
