"""What every embedder is: aligned faces in, vectors of length 1 out.

An embedder knows no gallery and no names; it is built once and used for many faces.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.base import Image

ALIGNED_PX: Final = 112
"""Side of the aligned faces that embedders are given, see ``faces.alignment``."""

Vectors = NDArray[np.float32]
"""``(n, dimensions)``, each row of length 1."""


class Embedder(ABC):
    """Turns faces into vectors whose cosine says how alike they are."""

    @classmethod
    @abstractmethod
    def is_available(cls) -> bool:
        """Whether the libraries and models that it needs are on this machine."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The model, for example ``mobilefacenet``; vectors of two names are never compared."""

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """Length of a row."""

    @abstractmethod
    def embed(self, aligned: Sequence[Image]) -> Vectors:
        """Embed several faces.

        Args:
            aligned: ``(112, 112, 3)`` uint8 BGR each, aligned by their landmarks.

        Returns:
            ``(n, dimensions)`` float32, rows of length 1, in the order of the faces; ``(0,
            dimensions)`` for none.

        Raises:
            ModelError: The model failed, or gave back something without direction.
        """

    def health_check(self) -> dict[str, Any]:
        """Embed one patterned picture.

        Returns:
            ``healthy``, ``embedder`` and ``dimensions``.

        Raises:
            ModelError: The model failed.
        """
        ramp = np.arange(ALIGNED_PX, dtype=np.uint8)
        self.embed([np.dstack([np.add.outer(ramp, ramp)] * 3)])
        return {"healthy": True, "embedder": self.name, "dimensions": self.dimensions}

    def close(self) -> None:
        """Give back what it holds; the embedder is not used afterwards."""
        return
