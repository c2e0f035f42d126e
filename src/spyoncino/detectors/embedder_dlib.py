"""The 128 numbers of dlib's ResNet as rows of length 1; type ``dlib``, an optional extra.

dlib compares its vectors by Euclidean distance (usual tolerance 0.6), not by angle, and they are
not of length 1. Dividing each by its length would lose what the lengths say. So each vector is
laid on a sphere: divided by a radius larger than any of them, with one more number that completes
it to length 1. Between such rows ``cosine = 1 - distance² / (2 radius²)`` but for the square of the
difference of the completing numbers: at most 0.008 near a distance of 0.6, and no decision at 0.6
differed among 1,830 pairs. Hence 129 dimensions.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.base import Image
from spyoncino.detectors.embedder_base import Embedder, Vectors
from spyoncino.detectors.embedder_config import DLIB_RADIUS, EmbedderConfig, EmbedderModel
from spyoncino.detectors.faces_dlib import is_dlib_installed
from spyoncino.detectors.store import read_verified
from spyoncino.errors import ModelError

WEIGHTS_PACKAGE: Final = "face_recognition_models"
WEIGHTS: Final = "models/dlib_face_recognition_resnet_model_v1.dat"

_RAW_DIMENSIONS: Final = 128
_CHIP_PX: Final = 150
_TO_CHIP: Final = np.array([[1.484, 0.0, -8.1], [0.0, 1.484, -31.8]])
"""From the aligned 112 picture to the picture dlib's network was trained on (150 px, padding a
quarter); fitted to what dlib's own five-point alignment cuts out, which it meets to 2 px."""


class DlibEmbedder(Embedder):
    """dlib's face recognition network on faces aligned the usual way.

    Args:
        config: ``model.path`` names the weights; without it they come from the package
            ``face_recognition_models``.

    Raises:
        ModelError: The library or the weights are missing or cannot be used.
    """

    def __init__(self, config: EmbedderConfig) -> None:
        user = config.model if isinstance(config.model, EmbedderModel) else None
        path = (user and user.path) or _bundled_weights()
        if path is None or not is_dlib_installed():
            raise ModelError(
                "The embedder dlib needs the library dlib and the package face_recognition_models "
                "(or model.path); install them with: pip install 'spyoncino[dlib]' "
                "face_recognition_models."
            )
        if user is not None and user.sha256 is not None:
            read_verified(path, user.sha256)
        try:
            import dlib  # noqa: PLC0415 - optional, and only workers load it

            self._network: Any = dlib.face_recognition_model_v1(str(path))
        except (ImportError, RuntimeError) as error:
            raise ModelError(f"The embedder dlib cannot load {path}: {error}") from error

    @classmethod
    def is_available(cls) -> bool:
        """Whether the library and the package with its weights are installed."""
        return is_dlib_installed() and _bundled_weights() is not None

    @property
    def name(self) -> str:
        """``dlib_resnet_v1``."""
        return "dlib_resnet_v1"

    @property
    def dimensions(self) -> int:
        """128 and the one that completes a row to length 1."""
        return _RAW_DIMENSIONS + 1

    def embed(self, aligned: Sequence[Image]) -> Vectors:
        """See ``Embedder.embed``."""
        if not aligned:
            return np.empty((0, self.dimensions), np.float32)
        try:
            raw = [np.array(self._network.compute_face_descriptor(_chip(a))) for a in aligned]
        except RuntimeError as error:
            raise ModelError(f"The embedder dlib failed: {error}") from error
        return on_sphere(np.stack(raw))


def on_sphere(raw: NDArray[np.float64]) -> Vectors:
    """Vectors of dlib as rows of length 1 that keep their Euclidean distances.

    Args:
        raw: ``(n, 128)``; longer ones than ``DLIB_RADIUS`` are shortened to it.

    Returns:
        ``(n, 129)`` float32.
    """
    rows = np.asarray(raw, np.float64) / DLIB_RADIUS
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.maximum(lengths, 1.0)
    rest = np.sqrt(np.maximum(0.0, 1.0 - np.minimum(lengths, 1.0) ** 2))
    return np.hstack([rows, rest]).astype(np.float32)


def _bundled_weights() -> Path | None:
    found = importlib.util.find_spec(WEIGHTS_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(next(iter(found.submodule_search_locations))) / WEIGHTS
    return path if path.is_file() else None


def _chip(aligned: Image) -> Image:
    chip = cv2.warpAffine(aligned, _TO_CHIP, (_CHIP_PX, _CHIP_PX), borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(chip[..., ::-1], np.uint8)
