"""Strangers: two visits before one counts, no chain of look-alikes, the same answer every time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.errors import ModelError, UsageError
from spyoncino.faces.limits import Limits
from spyoncino.faces.strangers import Placement, Sighting, StrangerLimits, Strangers

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AXES = np.eye(8, dtype=np.float32)


def at(
    name: str,
    vector: NDArray[np.float32],
    hours: float,
    visit: str = "",
    quality: float = 0.5,
    number: int | None = None,
) -> Sighting:
    return Sighting(
        name, vector, quality, START + timedelta(hours=hours), visit or f"visit-{name}", number
    )


def between(one: int, other: int, share: float = 0.5) -> NDArray[np.float32]:
    """A face that lies between two people."""
    mixed: NDArray[np.float32] = (
        np.sqrt(1 - share) * AXES[one] + np.sqrt(share) * AXES[other]
    ).astype(np.float32)
    return mixed


def test_who_passes_once_has_no_number() -> None:
    strangers = Strangers("m")
    placed = strangers.add(at("a", AXES[0], 0))
    assert placed == Placement(None, -1.0, True, 1)
    assert strangers.numbers() == []


def test_the_second_visit_gives_a_number_to_the_first_too() -> None:
    strangers = Strangers("m", next_number=7)
    strangers.add(at("a", AXES[0], 0))
    placed = strangers.add(at("b", AXES[0], 5))
    assert (placed.number, placed.visits, placed.is_new_visit) == (7, 2, True)
    assert placed.numbered == ("a",)
    assert placed.similarity == pytest.approx(1.0)
    assert strangers.visits(7) == [START, START + timedelta(hours=5)]
    assert strangers.add(at("c", AXES[0], 9)).numbered == ()


def test_several_faces_of_one_event_or_minute_are_one_visit() -> None:
    strangers = Strangers("m")
    strangers.add(at("a", AXES[0], 0, "ring"))
    assert strangers.add(at("b", AXES[0], 2, "ring")).number is None
    assert strangers.add(at("c", AXES[0], 2.1, "other")).number is None
    assert strangers.add(at("d", AXES[0], 4, "later")).number == 1


def test_another_face_is_another_stranger() -> None:
    strangers = Strangers("m")
    for number in range(4):
        strangers.add(at(f"a{number}", AXES[0], number))
        strangers.add(at(f"b{number}", AXES[1], number))
    assert strangers.numbers() == [1, 2]
    assert strangers.visits(3) == []


def test_one_face_between_two_strangers_does_not_make_them_one() -> None:
    strangers = two_known()
    placed = strangers.add(at("between", between(0, 1), 50))
    assert placed.merged == ()
    assert strangers.numbers() == [1, 2]


def test_two_visits_that_are_both_make_two_strangers_one() -> None:
    strangers = two_known()
    strangers.add(at("x", between(0, 1), 50))
    placed = strangers.add(at("y", between(0, 1, 0.52), 60))
    assert placed.number == 1
    assert placed.merged == (2,)
    assert strangers.numbers() == [1]
    assert placed.visits == len(strangers.visits(1)) == 4


def two_known() -> Strangers:
    """Two strangers of two visits each, at the same hours as each other's."""
    strangers = Strangers("m")
    for hour in (0, 20):
        strangers.add(at(f"a{hour}", AXES[0], hour))
        strangers.add(at(f"b{hour}", AXES[1], hour + 0.1))
    assert strangers.numbers() == [1, 2]
    return strangers


def test_a_group_keeps_its_most_different_examples() -> None:
    strangers = Strangers("m", StrangerLimits(examples=3))
    views = [AXES[0], between(0, 1, 0.3), between(0, 2, 0.3)]
    for number, view in enumerate([*views, *[AXES[0]] * 4]):
        strangers.add(at(f"s{number}", view, number, quality=0.1 * number))
    group = next(iter(strangers._groups.values()))
    assert len(group.examples) == 3
    assert {"s1", "s2"} < set(group.examples)


