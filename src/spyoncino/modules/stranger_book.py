"""Keeps sightings of people without a name and groups them; what the disk has, memory follows.

Synchronous, for a thread; one caller at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spyoncino.faces.strangers import Sighting, StrangerLimits, Strangers
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import NewSighting


@dataclass(frozen=True, slots=True)
class BestFace:
    """The best face of one track.

    Args:
        vector: Embedding, shape (d,).
        crop: JPEG of the aligned face.
        quality: 0..1.
        size_px: Its width in the picture that was looked at.
        seen_at: When, aware.
        model: Name of the embedder.
    """

    vector: NDArray[np.float32]
    crop: bytes
    quality: float
    size_px: float
    seen_at: datetime
    model: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a stranger was seen."""

    event_id: str
    track_id: int | None


class StrangerBook:
    """The strangers of one embedding model.

    Args:
        people: The open database of people.
        model: Name of the embedder.
        limits: When two faces are the same stranger.
    """

    def __init__(self, people: FaceDatabase, model: str, limits: StrangerLimits) -> None:
        self.model = model
        self._shelf = people.strangers
        self._limits = limits
        self._rows: dict[str, Seen] = {}
        self._numbers: dict[int, int] = {}
        self.reload()

    def reload(self) -> None:
        """Read everything again: somebody was named, ignored, forgotten or erased."""
        rows = self._shelf.sightings(model=self.model)
        strangers = self._shelf.all()
        named = {each.number for each in strangers if each.person_id is not None}
        kept = [row for row in rows if row.stranger is None or row.stranger not in named]
        self._rows = {str(row.sighting_id): Seen(row.event_id, row.track_id) for row in kept}
        self._ignored = {each.number for each in strangers if each.is_ignored}
        self._numbers = {each.number: each.number for each in strangers}
        self._groups = Strangers(
            self.model,
            self._limits,
            [_grouped(row) for row in kept],
            next_number=1 + max((each.number for each in strangers), default=0),
        )

    def add(
        self, face: BestFace, camera: str, event_id: str, track_id: int | None
    ) -> dict[Seen, int | None]:
        """Keep a sighting.

        Returns:
            The stranger's number of each sighting that has another one now; ``None``: a stranger
            who is ignored.

        Raises:
            StorageError: The disk refused.
            ModelError: The vector is of another model.
        """
        number = self._shelf.add_sighting(
            NewSighting(
                camera=camera,
                event_id=event_id,
                seen_at=face.seen_at,
                vector=face.vector,
                model=face.model,
                track_id=track_id,
                crop=face.crop,
                quality=face.quality,
            )
        )
        key = str(number)
        self._rows[key] = Seen(event_id, track_id)
        place = self._groups.add(
            Sighting(key, face.vector, face.quality, face.seen_at, event_id, embedder=face.model)
        )
        if place.number is None:
            return {}
        stranger = self._number_of(place.number, face.seen_at)
        keys = [key, *place.numbered, *self._keys_of(place.merged)]
        self._shelf.assign([int(each) for each in keys], stranger)
        told = None if stranger in self._ignored else stranger
        return {self._rows[each]: told for each in keys if each in self._rows}

    def _number_of(self, group: int, first_seen: datetime) -> int:
        """The number in the database of a number of the groups.

        A group that is new gets a number that nobody has: others give numbers too, and those of
        who was forgotten are not given again.
        """
        if group not in self._numbers:
            self._numbers[group] = self._shelf.new_stranger(first_seen)
        return self._numbers[group]

    def _keys_of(self, groups: Iterable[int]) -> list[str]:
        return [
            str(row.sighting_id)
            for group in groups
            for row in self._shelf.sightings(stranger=self._numbers.get(group, group))
        ]


def _grouped(row: Any) -> Sighting:
    return Sighting(
        str(row.sighting_id),
        row.vector,
        row.quality,
        row.seen_at,
        row.event_id,
        row.stranger,
        row.model,
    )
