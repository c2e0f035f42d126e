"""Looks at picture files: the faces in each, measured and embedded, in this very process.

Main never runs a model, so a command looks by itself, whether main runs or not.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.embedder_config import Likeness
from spyoncino.faces.picture_check import FaceInPicture, from_left
from spyoncino.media.picture_files import read_picture
from spyoncino.runtime.tasks import FoundFace

Image = NDArray[np.uint8]


class Looker(Protocol):
    """Finds faces; see ``open_looker``."""

    @property
    def embedder(self) -> str:
        """Model of the vectors."""
        ...

    @property
    def likeness(self) -> Likeness:
        """How to read the similarities of that model."""
        ...

    def faces_of(self, image: Image) -> Sequence[FoundFace]:
        """Every face of a picture, BGR, embedded where it can be."""
        ...

    def vectors_of(self, crops: Sequence[bytes]) -> list[NDArray[np.float32] | None]:
        """Vectors of kept crops; ``None`` for one that cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A picture file and its faces.

    Args:
        path: The file.
        width_px: Of the upright picture.
        height_px: The same.
        sha256: Of the file, hexadecimal.
        faces: From left to right.
    """

    path: Path
    width_px: int
    height_px: int
    sha256: str
    faces: tuple[FoundFace, ...]

    def in_picture(self) -> list[FaceInPicture]:
        """The faces as the check of pictures wants them, sizes in pixels of the file."""
        return [FaceInPicture(face.box, face.quality) for face in self.faces]


def vector_of(face: FoundFace) -> NDArray[np.float32]:
    """The vector of a face, shape ``(d,)``; empty where it could not be embedded."""
    return np.frombuffer(face.vector, dtype="<f4")


def look_at(looker: Looker, path: Path) -> LookedAt:
    """Read a picture file and find its faces.

    Raises:
        MediaError: The file cannot be used; one sentence with its name.
        ModelError: A model failed.
    """
    with _without_chatter():
        picture = read_picture(path)
    found = list(looker.faces_of(picture.image))
    order = from_left([FaceInPicture(face.box, face.quality) for face in found])
    return LookedAt(
        path,
        picture.width_px,
        picture.height_px,
        hashlib.sha256(picture.content).hexdigest(),
        tuple(found[place] for place in order),
    )


def open_looker(settings: Mapping[str, Any]) -> Looker:
    """Load the models that the section ``faces`` names; takes a second.

    Raises:
        ModelError: A model is missing or cannot be used.
        ConfigError: The settings name none that is known.
    """
    from spyoncino.cli.faces_models import ModelLooker  # noqa: PLC0415 - loads ONNX Runtime

    return ModelLooker(settings)


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep picture libraries from writing about damaged files; our sentence says it already."""
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
