"""Building the embedder that a configuration names."""

from collections.abc import Mapping
from typing import Any

from spyoncino.detectors.embedder_base import ALIGNED_PX, Embedder
from spyoncino.detectors.embedder_config import (
    DLIB,
    EmbedderConfig,
    EmbedderModel,
    Likeness,
    likeness_of,
)
from spyoncino.detectors.embedder_dlib import DlibEmbedder
from spyoncino.detectors.embedder_onnx import OnnxEmbedder
from spyoncino.detectors.store import ModelStore

__all__ = ["ALIGNED_PX", "Embedder", "Likeness", "create_embedder", "likeness_of"]


def create_embedder(config: Mapping[str, Any], store: ModelStore | None = None) -> Embedder:
    """Build an embedder; this may take a second.

    Args:
        config: ``model``: name of a bundled model (``mobilefacenet`` when not given), ``dlib``, or
            a mapping with ``type`` and ``path`` (see ``EmbedderModel``); ``threads``; and
            ``is_mirrored``.
        store: The bundled models; the package's own when not given.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: The model or its library cannot be used.
    """
    read = EmbedderConfig.from_mapping(config)
    if isinstance(read.model, EmbedderModel) and read.model.type == DLIB:
        return DlibEmbedder(read)
    return OnnxEmbedder(read, store)