def test_a_stranger_who_is_named_is_forgotten_and_the_number_not_given_again() -> None:
    strangers = two_known()
    strangers.remove(1)
    strangers.remove(99)
    assert strangers.numbers() == [2]
    strangers.add(at("c", AXES[0], 90))
    assert strangers.add(at("d", AXES[0], 95)).number == 3


def test_what_was_kept_goes_on_where_it_was() -> None:
    kept = [at("a", AXES[0], 0, number=5), at("b", AXES[0], 9, number=5), at("c", AXES[1], 3)]
    strangers = Strangers("m", kept=kept)
    assert strangers.numbers() == [5]
    assert strangers.add(at("d", AXES[0], 20)).visits == 3
    placed = strangers.add(at("e", AXES[1], 20))
    assert (placed.number, placed.numbered) == (6, ("c",))


def test_too_many_passers_by_are_forgotten_oldest_first_and_counted() -> None:
    strangers = Strangers("m", StrangerLimits(max_passers=3))
    for number in range(5):
        strangers.add(at(f"s{number}", AXES[number], number))
    assert strangers.passers_forgotten == 2
    assert strangers.add(at("again", AXES[4], 30)).number == 1
    assert strangers.add(at("gone", AXES[0], 30)).number is None


def test_vectors_of_another_model_are_refused() -> None:
    strangers = Strangers("m")
    strangers.add(at("a", AXES[0], 0))
    with pytest.raises(ModelError):
        strangers.add(at("b", np.ones(3, np.float32), 1))
    with pytest.raises(ModelError):
        strangers.add(Sighting("c", AXES[0], 0.5, START, "v", None, "other"))
    with pytest.raises(UsageError, match="grouped already"):
        strangers.add(at("a", AXES[0], 0))


def test_two_strangers_are_one_where_a_single_face_would_be_named() -> None:
    limits = StrangerLimits.of(Limits())
    assert limits.join_from == pytest.approx(0.55)
    assert limits.merge_from > limits.join_from


@st.composite
def passages(draw: st.DrawFn) -> list[Sighting]:
    """Five people who come and go, with faces that vary."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    people = draw(st.lists(st.integers(0, 4), min_size=1, max_size=30))
    noise = draw(st.sampled_from([0.05, 0.2, 0.4]))
    return [
        at(
            f"s{number:02d}",
            (AXES[person] + noise * rng.standard_normal(8)).astype(np.float32),
            float(rng.uniform(0, 0.5)) + number,
        )
        for number, person in enumerate(people)
    ]


def told(sightings: Sequence[Sighting]) -> tuple[list[Placement], list[list[datetime]]]:
    strangers = Strangers("m", StrangerLimits(examples=4))
    placed = [strangers.add(one) for one in sightings]
    return placed, [strangers.visits(number) for number in strangers.numbers()]


@given(passages())
@settings(max_examples=40, deadline=None)
def test_the_same_passages_give_the_same_strangers(sightings: list[Sighting]) -> None:
    assert told(sightings) == told(sightings)


@given(passages())
@settings(max_examples=40, deadline=None)
def test_every_number_has_two_visits_and_every_sighting_at_most_one_number(
    sightings: list[Sighting],
) -> None:
    placed, visits = told(sightings)
    assert all(len(times) >= 2 and times == sorted(times) for times in visits)
    owner: dict[str, int | None] = {}
    for sighting, where in zip(sightings, placed, strict=True):
        owner = {
            key: where.number if number in where.merged else number for key, number in owner.items()
        }
        assert all(owner[key] is None for key in where.numbered)
        owner |= dict.fromkeys(where.numbered, where.number)
        owner[sighting.sighting_id] = where.number
    assert len({number for number in owner.values() if number is not None}) == len(visits)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=25))
@settings(max_examples=40, deadline=None)
def test_people_who_look_different_are_never_one(people: list[int]) -> None:
    strangers = Strangers("m")
    for number, person in enumerate(people):
        strangers.add(at(f"s{number:02d}", AXES[person], number))
    often = [person for person in set(people) if people.count(person) > 1]
    assert len(strangers.numbers()) == len(often)
    counts = sorted(len(strangers.visits(number)) for number in strangers.numbers())
    assert counts == sorted(people.count(person) for person in often)
