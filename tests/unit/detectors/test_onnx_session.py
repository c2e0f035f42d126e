import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from spyoncino.detectors.onnx_session import OnnxSession, is_onnxruntime_installed
from spyoncino.errors import ModelError

ANSWER = np.arange(6, dtype=np.float32).reshape(1, 2, 3)


def test_outputs_come_in_the_order_of_the_model(constant_model: Callable[..., Path]) -> None:
    path = constant_model([ANSWER, ANSWER + 1])
    first, second = OnnxSession(path.read_bytes(), "tiny").run(np.zeros((1, 3, 64, 64), np.float32))
    assert (first == ANSWER).all()
    assert (second == ANSWER + 1).all()


def test_model_in_half_precision_gets_and_gives_floats(
    constant_model: Callable[..., Path],
) -> None:
    path = constant_model([ANSWER.astype(np.float16)], input_type=TensorProto.FLOAT16)
    (output,) = OnnxSession(path.read_bytes(), "half").run(np.zeros((1, 3, 64, 64), np.float32))
    assert output.dtype == np.float32


def test_open_sizes_are_none(constant_model: Callable[..., Path]) -> None:
    path = constant_model([ANSWER], input_shape=(1, 3, "height", "width"))
    assert OnnxSession(path.read_bytes(), "open").input_shape == (1, 3, None, None)


def test_file_that_is_no_model_is_a_sentence() -> None:
    with pytest.raises(ModelError, match="Model notes is not an ONNX model"):
        OnnxSession(b"dear diary", "notes")


def test_input_that_is_no_picture_is_refused(constant_model: Callable[..., Path]) -> None:
    path = constant_model([ANSWER], input_shape=(1, 10))
    with pytest.raises(
        ModelError, match=r"must have one float input .* but has: picture \[1, 10\]"
    ):
        OnnxSession(path.read_bytes(), "flat")


def test_wrong_size_at_run_time_is_a_sentence(constant_model: Callable[..., Path]) -> None:
    session = OnnxSession(constant_model([ANSWER]).read_bytes(), "tiny")
    with pytest.raises(
        ModelError, match=r"Model tiny failed on an input of shape \(1, 3, 32, 32\)"
    ):
        session.run(np.zeros((1, 3, 32, 32), np.float32))


def test_missing_library_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match="needs ONNX Runtime, which cannot be loaded"):
        OnnxSession(b"", "any")


def test_library_is_found_without_loading_it() -> None:
    assert is_onnxruntime_installed()
