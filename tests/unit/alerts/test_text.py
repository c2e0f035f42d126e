"""Words of a message: names only of those who are known for certain."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.fixtures.payloads import event
from tests.unit.alerts.test_rules import identity, visit

from spyoncino.alerts.rules import Moment
from spyoncino.alerts.text import FIELDS, words, wrong_field
from spyoncino.schemas.events import Verdict
from spyoncino.schemas.modes import Mode

MOMENT = Moment(datetime(2026, 3, 6, 14, 3, tzinfo=UTC), Mode.HOME)
ANN = identity(Verdict.KNOWN, "Ann")
BOB = identity(Verdict.BLOCKED, "Bob", track_id=2)
EVE = identity(Verdict.UNSURE, "Eve", track_id=3)


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "Person at Front door"),
        ({"type": "vehicle"}, "Vehicle at Front door"),
        ({"presses": (10.0,)}, "Somebody rang at Front door"),
        ({"identities": (EVE,)}, "Person at Front door"),
        ({"identities": (ANN,)}, "Ann at Front door"),
        ({"identities": (ANN, BOB, ANN), "presses": (1.0,)}, "Ann and Bob rang at Front door"),
        (
            {"identities": (ANN, BOB, identity(Verdict.KNOWN, "Cem", 4))},
            "Ann, Bob and Cem at Front door",
        ),
    ],
)
def test_the_title_says_who_and_where(changes: dict[str, Any], title: str) -> None:
    assert words(event(**changes), MOMENT, "Front door").title == title


def test_the_text_is_the_story_of_the_event_or_what_the_title_says() -> None:
    told = event(story="Ann rang at 14:03, stayed 40 s")
    assert words(told, MOMENT, "door").text == "Ann rang at 14:03, stayed 40 s"
    assert words(event(), MOMENT, "door").text == "Person at door, 14:03"


def test_a_template_may_use_every_field() -> None:
    template = "|".join(f"{{{name}}}" for name in FIELDS)
    told = words(visit(story="Ann rang"), MOMENT, "Front door", template).text
    assert told == ("Front door|doorbell|person|Ann|known|porch|14:03|2026-03-06|4 s|Ann rang|home")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{camera}: {names}", ""),
        ("plain", ""),
        ("{whom}", "has {whom}; there are: camera"),
        ("{}", "has {}; there are"),
        ("{camera", "is no template"),
        ("{camera:>8}", ""),
        ("{time:%H}", "cannot be filled in (Invalid format specifier"),
        ("{duration:.1f}", "cannot be filled in"),
        ("{camera!x}", "cannot be filled in"),
        ("{camera:{width}}", "cannot be filled in ('width')"),
    ],
)
def test_a_wrong_template_is_told_before_it_is_used(template: str, problem: str) -> None:
    found = wrong_field(template)
    assert problem in found
    assert bool(found) is bool(problem)
