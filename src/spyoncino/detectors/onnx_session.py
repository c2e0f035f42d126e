"""One loaded ONNX model: the only place that touches ONNX Runtime."""

import functools
import importlib.util
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import ModelError

_ERRORS_ONLY: Final = 3
"""ONNX Runtime's log level that keeps its warnings out of a person's terminal."""

_INPUT_TYPES: Final = {"tensor(float)": np.float32, "tensor(float16)": np.float16}

Provider = tuple[str, Mapping[str, Any]]
"""ONNX Runtime's name of a back end, and its options."""

ON_CPU: Final[Provider] = ("CPUExecutionProvider", MappingProxyType({}))


def is_onnxruntime_installed() -> bool:
    """Whether the library is there, without loading it."""
    return importlib.util.find_spec("onnxruntime") is not None


def _also(provider: Provider) -> list[str]:
    """Where the few operators run that the back end does not know."""
    return [] if provider[0] == ON_CPU[0] else [ON_CPU[0]]


@functools.cache
def _share_memory() -> None:
    """Let all models of this process take their working memory from one pool.

    They run one after the other, and a pool of its own for each costs a worker with three models
    16 MB.
    """
    import onnxruntime  # noqa: PLC0415 - as below

    place = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    onnxruntime.create_and_register_allocator(place, None)


def _exceptions_of(module: ModuleType) -> tuple[type[Exception], ...]:
    """Every exception that a module defines: ONNX Runtime's share no base class of their own."""
    return (
        ValueError,
        RuntimeError,
        *(
            found
            for found in vars(module).values()
            if isinstance(found, type) and issubclass(found, Exception)
        ),
    )


class OnnxSession:
    """A model with one picture input, ready to run.

    Args:
        content: The file's bytes, already verified.
        name: What to call the model in error messages.
        threads: Threads inside one operator; 1 gives the same numbers on every machine load.
        provider: ONNX Runtime's name of the back end and its options.

    Raises:
        ModelError: ONNX Runtime is missing, does not take the model or cannot use the back end, or
            the input is not one float tensor ``1 x 3 x height x width``.
    """

    def __init__(
        self, content: bytes, name: str, threads: int = 1, provider: Provider = ON_CPU
    ) -> None:
        self.name = name
        try:
            # Only workers load it: main and the capture children stay light.
            import onnxruntime  # noqa: PLC0415
            from onnxruntime.capi import onnxruntime_pybind11_state  # noqa: PLC0415
        except ImportError as error:
            raise ModelError(
                f"Model {name} needs ONNX Runtime, which cannot be loaded: {error}. "
                "Install it with: pip install onnxruntime."
            ) from error
        self._errors = _exceptions_of(onnxruntime_pybind11_state)
        _share_memory()
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # 15 MB less in each worker, at the same speed
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session: Any = onnxruntime.InferenceSession(
                content, options, providers=[(provider[0], dict(provider[1])), *_also(provider)]
            )
        except self._errors as error:
            raise ModelError(
                f"Model {name} is not an ONNX model that ONNX Runtime can load: {error}"
            ) from error
        if self._session.get_providers()[0] != provider[0]:
            raise ModelError(
                f"Model {name} cannot run on ONNX Runtime's {provider[0]}: its libraries or the "
                "device are not there; see what 'spyoncino doctor' finds."
            )
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in _INPUT_TYPES:
            found = ", ".join(f"{item.name} {item.shape} {item.type}" for item in inputs)
            raise ModelError(
                f"Model {name} must have one float input 1 x 3 x height x width, but has: {found}."
            )
        self._input_name: str = inputs[0].name
        self._input_type = _INPUT_TYPES[inputs[0].type]
        self.input_shape: tuple[int | None, ...] = tuple(
            size if isinstance(size, int) else None for size in inputs[0].shape
        )

    def run(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Run the model once.

        Args:
            tensor: ``(1, 3, height, width)``.

        Returns:
            Every output as float32, in the model's order.

        Raises:
            ModelError: The model failed, for example because the size does not fit.
        """
        fitting = tensor.astype(self._input_type, copy=False)
        try:
            outputs: Sequence[Any] = self._session.run(None, {self._input_name: fitting})
        except self._errors as error:
            raise ModelError(
                f"Model {self.name} failed on an input of shape {tensor.shape}: {error}"
            ) from error
        return [np.asarray(output, dtype=np.float32) for output in outputs]
