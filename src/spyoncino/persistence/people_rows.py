"""What the database of people gives back: plain values, free of SQL and of encryption."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

NO_METADATA: Mapping[str, Any] = MappingProxyType({})


class PersonKind(StrEnum):
    """What it means to be recognised as this person."""

    KNOWN = "known"
    BLOCKED = "blocked"
    IGNORED = "ignored"
    """An anchor: something that looks like a face and is nobody, such as a poster."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the gallery.

    Args:
        person_id: Key: the name in small letters and dashes, such as ``ann-lee``.
        name: As it is shown.
        kind: What recognising them means.
        created_at: When they were first enrolled, UTC.
        face_count: Reference faces, of all models together.
    """

    person_id: str
    name: str
    kind: PersonKind
    created_at: datetime
    face_count: int = 0


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face to be kept.

    Args:
        encoding: Vector of any float type, shape ``(d,)``.
        metadata: What JSON can say: where the picture came from.
        crop: JPEG of the aligned face, from which a later model makes its own vector.
        quality: 0..1, see ``geometry.faces.FaceQuality``; ``None`` where it was not measured.
    """

    encoding: NDArray[np.floating[Any]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    crop: bytes = b""
    quality: float | None = None


@dataclass(frozen=True, slots=True)
class StoredFace:
    """One reference face.

    Args:
        face_id: Number of its row, as text.
        person_id: Whose it is.
        encoding: float64, shape ``(d,)``.
        model: Model that made the encoding; vectors of two models are never compared.
        metadata: What was stored with it.
        crop: JPEG of the aligned face; empty where none was kept.
        quality: 0..1, or ``None``.
        is_blacklisted: Its person is blocked.
        created_at: UTC.
    """

    face_id: str
    person_id: str
    encoding: NDArray[np.float64]
    model: str
    metadata: Mapping[str, Any]
    crop: bytes
    quality: float | None
    is_blacklisted: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FaceMatch:
    """A reference near an encoding.

    Args:
        face_id: Of the reference.
        person_id: Whose it is.
        distance: Euclidean; of vectors of length 1 it is ``sqrt(2 - 2 * cosine)``, 0..2.
        confidence: ``1 - distance``, at least 0: 1 is the same picture.
        metadata: What was stored with the reference.
    """

    face_id: str
    person_id: str
    distance: float
    confidence: float
    metadata: Mapping[str, Any] = field(default_factory=dict)


class StoredReference(NamedTuple):
    """What a gallery in memory needs of one reference face, in the order of its own fields."""

    face_id: str
    person_id: str
    kind: Literal["known", "blocked", "ignored"]
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What forgetting erased.

    Args:
        person_id: Who was forgotten.
        name: As it was shown.
        faces: Reference faces with their vectors.
        crops: Pictures of faces, of references and of sightings.
        sightings: Sightings from before they had a name, with their vectors.
        is_scrubbed: The bytes are overwritten in the file too; else another program was reading
            it, and the next start does it.
    """

    person_id: str
    name: str
    faces: int
    crops: int
    sightings: int
    is_scrubbed: bool


@dataclass(frozen=True, slots=True)
class NewSighting:
    """A face that belonged to nobody known.

    Args:
        camera: Who saw it.
        event_id: The event it belongs to.
        seen_at: UTC.
        vector: Shape ``(d,)``, any float type.
        model: Model that made the vector.
        track_id: The track of that camera; ``None``: a face in the whole picture.
        crop: JPEG of the aligned face.
        quality: 0..1.
        stranger: Number of the stranger it is, where known already.
    """

    camera: str
    event_id: str
    seen_at: datetime
    vector: NDArray[np.floating[Any]]
    model: str
    track_id: int | None = None
    crop: bytes = b""
    quality: float = 0.0
    stranger: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A stored sighting; the fields of ``NewSighting`` and its number.

    Args:
        vector: float32, shape ``(d,)``.
    """

    sighting_id: int
    camera: str
    event_id: str
    seen_at: datetime
    vector: NDArray[np.float32]
    model: str
    track_id: int | None
    crop: bytes
    quality: float
    stranger: int | None


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody without a name who was seen more than once, or who had no name then.

    Args:
        number: Shown to people: "stranger 7".
        person_id: Who it turned out to be; ``None``: nobody knows.
        is_ignored: Not to be mentioned again.
        first_seen: UTC.
        last_seen: UTC.
        sightings: How often.
        events: In how many events.
    """

    number: int
    person_id: str | None
    is_ignored: bool
    first_seen: datetime
    last_seen: datetime
    sightings: int
    events: int
