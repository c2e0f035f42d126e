"""A change of the embedding model: which references lack a vector of it, and making those.

Faces of the older model stay: going back costs nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import StoredFace

Embed = Callable[[Sequence[bytes]], Sequence[NDArray[np.floating[Any]] | None]]
"""JPEGs of aligned faces to their vectors; ``None`` for one that cannot be used."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What references lack of a model.

    Args:
        faces: References of other models whose crop was kept and has no vector of this one, each
            picture once.
        without: So many have no crop.
        people: Keys of those who have no vector of this model, whether one can be made or not.
    """

    faces: tuple[StoredFace, ...]
    without: int
    people: frozenset[str]


def waiting_for(people: FaceDatabase, model: str) -> Waiting:
    """What references lack of a model; blocks for as long as reading all of them takes."""
    faces = people.list_faces()
    mine = [face for face in faces if face.model == model]
    others = [face for face in faces if face.model != model]
    done = {(face.person_id, face.crop) for face in mine}
    left: dict[tuple[str, bytes], StoredFace] = {}
    for face in others:
        if face.crop and (face.person_id, face.crop) not in done:
            left[face.person_id, face.crop] = face
    return Waiting(
        tuple(left.values()),
        sum(not face.crop for face in others),
        frozenset(face.person_id for face in others) - {face.person_id for face in mine},
    )


def reembed(people: FaceDatabase, embed: Embed, model: str, *, batch: int = 32) -> tuple[int, int]:
    """Make references of another model from the crops that were kept.

    Faces that have one of the new model already are left out, so an interrupted run is simply
    repeated; a face that is removed meanwhile does not come back.

    Args:
        people: The database.
        embed: Vectors of crops.
        model: Name of the model that ``embed`` uses.
        batch: Crops at once.

    Returns:
        How many references were made, and how many faces have no crop that can be used.
    """
    waiting = waiting_for(people, model)
    made, without = 0, waiting.without
    for start in range(0, len(waiting.faces), batch):
        some = waiting.faces[start : start + batch]
        for face, vector in zip(some, embed([each.crop for each in some]), strict=True):
            if vector is None:
                without += 1
            else:
                made += people.add_vector_of(face.face_id, vector, model)
    return made, without
