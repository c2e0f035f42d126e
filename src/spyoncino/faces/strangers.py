"""Groups the faces of strangers as they come: who of them was here before.

A stranger counts, and gets a number, with the second *visit*: most people pass once. Groups have no
centre; a face joins the group of its nearest example. It keeps vectors and keys, no pictures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import UsageError
from spyoncino.faces.gallery import Gallery, Match, Reference
from spyoncino.faces.limits import Limits

MERGE_ABOVE: Final = 0.10
"""How much more than joining needs a face must have with *both* of two groups to speak for their
being one person."""

MERGE_VISITS: Final = 2
"""So many visits must speak for it: one odd face never makes two people one."""


@dataclass(frozen=True, slots=True)
class StrangerLimits:
    """When two faces are the same stranger.

    Args:
        join_from: Cosine to the nearest example from which a face joins its group.
        merge_from: Cosine to both of two groups that speaks for their being one.
        examples: Faces that a group keeps to compare with.
        visit_gap_s: Faces closer together than this are of one visit.
        max_passers: Groups of one visit that are kept; the one seen longest ago goes first.
    """

    join_from: float = 0.55
    merge_from: float = 0.65
    examples: int = 8
    visit_gap_s: float = 600.0
    max_passers: int = 2000

    @classmethod
    def of(cls, limits: Limits) -> "StrangerLimits":
        """Those of an embedder: two strangers are one when a single face would be named."""
        join_from = min(1.0, limits.known_from + limits.alone_above)
        return cls(join_from=join_from, merge_from=min(1.0, join_from + MERGE_ABOVE))


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face of a stranger: the best of a track.

    Args:
        sighting_id: Its key.
        vector: Embedding, shape (d,).
        quality: 0..1.
        seen_at: When, aware.
        visit: Key of the event; faces of one event are of one visit, however long it is.
        number: Of a kept sighting: the stranger it belongs to.
        embedder: Model of the vector; empty trusts the caller.
    """

    sighting_id: str
    vector: NDArray[np.float32]
    quality: float
    seen_at: datetime
    visit: str
    number: int | None = None
    embedder: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a sighting went.

    Args:
        number: The stranger it is; ``None``: somebody on a first visit.
        similarity: Cosine to the nearest example there; -1 for a new group.
        is_new_visit: It began a visit of this group.
        visits: Visits of the group by now.
        numbered: Earlier sightings that have this number from now on.
        merged: Numbers of strangers who turned out to be this one; all theirs are its from now on.
    """

    number: int | None
    similarity: float
    is_new_visit: bool
    visits: int
    numbered: tuple[str, ...] = ()
    merged: tuple[int, ...] = ()


@dataclass(slots=True)
class _Visit:
    start: datetime
    end: datetime
    keys: set[str]


@dataclass(slots=True)
class _Group:
    """``examples`` maps sighting keys to quality; ``waiting`` are those without a number yet."""

    number: int | None = None
    examples: dict[str, float] = field(default_factory=dict)
    visits: list[_Visit] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


class Strangers:
    """The strangers of one embedding model.

    Args:
        embedder: Name of the model of all vectors.
        limits: When two faces are the same stranger.
        kept: Sightings from before, in any order.
        next_number: The first number to give; numbers of ``kept`` are never given again.

    Raises:
        ModelError: A vector is of another model or dimension.
    """

    def __init__(
        self,
        embedder: str,
        limits: StrangerLimits | None = None,
        kept: Iterable[Sighting] = (),
        next_number: int = 1,
    ) -> None:
        self._limits = limits or StrangerLimits()
        self._examples = Gallery(embedder)
        self._groups: dict[str, _Group] = {}
        self._next_key = 1
        self._next_number = next_number
        self._bridges: dict[tuple[str, str], set[str]] = {}
        self.passers_forgotten = 0
        """Groups of one visit that were dropped because there were too many."""
        rows = sorted(kept, key=lambda row: (row.number is None, row.seen_at, row.sighting_id))
        keys: dict[int, str] = {}
        for row in rows:
            if row.number is None:
                self.add(row)
                continue
            if row.number not in keys:
                keys[row.number] = self._new_group()
                self._groups[keys[row.number]].number = row.number
                self._next_number = max(self._next_number, row.number + 1)
            self._put(keys[row.number], row)

    def numbers(self) -> list[int]:
        """Every stranger that counts."""
        return sorted(group.number for group in self._groups.values() if group.number is not None)

    def visits(self, number: int) -> list[datetime]:
        """When the visits of a stranger began, earliest first; nothing of an unknown number."""
        key = self._key_of(number)
        return [] if key is None else [visit.start for visit in self._groups[key].visits]

    def add(self, sighting: Sighting) -> Placement:
        """Put one more face where it belongs.

        Raises:
            ModelError: Its vector is of another model or dimension.
            UsageError: It was grouped already.
        """
        if sighting.sighting_id in self._examples:
            raise UsageError(f"Sighting {sighting.sighting_id!r} was grouped already.")
        match = self._examples.search(sighting.vector, sighting.embedder)[0]
        is_known = match.similarity >= self._limits.join_from and match.person_id is not None
        key = match.person_id if is_known and match.person_id else self._new_group()
        is_new_visit = self._put(key, sighting)
        merged = self._merge_if_bridged(match, sighting) if is_known else ()
        group = self._groups[key]
        numbered: tuple[str, ...] = ()
        if group.number is None and len(group.visits) > 1:
            group.number = self._next_number
            self._next_number += 1
        if group.number is not None:
            numbered = tuple(one for one in group.waiting if one != sighting.sighting_id)
            group.waiting.clear()
        self._forget_passers()
        similarity = match.similarity if is_known else -1.0
        return Placement(
            group.number, similarity, is_new_visit, len(group.visits), numbered, merged
        )

    def remove(self, number: int) -> None:
        """Forget a stranger: named, ignored, or kept long enough; nothing where it is unknown."""
        key = self._key_of(number)
        if key is not None:
            self._drop(key)

    def _key_of(self, number: int) -> str | None:
        return next((key for key, group in self._groups.items() if group.number == number), None)

    def _new_group(self) -> str:
        key = f"{self._next_key:09d}"
        self._next_key += 1
        self._groups[key] = _Group()
        return key

    def _put(self, key: str, sighting: Sighting) -> bool:
        """Into a group; says whether a visit began."""
        group = self._groups[key]
        self._examples.add(
            Reference(sighting.sighting_id, key, "known", sighting.vector, sighting.embedder)
        )
        group.examples[sighting.sighting_id] = sighting.quality
        if group.number is None:
            group.waiting.append(sighting.sighting_id)
        self._thin(group)
        before = len(group.visits)
        now = sighting.seen_at
        group.visits = _joined(
            [*group.visits, _Visit(now, now, {sighting.visit})], self._limits.visit_gap_s
        )
        return len(group.visits) > before

    def _thin(self, group: _Group) -> None:
        """Of too many examples drop, of the two that are most alike, the worse picture."""
        while len(group.examples) > self._limits.examples:
            keys = sorted(group.examples)
            vectors = np.stack([self._examples.vector(key) for key in keys])
            alike = vectors @ vectors.T
            np.fill_diagonal(alike, -np.inf)
            one, other = divmod(int(alike.argmax()), len(keys))
            worse = min(keys[one], keys[other], key=lambda key: (group.examples[key], key))
            del group.examples[worse]
            self._examples.remove(worse)

    def _merge_if_bridged(self, match: Match, sighting: Sighting) -> tuple[int, ...]:
        """The nearest group takes the second nearest in, when visits enough speak for it."""
        key, other = match.person_id, match.runner_up_person_id
        if key is None or other is None or match.runner_up < self._limits.merge_from:
            return ()
        pair = (min(key, other), max(key, other))
        spoken = self._bridges.setdefault(pair, set())
        spoken.add(sighting.visit)
        if len(spoken) < MERGE_VISITS:
            return ()
        into, gone = self._groups[key], self._groups[other]
        numbers = sorted(one.number for one in (into, gone) if one.number is not None)
        old_vectors = {one: self._examples.vector(one) for one in gone.examples}
        self._drop(other)
        for one, vector in sorted(old_vectors.items()):
            self._examples.add(Reference(one, key, "known", vector))
        into.examples |= gone.examples
        into.visits = _joined([*into.visits, *gone.visits], self._limits.visit_gap_s)
        into.waiting += gone.waiting
        into.number = numbers[0] if numbers else None
        self._thin(into)
        return tuple(numbers[1:])

    def _drop(self, key: str) -> None:
        for sighting_id in self._groups.pop(key).examples:
            self._examples.remove(sighting_id)
        self._bridges = {pair: seen for pair, seen in self._bridges.items() if key not in pair}

    def _forget_passers(self) -> None:
        passers = [key for key, group in self._groups.items() if group.number is None]
        if len(passers) > self._limits.max_passers:
            oldest = min(passers, key=lambda key: (self._groups[key].visits[-1].end, key))
            self._drop(oldest)
            self.passers_forgotten += 1


def _joined(visits: Sequence[_Visit], gap_s: float) -> list[_Visit]:
    """Visits in order; those of one event, or closer together than the gap, are one."""
    gap = timedelta(seconds=gap_s)
    done: list[_Visit] = []
    of_event: dict[str, _Visit] = {}
    for visit in sorted(visits, key=lambda one: (one.start, one.end, min(one.keys))):
        same = next((of_event[key] for key in sorted(visit.keys) if key in of_event), None)
        if same is None and done and visit.start - done[-1].end < gap:
            same = done[-1]
        if same is None:
            same = _Visit(visit.start, visit.end, set())
            done.append(same)
        same.end = max(same.end, visit.end)
        same.keys |= visit.keys
        of_event.update(dict.fromkeys(visit.keys, same))
    return done
