"""Whether a picture makes a good reference of a person: what ``enroll`` and ``import`` share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spyoncino.cli.faces_look import LookedAt, Looker, look_at, vector_of
from spyoncino.cli.faces_place import FacesPlace, order
from spyoncino.core.gallery_orders import ADD, MAX_FACES_AT_ONCE, face_to_plain
from spyoncino.errors import MediaError, UsageError
from spyoncino.faces.picture_check import SAME_PICTURE, EnrolLimits, chosen_face, problem_of
from spyoncino.geometry.faces import FaceQuality
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_names import person_id_of
from spyoncino.persistence.people_rows import NewFace, PersonKind


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one picture.

    Args:
        path: The file.
        quality: Of the chosen face; ``None`` where none was chosen.
        problem: Why it was refused, one sentence; empty: it was not.
        is_there_already: The same picture is enrolled for this person; nothing to do.
        remark: What is worth knowing though it was taken.
    """

    path: Path
    quality: FaceQuality | None = None
    problem: str = ""
    is_there_already: bool = False
    remark: str = ""

    @property
    def is_new(self) -> bool:
        """It is a reference now."""
        return not self.problem and not self.is_there_already


@dataclass(slots=True)
class KnownFaces:
    """The references of one model, as a matrix.

    Args:
        person_ids: Whose each row is.
        rows: Vectors of length 1.
        pictures: Hashes of enrolled files, with the person.
        names: Key of a person to the shown name.
    """

    person_ids: list[str] = field(default_factory=list)
    rows: list[NDArray[np.float64]] = field(default_factory=list)
    pictures: set[tuple[str, str]] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, people: FaceDatabase | None, model: str) -> "KnownFaces":
        """What is enrolled so far."""
        known = cls()
        if people is not None:
            known.names = {each.person_id: each.name for each in people.people()}
            for face in people.list_faces(model=model):
                known.add(face.person_id, face.encoding, str(face.metadata.get("sha256", "")))
        return known

    def add(self, person_id: str, vector: NDArray[Any], sha256: str) -> None:
        """One more reference."""
        wide = vector.astype(np.float64)
        self.rows.append(wide / max(float(np.linalg.norm(wide)), 1e-12))
        self.person_ids.append(person_id)
        self.pictures.add((person_id, sha256))

    def nearest(
        self, vector: NDArray[np.float32], person_id: str, *, is_other: bool
    ) -> tuple[str, float]:
        """The most similar reference of a person, or of all others: whose, and its cosine."""
        places = [
            place for place, each in enumerate(self.person_ids) if (each != person_id) is is_other
        ]
        if not places:
            return "", -1.0
        cosines = np.array([self.rows[place] for place in places]) @ vector.astype(np.float64)
        best = int(np.argmax(cosines))
        return self.person_ids[places[best]], float(cosines[best])


class Intake:
    """Takes pictures for the gallery, one after the other.

    Args:
        place: Where the gallery is.
        looker: Finds and embeds faces.
        known: What is enrolled so far; grows.
        is_insisted: Pictures that look like somebody else, or are bad, are taken all the same.
    """

    def __init__(
        self, place: FacesPlace, looker: Looker, known: KnownFaces, *, is_insisted: bool = False
    ) -> None:
        self._place = place
        self._looker = looker
        self._known = known
        self._is_insisted = is_insisted
        likeness = looker.likeness
        self._limits = EnrolLimits.of(likeness.known_from, likeness.min_size_px)
        self._unsure_from = likeness.unsure_from
        self._waiting: dict[str, tuple[PersonKind, list[NewFace]]] = {}

    def take(
        self,
        path: Path,
        name: str,
        *,
        kind: PersonKind = PersonKind.KNOWN,
        number: int | None = None,
    ) -> Taken:
        """Look at one picture of a person; a good one is a reference after ``store``.

        Args:
            path: The file.
            name: Of the person.
            kind: What a person who is new becomes.
            number: Which face is meant, counted from the left from 1.

        Raises:
            UsageError: The name is none.
            ModelError: A model failed.
        """
        person_id = person_id_of(name)
        try:
            seen = look_at(self._looker, path)
            if (person_id, seen.sha256) in self._known.pictures:
                return Taken(path, is_there_already=True)
            face = seen.faces[chosen_face(seen.in_picture(), number)]
        except (MediaError, UsageError) as error:
            return Taken(path, problem=_without_name(str(error), path))
        vector = vector_of(face)
        if not len(vector):
            why = "the face cannot be aligned; take another picture"
            return Taken(path, face.quality, problem=why)
        problem = problem_of(face.quality, self._limits) or ""
        _, own = self._known.nearest(vector, person_id, is_other=False)
        other, similarity = self._known.nearest(vector, person_id, is_other=True)
        looks_like = f"looks like {self._known.names.get(other, other)} ({similarity:.2f})"
        if similarity >= self._limits.alike_from and similarity > own and not problem:
            problem = f"it {looks_like}; if it really is somebody else, insist with --anyway"
        if problem and not self._is_insisted:
            return Taken(path, face.quality, problem)
        if own >= SAME_PICTURE:
            return Taken(path, face.quality, is_there_already=True)
        self._keep(seen, face.crop, vector, face.quality, (name, person_id, kind))
        remark = ""
        if similarity >= self._limits.resembles_from:
            remark = f"{looks_like}; enrol several pictures of both, and see `faces report`"
        elif -1.0 < own < self._unsure_from:
            remark = f"looks little like the other pictures of {name} ({own:.2f}): is it {name}?"
        return Taken(path, face.quality, remark=remark)

    def store(self, *, only_full: bool = False) -> None:
        """Have what was taken written; ``only_full``: only where many wait for one person.

        Raises:
            StorageError: Main does not answer, or the disk refused.
        """
        for name, (kind, faces) in list(self._waiting.items()):
            if only_full and len(faces) < MAX_FACES_AT_ONCE:
                continue
            for start in range(0, len(faces), MAX_FACES_AT_ONCE):
                some = faces[start : start + MAX_FACES_AT_ONCE]
                order(
                    self._place,
                    ADD,
                    name=name,
                    kind=kind.value,
                    model=self._looker.embedder,
                    faces=[face_to_plain(each) for each in some],
                )
            del self._waiting[name]

    def _keep(
        self,
        seen: LookedAt,
        crop: bytes,
        vector: NDArray[np.float32],
        quality: FaceQuality,
        person: tuple[str, str, PersonKind],
    ) -> None:
        name, person_id, kind = person
        metadata = {"file": seen.path.name, "sha256": seen.sha256}
        face = NewFace(vector, metadata, crop, quality.score)
        self._waiting.setdefault(name, (kind, []))[1].append(face)
        self._known.names.setdefault(person_id, name)
        self._known.add(person_id, vector, seen.sha256)


def told(results: Sequence[Taken], name: str) -> list[str]:
    """A line for each picture."""
    return [f"{each.path}: {_outcome(each, name)}" for each in results]


def _outcome(taken: Taken, name: str) -> str:
    if taken.problem:
        return f"not enrolled: {taken.problem}"
    if taken.is_there_already:
        return f"enrolled already: the same picture of {name} is there"
    assert taken.quality is not None  # noqa: S101 - a new face was measured
    size = f"{taken.quality.size_px:.0f} px, quality {taken.quality.score:.2f}"
    return f"enrolled as {name} ({size})" + (f"; {taken.remark}" if taken.remark else "")


def _without_name(sentence: str, path: Path) -> str:
    """The line begins with the name already."""
    for lead in (f"{path} cannot be used: ", f"{path} "):
        if sentence.startswith(lead):
            return sentence.removeprefix(lead)
    return sentence
