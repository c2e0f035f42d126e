"""Each field of a rule decides by itself; what is left out takes anything."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.payloads import event

from spyoncino.alerts.rules import Moment, Rule, TimeWindow, When, is_louder, matching, why_not
from spyoncino.modules.alert_settings import RuleSettings
from spyoncino.schemas.alerts import AlertPriority
from spyoncino.schemas.events import Event, Identity, TrackSummary, Verdict
from spyoncino.schemas.modes import Mode

EVENING = Moment(datetime(2026, 3, 6, 22, 30, tzinfo=UTC), Mode.AWAY)  # a Friday
"""When the visit of these tests begins."""


def identity(verdict: Verdict, name: str | None = None, track_id: int = 1) -> Identity:
    return Identity(name=name, decision=verdict, similarity=0.7, margin=0.3, track_id=track_id)


def visit(**changes: Any) -> Event:
    """Ann rang at the door, stood on the porch and stayed for 4 s."""
    facts: dict[str, Any] = {
        "type": "doorbell",
        "labels": ("person",),
        "identities": (identity(Verdict.KNOWN, "Ann"),),
        "tracks": (
            TrackSummary(
                track_id=1, label="person", score=0.9, start_s=10, end_s=14, zones=("porch",)
            ),
        ),
    }
    return event(**{**facts, **changes})


FITTING: dict[str, Any] = {
    "types": frozenset({"doorbell", "vehicle"}),
    "labels": frozenset({"person"}),
    "identities": frozenset({"known"}),
    "names": frozenset({"Ann", "Bob"}),
    "zones": frozenset({"porch"}),
    "cameras": frozenset({"door"}),
    "modes": frozenset({Mode.AWAY}),
    "days": frozenset({"fri"}),
    "between": TimeWindow(time(22, 0), time(6, 0)),
    "min_duration_s": 4.0,
}
OTHER: dict[str, Any] = {
    "types": frozenset({"vehicle"}),
    "labels": frozenset({"cat"}),
    "identities": frozenset({"unknown", "nobody"}),
    "names": frozenset({"Bob"}),
    "zones": frozenset({"drive"}),
    "cameras": frozenset({"garden"}),
    "modes": frozenset({Mode.HOME}),
    "days": frozenset({"sat"}),
    "between": TimeWindow(time(6, 0), time(22, 0)),
    "min_duration_s": 4.1,
}


@pytest.mark.parametrize("field", FITTING)
def test_a_field_alone_lets_the_event_pass_or_stops_it(field: str) -> None:
    assert why_not(When(**{field: FITTING[field]}), visit(), EVENING) == ""
    reason = why_not(When(**{field: OTHER[field]}), visit(), EVENING)
    assert "the rule wants" in reason


@pytest.mark.parametrize("field", FITTING)
def test_one_field_that_does_not_fit_is_enough(field: str) -> None:
    assert why_not(When(**FITTING), visit(), EVENING) == ""
    assert why_not(When(**{**FITTING, field: OTHER[field]}), visit(), EVENING) != ""


def test_a_rule_without_wishes_takes_anything() -> None:
    assert why_not(When(), event(), Moment(EVENING.local, None)) == ""
    assert why_not(When(), event(end_s=event().start_s), EVENING) == ""


def test_what_a_person_leaves_out_of_a_rule_is_what_a_rule_leaves_out() -> None:
    assert RuleSettings(name="anything").to_rule(()) == Rule("anything")


def test_somebody_who_was_seen_before_ringing_has_rung() -> None:
    wants_rings = When(types=frozenset({"doorbell"}))
    seen = event(type="person", labels=("person",))
    assert why_not(wants_rings, seen, EVENING) == "type is person, the rule wants doorbell"
    rang = event(type="person", labels=("person",), presses=(11.0,))
    assert why_not(wants_rings, rang, EVENING) == ""
    assert why_not(When(types=frozenset({"person"})), rang, EVENING) == ""


def test_a_kind_stands_for_every_type_of_it() -> None:
    vehicles, animals = When(types=frozenset({"vehicle"})), When(types=frozenset({"animal"}))
    car, cat = event(type="car", labels=("car",)), event(type="cat", labels=("cat",))
    assert why_not(vehicles, car, EVENING) == why_not(animals, cat, EVENING) == ""
    assert why_not(vehicles, cat, EVENING) == "type is animal or cat, the rule wants vehicle"
    assert why_not(When(types=frozenset({"car"})), car, EVENING) == ""


def test_nobody_stands_for_an_event_without_a_face() -> None:
    faceless = When(identities=frozenset({"nobody"}))
    assert why_not(faceless, visit(identities=()), EVENING) == ""
    assert "identity is known" in why_not(faceless, visit(), EVENING)


def test_somebody_unsure_is_never_named() -> None:
    unsure = visit(identities=(identity(Verdict.UNSURE, "Ann"),))
    assert unsure.names == ()
    assert "name is none" in why_not(When(names=frozenset({"Ann"})), unsure, EVENING)


def test_a_mode_that_is_not_known_fits_no_rule_that_asks_for_one() -> None:
    unknown = Moment(EVENING.local, None)
    assert "mode is none" in why_not(When(modes=frozenset({Mode.AWAY})), visit(), unknown)


def test_the_first_rule_that_fits_decides_for_each_channel() -> None:
    rules = (
        Rule("cats", When(labels=frozenset({"cat"})), ("telegram", "email")),
        Rule("the bell", When(types=frozenset({"doorbell"})), ("telegram",)),
        Rule("anybody", When(), ("telegram", "email")),
    )
    chosen = matching(rules, visit(), EVENING)
    assert {channel: rule.name for channel, rule in chosen.items()} == {
        "telegram": "the bell",
        "email": "anybody",
    }


@pytest.mark.parametrize(
    ("now", "then", "has_rung", "is_heard"),
    [
        ("normal", "normal", False, False),
        ("normal", "normal", True, True),  # whoever rings is heard
        ("high", "normal", False, True),
        ("normal", "low", False, True),
        ("normal", "high", False, False),
        ("low", "low", True, False),  # the rule wants no sound
    ],
)
def test_what_makes_an_edit_heard(now: str, then: str, *, has_rung: bool, is_heard: bool) -> None:
    by, before = Rule("by", priority=AlertPriority(now)), Rule("a", priority=AlertPriority(then))
    seen = event(presses=(11.0,) if has_rung else ())
    assert is_louder(by, seen, before, event()) is is_heard


def test_whoever_rings_again_is_not_heard_again() -> None:
    rule, rang = Rule("bell"), event(presses=(11.0,))
    assert not is_louder(rule, event(presses=(11.0, 12.0)), rule, rang)
    assert is_louder(rule, rang, rule, None)


@given(begin=st.times(), end=st.times(), moment=st.times())
def test_a_window_and_the_one_from_its_end_to_its_begin_share_the_day(
    begin: time, end: time, moment: time
) -> None:
    if begin != end:
        assert (moment in TimeWindow(begin, end)) != (moment in TimeWindow(end, begin))
    else:
        assert moment not in TimeWindow(begin, end)
