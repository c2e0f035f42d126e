from datetime import timedelta, timezone
from typing import Any

import pytest
from tests.fixtures.payloads import event, identity, known

from spyoncino.events.story import names_of, story_of
from spyoncino.schemas.events import Event, EventState, TrackSummary, Verdict

ROME = timezone(timedelta(hours=1))


def track(track_id: int, start_s: float = 10.0, end_s: float = 14.0) -> TrackSummary:
    return TrackSummary(track_id=track_id, label="person", score=0.9, start_s=start_s, end_s=end_s)


def visit(*, tracks: int = 1, **changes: Any) -> Event:
    people = tuple(track(number) for number in range(1, tracks + 1))
    return event(EventState.COMPLETED, **{"tracks": people, "end_s": 50.0, **changes})


def test_who_rang_is_named_with_the_clock_of_the_house() -> None:
    rang = visit(identities=(known(),), presses=(12.0,))
    assert story_of(rang, ROME) == "Ann rang at 13:00, stayed 40 s"


def test_who_came_with_somebody_unknown_is_told_without_guessing() -> None:
    both = visit(tracks=2, identities=(known(), identity(track_id=2)), presses=(12.0,))
    assert story_of(both, ROME) == "Ann rang at 13:00, stayed 40 s; with an unknown person"


def test_an_open_event_says_nothing_of_how_long_it_lasts() -> None:
    going_on = event(EventState.PROCESSING, tracks=(track(1),), identities=(known(),))
    assert story_of(going_on, ROME) == "Ann came at 13:00"


def test_several_known_people_are_listed() -> None:
    people = tuple(known(name, track_id=n) for n, name in enumerate(("Ann", "Ben", "Cleo"), 1))
    assert story_of(visit(tracks=3, identities=people), ROME) == (
        "Ann, Ben and Cleo came at 13:00, stayed 40 s"
    )


def test_two_tracks_of_one_person_are_one_person() -> None:
    twice = visit(tracks=1, identities=(known(), known(track_id=2)))
    assert names_of(twice) == ("Ann",)
    assert story_of(twice, ROME) == "Ann came at 13:00, stayed 40 s"


def test_an_unsure_face_is_never_named() -> None:
    unsure = identity(decision=Verdict.UNSURE, resembles="Ben")
    assert story_of(visit(identities=(unsure,)), ROME) == (
        "An unknown person came at 13:00, stayed 40 s"
    )


def test_people_are_counted_as_many_as_were_there_at_once() -> None:
    unknown = tuple(identity(track_id=n) for n in (1, 2, 3))
    at_once = visit(tracks=3, identities=unknown)
    after = visit(
        tracks=0,
        identities=unknown,
    ).model_copy(update={"tracks": tuple(track(n, 10.0 * n, 10.0 * n + 5) for n in (1, 2, 3))})
    assert story_of(at_once, ROME).startswith("3 unknown people came")
    assert story_of(after, ROME).startswith("An unknown person came")


@pytest.mark.parametrize(
    ("presses", "words"),
    [
        ((12.0,), "Somebody rang at 13:00"),
        ((12.0, 13.0), "Somebody rang twice, first at 13:00"),
        ((12.0, 13.0, 14.0), "Somebody rang 3 times, first at 13:00"),
    ],
)
def test_somebody_whose_face_was_not_seen_rang(presses: tuple[float, ...], words: str) -> None:
    rang = visit(tracks=0, presses=presses, labels=())
    assert story_of(rang, ROME) == f"{words}, stayed 40 s"


def test_a_blocked_person_and_strangers_say_so() -> None:
    said = (known(decision=Verdict.BLOCKED), identity(track_id=2, stranger=7))
    assert story_of(visit(tracks=2, identities=said), ROME) == (
        "Ann (blocked) came at 13:00, stayed 40 s; with stranger 7"
    )


def test_who_was_there_without_showing_a_face_is_mentioned() -> None:
    assert story_of(visit(tracks=2, identities=(known(),)), ROME) == (
        "Ann came at 13:00, stayed 40 s; with somebody whose face was not seen"
    )
    assert story_of(visit(tracks=2), ROME) == "2 people came at 13:00, stayed 40 s"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("car",), "A car at 13:00 for 1 min 5 s"),
        (("car", "dog"), "A car and a dog at 13:00 for 1 min 5 s"),
        ((), "Something moved at 13:00 for 1 min 5 s"),
    ],
)
def test_things_and_animals_are_told_too(labels: tuple[str, ...], words: str) -> None:
    assert story_of(visit(tracks=0, labels=labels, end_s=75.0), ROME) == words


def test_a_face_after_a_press_without_any_track_counts_as_a_person() -> None:
    loose = identity(track_id=None, loose_id=1)
    rang = visit(tracks=0, labels=(), identities=(loose,), presses=(10.0,), end_s=10.2)
    assert story_of(rang, ROME) == "An unknown person rang at 13:00"
