"""Faces with ONNX Runtime on an NVIDIA card; face detector type ``gpu``.

Needs the package ``onnxruntime-gpu`` in place of ``onnxruntime``. Never run on a real card.
"""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from spyoncino.detectors.faces_model import FaceModel, ModelFaceDetector, Session
from spyoncino.detectors.onnx_session import OnnxSession, Provider
from spyoncino.errors import ConfigError

DEVICE: Final = re.compile(r"(cuda|tensorrt)(?::(\d{1,2}))?")
PROVIDERS: Final = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}

CARD_FILES: Final = ("dev/nvidia0", "dev/nvhost-gpu", "dev/dxg")
"""A card's driver is there: desktop and server, Jetson, Windows' Linux."""

PROVIDER_LIBRARY: Final = "libonnxruntime_providers_cuda.so"


class GpuNetworkDetector(ModelFaceDetector):
    """CenterFace, or the user's own ONNX model, on a card.

    Args:
        config: See ``FaceDetectorConfig``; also ``device``: ``cuda:0`` (default), ``tensorrt:0`` or
            another number.
        store: The bundled models; the package's own when not given.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: The card cannot be used, or the model cannot be read, loaded or decoded.
    """

    strategy: ClassVar[str] = "gpu"
    more_keys: ClassVar[tuple[str, ...]] = ("device",)

    @classmethod
    def is_available(cls) -> bool:
        """Whether ONNX Runtime has its library for cards, and a card's driver is there."""
        return has_cuda_provider() and has_card()

    def load(self, model: FaceModel, config: Mapping[str, Any]) -> Session:
        """See ``ModelFaceDetector.load``."""
        provider = provider_of(config.get("device", "cuda:0"))
        return OnnxSession(model.content, model.name, self.config.threads, provider)


def provider_of(device: Any) -> Provider:
    """ONNX Runtime's name and options for ``cuda:0`` and the like.

    Raises:
        ConfigError: It is something else.
    """
    named = DEVICE.fullmatch(device) if isinstance(device, str) else None
    if named is None:
        raise ConfigError(f"device is {device!r}, but must be like cuda:0 or tensorrt:0.")
    return PROVIDERS[named[1]], {"device_id": int(named[2] or 0)}


def has_cuda_provider() -> bool:
    """Whether the installed ONNX Runtime can use a card, without loading it."""
    found = importlib.util.find_spec("onnxruntime")
    folders = (found.submodule_search_locations or []) if found else []
    return any((Path(folder) / "capi" / PROVIDER_LIBRARY).is_file() for folder in folders)


def has_card(root: Path = Path("/")) -> bool:
    """Whether a card's driver is there."""
    return any((root / name).exists() for name in CARD_FILES)
