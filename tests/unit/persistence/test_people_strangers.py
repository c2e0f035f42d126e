"""People without a name: sightings, strangers, naming them, their retention."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from spyoncino.errors import UsageError
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import NewSighting

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[FaceDatabase]:
    with FaceDatabase(tmp_path / "faces.db") as database:
        yield database


def sighting(days: float = 0.0, *, stranger: int | None = None, event: str = "e1") -> NewSighting:
    return NewSighting(
        camera="door",
        event_id=event,
        seen_at=NOON + timedelta(days=days),
        vector=np.array([1.0, days]),
        model="m",
        track_id=3,
        crop=b"crop",
        quality=0.5,
        stranger=stranger,
    )


def test_a_sighting_comes_back_as_it_was_kept(people: FaceDatabase) -> None:
    number = people.strangers.add_sighting(sighting(2))
    (found,) = people.strangers.sightings()
    assert (found.sighting_id, found.camera, found.event_id, found.track_id) == (
        number,
        "door",
        "e1",
        3,
    )
    assert (found.seen_at, found.crop, found.quality) == (NOON + timedelta(days=2), b"crop", 0.5)
    assert found.vector.tolist() == [1.0, 2.0]
    assert found.stranger is None


def test_sightings_are_found_by_stranger_model_and_time(people: FaceDatabase) -> None:
    number = people.strangers.new_stranger(NOON)
    own = people.strangers.add_sighting(sighting(1, stranger=number))
    free = people.strangers.add_sighting(sighting(3))

    def ids(**conditions: object) -> list[int]:
        found = people.strangers.sightings(**conditions)  # type: ignore[arg-type]
        return [each.sighting_id for each in found]

    assert ids() == [own, free]
    assert ids(stranger=number) == [own]
    assert ids(only_unassigned=True) == [free]
    assert ids(model="other") == []
    assert ids(since=NOON + timedelta(days=2)) == [free]


def test_a_stranger_counts_sightings_and_events(people: FaceDatabase) -> None:
    number = people.strangers.new_stranger(NOON)
    seen = [people.strangers.add_sighting(sighting(day, event=f"e{day // 2}")) for day in range(4)]
    people.strangers.assign(seen, number)
    (stranger,) = people.strangers.all()
    assert stranger == people.strangers.get(number)
    assert (stranger.sightings, stranger.events) == (4, 2)
    assert (stranger.first_seen, stranger.last_seen) == (NOON, NOON + timedelta(days=3))
    with pytest.raises(UsageError, match="there is no stranger 9"):
        people.strangers.assign(seen, 9)


def test_numbers_are_never_given_twice(people: FaceDatabase) -> None:
    assert people.strangers.next_number() == 1
    first = people.strangers.new_stranger(NOON)
    assert people.strangers.new_stranger(NOON, 7) == 7
    people.strangers.purge(NOON + timedelta(days=1))
    assert people.strangers.all() == []
    assert people.strangers.next_number() == 8
    assert people.strangers.new_stranger(NOON) == 8 != first


def test_strangers_who_turn_out_to_be_one_are_one(people: FaceDatabase) -> None:
    into, other = people.strangers.new_stranger(NOON), people.strangers.new_stranger(NOON)
    named = people.strangers.new_stranger(NOON)
    people.add_person("Ann")
    people.strangers.name(named, "ann")
    people.strangers.add_sighting(sighting(1, stranger=other))
    people.strangers.merge([into, other, named, 99], into)
    assert [each.number for each in people.strangers.all()] == [into, named]
    assert people.strangers.get(into).sightings == 1


def test_a_stranger_can_be_named_and_ignored(people: FaceDatabase) -> None:
    number = people.strangers.new_stranger(NOON)
    with pytest.raises(UsageError, match="nobody with the key 'ann'"):
        people.strangers.name(number, "ann")
    people.add_person("Ann")
    people.strangers.name(number, "ann")
    people.strangers.ignore(number)
    assert (people.strangers.get(number).person_id, people.strangers.get(number).is_ignored) == (
        "ann",
        True,
    )
    with pytest.raises(UsageError, match="there is no stranger 9"):
        people.strangers.name(9, "ann")
    with pytest.raises(UsageError, match="there is no stranger 9"):
        people.strangers.ignore(9)


def test_old_sightings_go_and_with_the_last_one_the_stranger(people: FaceDatabase) -> None:
    old, ignored = people.strangers.new_stranger(NOON), people.strangers.new_stranger(NOON)
    people.strangers.ignore(ignored)
    people.strangers.add_sighting(sighting(0, stranger=old))
    people.strangers.add_sighting(sighting(0, stranger=ignored))
    people.strangers.add_sighting(sighting(10))
    assert people.strangers.purge(NOON + timedelta(days=5)) == 2
    assert [each.number for each in people.strangers.all()] == [ignored]
    assert len(people.strangers.sightings()) == 1
    assert people.strangers.purge(NOON + timedelta(days=5)) == 0


def test_forgetting_a_person_takes_the_time_as_a_stranger_too(people: FaceDatabase) -> None:
    number = people.strangers.new_stranger(NOON)
    people.strangers.add_sighting(sighting(1, stranger=number))
    people.strangers.add_sighting(sighting(2))
    people.add_person("Ann")
    people.strangers.name(number, "ann")
    receipt = people.forget("ann")
    assert (receipt.faces, receipt.crops, receipt.sightings) == (0, 1, 1)
    assert people.strangers.all() == []
    assert len(people.strangers.sightings()) == 1
