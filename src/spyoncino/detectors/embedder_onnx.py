"""Embeddings with any ONNX model on ONNX Runtime's CPU back end."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.base import Image
from spyoncino.detectors.embedder_base import ALIGNED_PX, Embedder, Vectors
from spyoncino.detectors.embedder_config import (
    FAMILIES,
    EmbedderConfig,
    EmbedderModel,
    read_model,
)
from spyoncino.detectors.onnx_session import OnnxSession, is_onnxruntime_installed
from spyoncino.detectors.store import ModelStore
from spyoncino.errors import ConfigError, ModelError

_DIMENSIONS: Final = range(32, 4097)
"""A row outside of this is no embedding: class scores, or a feature map."""

_MAX_SIDE_PX: Final = 512

_SHORTEST: Final = 1e-6
"""A vector shorter than this has no direction."""


class OnnxEmbedder(Embedder):
    """The bundled MobileFaceNet, or an ArcFace-like model of the user's own.

    Layout, size and batch are read from the model: channels first or last, any square input (the
    aligned face is scaled to it), several faces at once where its batch is open.

    Args:
        config: Model, threads, mirror image.
        store: The bundled models; the package's own when not given.

    Raises:
        ConfigError: The bundled model is none for faces.
        ModelError: The model cannot be read or loaded, or is no embedder.
    """

    def __init__(self, config: EmbedderConfig, store: ModelStore | None = None) -> None:
        if isinstance(config.model, EmbedderModel):
            user: EmbedderModel | None = config.model
            family = FAMILIES[config.model.type]
            self._name, content = read_model(config.model)
        else:
            user = None
            store = store or ModelStore()
            entry = store.entry(config.model)
            if entry.type not in FAMILIES:
                raise ConfigError(
                    f"embedder.model is {entry.name!r}, which is a model for {entry.task}; "
                    "leave it out to take the bundled embedder."
                )
            family = FAMILIES[entry.type]
            self._name, content = entry.name, store.read(entry.name)
        self._is_mirrored = config.is_mirrored
        self._is_rgb = ((user and user.colour) or family.colour) == "rgb"
        self._mean = np.array((user and user.mean) or (family.mean,) * 3, np.float32)
        self._std = np.array((user and user.std) or (family.std,) * 3, np.float32)
        self._session = OnnxSession(content, self._name, config.threads)
        self._is_channels_last, self._side_px = self._read_layout()
        self._takes_many = self._session.input_shape[0] is None
        self._dimensions = self._probe()

    @classmethod
    def is_available(cls) -> bool:
        """Whether ONNX Runtime is installed."""
        return is_onnxruntime_installed()

    @property
    def name(self) -> str:
        """The bundled model's name, or the file's with a part of its hash."""
        return self._name

    @property
    def dimensions(self) -> int:
        """Length of a row."""
        return self._dimensions

    def embed(self, aligned: Sequence[Image]) -> Vectors:
        """See ``Embedder.embed``."""
        if not aligned:
            return np.empty((0, self._dimensions), np.float32)
        faces = list(aligned)
        if self._is_mirrored:
            faces += [np.ascontiguousarray(face[:, ::-1]) for face in aligned]
        rows = self._directions(self._run(np.stack([self._tensor(face) for face in faces])))
        if self._is_mirrored:
            rows = self._directions(rows[: len(aligned)] + rows[len(aligned) :])
        return rows

    def _run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._takes_many:
            return self._session.run(batch)[0]
        return np.concatenate([self._session.run(one[None])[0] for one in batch])

    def _tensor(self, face: Image) -> NDArray[np.float32]:
        if face.shape[:2] != (self._side_px, self._side_px):
            face = np.asarray(cv2.resize(face, (self._side_px, self._side_px)), np.uint8)
        ordered = face[..., ::-1] if self._is_rgb else face
        numbers = (ordered.astype(np.float32) - self._mean) / self._std
        return numbers if self._is_channels_last else numbers.transpose(2, 0, 1)

    def _directions(self, rows: NDArray[np.float32]) -> Vectors:
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and (lengths > _SHORTEST).all()):
            raise ModelError(
                f"Embedder {self._name} gave back a vector without direction (all zeros or not "
                "finite); the model file is damaged or its mean and std do not fit."
            )
        return np.asarray(rows / lengths, np.float32)

    def _read_layout(self) -> tuple[bool, int]:
        """Whether channels come last, and the side of the input in pixels."""
        shape = self._session.input_shape
        is_last = shape[3] == 3 and shape[1] != 3
        height, width = shape[1:3] if is_last else shape[2:4]
        side = height or width or ALIGNED_PX
        is_square = all(given in (None, side) for given in (height, width))
        if (not is_last and shape[1] != 3) or not is_square or side > _MAX_SIDE_PX:
            raise ModelError(
                f"Model {self._name} is no embedder for aligned faces: its input is "
                f"{_as_text(shape)}, but must be n x 3 x side x side or n x side x side x 3 with "
                f"a side of at most {_MAX_SIDE_PX}."
            )
        return is_last, side

    def _probe(self) -> int:
        """Run the model once: what it really gives back must be one row for each face."""
        grey = np.full((ALIGNED_PX, ALIGNED_PX, 3), 127, np.uint8)
        outputs = self._session.run(self._tensor(grey)[None])
        shapes = [output.shape for output in outputs]
        if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][1] not in _DIMENSIONS:
            found = ", ".join(_as_text(shape) for shape in shapes)
            raise ModelError(
                f"Model {self._name} is no embedder: expected one output 1 x dimensions "
                f"({_DIMENSIONS.start}..{_DIMENSIONS.stop - 1}), found {found}."
            )
        return int(shapes[0][1])


def _as_text(shape: Sequence[int | None]) -> str:
    return " x ".join("?" if side is None else str(side) for side in shape)
