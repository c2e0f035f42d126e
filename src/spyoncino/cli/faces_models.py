"""The models behind a look at picture files; imported only by commands that look."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.embedder_config import Likeness
from spyoncino.detectors.embedders import create_embedder, likeness_of
from spyoncino.detectors.factory import create_face_detector
from spyoncino.runtime.face_look import FaceLook
from spyoncino.runtime.tasks import FoundFace

MAX_FACES = 64
"""Faces of one picture: a school class."""


class ModelLooker:
    """Looks at pictures with the models that the section ``faces`` names.

    Args:
        faces: ``detector``, ``model``, ``detector_options``, ``embedder`` and ``threads`` of the
            section; what is missing has its default.

    Raises:
        ConfigError: They name nothing that is known.
        ModelError: A model is missing or cannot be used.
    """

    def __init__(self, faces: Mapping[str, Any]) -> None:
        threads = {"threads": faces["threads"]} if "threads" in faces else {}
        detector = str(faces.get("detector", "cpu"))
        model = {"model": faces["model"]} if faces.get("model") else {}
        options = dict(faces.get("detector_options", {}))
        wanted = {"model": faces["embedder"]} if "embedder" in faces else {}
        self._embedder = create_embedder({**wanted, **threads})
        self.likeness: Likeness = likeness_of({**wanted, **threads})
        is_model = detector not in ("mock", "auto")
        self._look = FaceLook(
            create_face_detector(detector, {**options, **model, **threads} if is_model else {}),
            self._embedder,
        )

    @property
    def embedder(self) -> str:
        """Model of the vectors."""
        return self._embedder.name

    def faces_of(self, image: NDArray[np.uint8]) -> Sequence[FoundFace]:
        """Every face of a picture."""
        return self._look.look(image, whole=True, max_faces=MAX_FACES).faces

    def vectors_of(self, crops: Sequence[bytes]) -> list[NDArray[np.float32] | None]:
        """Vectors of kept crops; ``None`` for one that cannot be read."""
        made = self._look.look_at_crops(crops).vectors
        return [np.frombuffer(each, "<f4") if each else None for each in made]
