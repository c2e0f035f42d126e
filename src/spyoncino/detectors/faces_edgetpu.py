"""Faces with LiteRT, on an EdgeTPU where one is, else on the processor; face detector ``edgetpu``.

The bundled BlazeFace computes in floats: an EdgeTPU runs only files compiled for it, which a user
brings by ``model_path``. Without one, or without the stick, the processor does the work, and the
detector's name says so. Never run on a real EdgeTPU.
"""

import ctypes
import importlib.util
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.base import DetectorUnavailableWarning
from spyoncino.detectors.faces_blazeface import BlazeFaceHead, SsdFaceHead
from spyoncino.detectors.faces_head import FaceHead
from spyoncino.detectors.faces_model import FaceModel, ModelFaceDetector, Session
from spyoncino.detectors.store import ModelStore, read_verified
from spyoncino.errors import ConfigError, ModelError

INTERPRETERS: Final = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
"""Packages that run TFLite files, the current one first."""

EDGETPU_LIBRARY: Final = "libedgetpu.so.1"
ON_CPU: Final = "cpu"
SSD_MARK: Final = b"TFLite_Detection_PostProcess"
"""Name of the operation with which a file decodes its own boxes."""

HEADS: Final[Mapping[str, type[FaceHead]]] = MappingProxyType(
    {"blazeface": BlazeFaceHead, "ssd_postprocess": SsdFaceHead}
)


class LiteRtFaceDetector(ModelFaceDetector):
    """BlazeFace, or the user's own TFLite file.

    Args:
        config: See ``FaceDetectorConfig``; also ``model_path``: a TFLite file of the user's own;
            ``delegate``: ``edgetpu`` (default), ``cpu``, or the path of a delegate's library.
        store: The bundled models; the package's own when not given.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: The library is missing, or the model cannot be read, loaded or decoded.
    """

    never_run_on: ClassVar[str] = "an EdgeTPU (on the processor it was)"
    strategy: ClassVar[str] = "edgetpu"
    more_keys: ClassVar[tuple[str, ...]] = ("model_path", "delegate")
    default_model: ClassVar[str] = "blazeface_full_range"
    heads: ClassVar[Mapping[str, type[FaceHead]]] = HEADS

    @classmethod
    def is_available(cls) -> bool:
        """Whether an interpreter for TFLite files is installed."""
        return any(_is_installed(name) for name in INTERPRETERS)

    def find_model(self, config: Mapping[str, Any], store: ModelStore | None) -> FaceModel:
        """The file of ``model_path``, else what ``model`` says."""
        given = config.get("model_path")
        if given is None:
            return super().find_model(config, store)
        if not isinstance(given, str | Path) or not str(given):
            raise ConfigError(f"model_path is {given!r}, but must be the path of a TFLite file.")
        content = read_verified(Path(given), None)
        kind = "ssd_postprocess" if SSD_MARK in content else "blazeface"
        return FaceModel(Path(given).stem, kind, content, None)

    def load(self, model: FaceModel, config: Mapping[str, Any]) -> Session:
        """See ``ModelFaceDetector.load``; without the delegate it warns and takes the processor."""
        wanted = config.get("delegate", "edgetpu")
        if not isinstance(wanted, str) or not wanted:
            raise ConfigError(f"delegate is {wanted!r}, but must be edgetpu, cpu or a library.")
        library = None if wanted == ON_CPU else _library(wanted)
        if library is None:
            self._name += f"@{ON_CPU}"
            if wanted != ON_CPU:
                warnings.warn(
                    f"The library of the delegate {wanted!r} is not on this machine; the "
                    "processor runs the model. Set delegate to cpu if that is what you want.",
                    DetectorUnavailableWarning,
                    stacklevel=2,
                )
        return LiteRtSession(model.content, model.name, self.config.threads, library)


class LiteRtSession:
    """One loaded TFLite file with one picture as input.

    Args:
        content: The file's bytes.
        name: What to call the model in error messages.
        threads: On the processor.
        library: Of a delegate; ``None`` runs on the processor.

    Raises:
        ModelError: LiteRT is missing or does not take the model.
    """

    def __init__(self, content: bytes, name: str, threads: int, library: str | None) -> None:
        self.name = name
        module = _interpreter_module(name)
        try:
            delegates = [module.load_delegate(library)] if library else None
            self._interpreter: Any = module.Interpreter(
                model_content=content, num_threads=threads, experimental_delegates=delegates
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelError(
                f"Model {name} is not a TFLite file that can run here: {error}"
            ) from error
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()
        self.input_shape: tuple[int | None, ...] = tuple(int(n) for n in self._input["shape"])

    def run(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Run the model once.

        Args:
            tensor: ``(1, height, width, 3)``; turned into whole numbers where the model wants them.

        Raises:
            ModelError: The model failed, for example because the size does not fit.
        """
        try:
            self._interpreter.set_tensor(self._input["index"], quantised(tensor, self._input))
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"Model {self.name} failed on an input of shape {tensor.shape}: {error}"
            ) from error
        return [
            dequantised(self._interpreter.get_tensor(output["index"]), output)
            for output in self._outputs
        ]


def quantised(values: NDArray[np.float32], tensor: Mapping[str, Any]) -> NDArray[Any]:
    """Real numbers as the tensor stores them: ``real = scale * (stored - zero_point)``."""
    kind = np.dtype(tensor["dtype"])
    if kind == np.float32:
        return values
    scale, zero_point = tensor["quantization"]
    limits = np.iinfo(kind)
    stored = np.clip(np.rint(values / scale + zero_point), limits.min, limits.max)
    return np.asarray(stored, kind)


def dequantised(stored: NDArray[Any], tensor: Mapping[str, Any]) -> NDArray[np.float32]:
    """The real numbers of a tensor; see ``quantised``."""
    scale, zero_point = tensor["quantization"]
    if np.issubdtype(stored.dtype, np.integer) and scale:
        return np.asarray((stored.astype(np.float32) - zero_point) * scale, np.float32)
    return np.asarray(stored, np.float32)


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name.partition(".")[0]) is not None


def _interpreter_module(model: str) -> ModuleType:
    for name in INTERPRETERS:
        if _is_installed(name):
            return importlib.import_module(name)
    raise ModelError(
        f"Model {model} needs LiteRT, which is not installed. "
        "Install it with: pip install 'spyoncino[litert]'."
    )


def _library(delegate: str) -> str | None:
    """The library of a delegate; ``None`` when it cannot be loaded.

    Asked here because the interpreter's own loader cannot fail without leaving a broken object.
    """
    name = EDGETPU_LIBRARY if delegate == "edgetpu" else delegate
    try:
        ctypes.CDLL(name)
    except OSError:
        return None
    return name
