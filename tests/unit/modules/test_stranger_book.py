"""Strangers keep the numbers that the database gave them, whoever else gives numbers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from spyoncino.faces.strangers import StrangerLimits
from spyoncino.modules.stranger_book import BestFace, Seen, StrangerBook
from spyoncino.persistence.people import FaceDatabase

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[FaceDatabase]:
    with FaceDatabase(tmp_path / "faces.db") as database:
        yield database


def come(book: StrangerBook, who: int, visit: int) -> dict[Seen, int | None]:
    vector = np.zeros(8, np.float32)
    vector[who] = 1.0
    seen_at = NOON + timedelta(hours=visit)
    face = BestFace(vector, b"crop", 0.9, 90.0, seen_at, "m")
    return book.add(face, "door", f"visit {visit} of {who}", 1)


def test_two_strangers_never_share_a_number_after_the_newest_one_was_forgotten(
    people: FaceDatabase,
) -> None:
    number = people.strangers.new_stranger(NOON)
    people.strangers.name(number, people.add_person("Ann").person_id)
    people.forget("ann")
    book = StrangerBook(people, "m", StrangerLimits())
    told = [come(book, who, visit) for who in (0, 1) for visit in (0, 2)]
    numbers = [{*each.values()} for each in told]
    assert numbers[0] == numbers[2] == set()
    assert len(numbers[1]) == len(numbers[3]) == 1
    assert numbers[1] != numbers[3]


def test_a_number_that_somebody_else_gave_meanwhile_is_not_given_again(
    people: FaceDatabase,
) -> None:
    book = StrangerBook(people, "m", StrangerLimits())
    named = people.strangers.new_stranger(NOON)  # by an order that names who came once
    come(book, 0, 0)
    assert named not in come(book, 0, 2).values()
