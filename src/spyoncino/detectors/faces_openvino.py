"""Faces with OpenVINO: the same network as ``cpu``, faster on Intel; face detector ``openvino``."""

import importlib.util
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.faces_model import FaceModel, ModelFaceDetector, Session
from spyoncino.errors import ConfigError, ModelError


class OpenVinoFaceDetector(ModelFaceDetector):
    """CenterFace, or the user's own ONNX model, on OpenVINO.

    Args:
        config: See ``FaceDetectorConfig``; also ``device``: ``CPU`` (default), ``GPU``, ``NPU`` or
            another name that OpenVINO knows.
        store: The bundled models; the package's own when not given.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: OpenVINO is missing, or the model cannot be read, loaded or decoded.
    """

    never_run_on: ClassVar[str] = "Intel's GPU or NPU (on the processor it was)"
    strategy: ClassVar[str] = "openvino"
    more_keys: ClassVar[tuple[str, ...]] = ("device",)

    @classmethod
    def is_available(cls) -> bool:
        """Whether OpenVINO is installed."""
        return importlib.util.find_spec("openvino") is not None

    def load(self, model: FaceModel, config: Mapping[str, Any]) -> Session:
        """See ``ModelFaceDetector.load``."""
        device = config.get("device", "CPU")
        if not isinstance(device, str) or not device:
            raise ConfigError(f"device is {device!r}, but must be CPU, GPU, NPU or the like.")
        return OpenVinoSession(model.content, model.name, self.config.threads, device)


class OpenVinoSession:
    """One network with one input, compiled for one device.

    Args:
        content: The bytes of an ONNX file.
        name: What to call the model in error messages.
        threads: On the processor.
        device: OpenVINO's name of it.

    Raises:
        ModelError: OpenVINO is missing, does not take the model or does not have the device.
    """

    def __init__(self, content: bytes, name: str, threads: int, device: str) -> None:
        self.name = name
        try:
            import openvino  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ModelError(
                f"Model {name} needs OpenVINO, which cannot be loaded: {error}. "
                "Install it with: pip install 'spyoncino[openvino]'."
            ) from error
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if device == "CPU":
            # Single precision: half of it would give other faces on newer processors.
            settings |= {
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": 1,
                "INFERENCE_PRECISION_HINT": "f32",
            }
        try:
            core = openvino.Core()
            model = core.read_model(content)
            shape = model.input().get_partial_shape()
            self._model: Any = core.compile_model(model, device, settings)
        except RuntimeError as error:
            raise ModelError(
                f"Model {name} cannot run on OpenVINO's device {device}: {error}"
            ) from error
        self.input_shape: tuple[int | None, ...] = tuple(
            size.get_length() if size.is_static else None for size in shape
        )

    def run(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Run the network once on ``(1, 3, height, width)``.

        Raises:
            ModelError: The model failed, for example because the size does not fit.
        """
        try:
            found = self._model([tensor])
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"Model {self.name} failed on an input of shape {tensor.shape}: {error}"
            ) from error
        return [np.array(found[n], dtype=np.float32) for n in range(len(self._model.outputs))]
