"""What is held back, what never is, and what the digest says of it."""

from datetime import UTC, datetime, time, timedelta

import pytest
from tests.fixtures.payloads import event
from tests.unit.alerts.test_rules import identity

from spyoncino.alerts.restraint import MAX_REMEMBERED, Digest, Limits, Restraint
from spyoncino.alerts.rules import Rule, TimeWindow
from spyoncino.modules.alert_settings import AlertSettings
from spyoncino.schemas.alerts import AlertPriority
from spyoncino.schemas.events import Verdict

NIGHT = datetime(2026, 3, 6, 23, 30, tzinfo=UTC)
RULE = Rule("people", cooldown_s=60.0)
ANN = event(identities=(identity(Verdict.KNOWN, "Ann"),))
BOTH = event(
    identities=(identity(Verdict.KNOWN, "Ann"), identity(Verdict.KNOWN, "Bob", track_id=2))
)
PRESS = event(presses=(10.0,))


def test_a_rule_pauses_for_the_same_camera_and_not_for_another() -> None:
    restraint = Restraint(Limits())
    restraint.told(RULE, "telegram", event(), 0.0)
    reason = restraint.why_not(RULE, "telegram", event(), NIGHT, 59.0)
    assert reason == "pause of 60 s after the last message about door"
    assert restraint.why_not(RULE, "telegram", event(), NIGHT, 60.0) == ""
    assert restraint.why_not(RULE, "email", event(), NIGHT, 1.0) == ""
    assert restraint.why_not(RULE, "telegram", event(camera="garden"), NIGHT, 1.0) == ""
    assert restraint.why_not(Rule("other", cooldown_s=60.0), "telegram", event(), NIGHT, 1.0) == ""


def test_somebody_else_is_told_during_the_pause_of_the_first() -> None:
    restraint = Restraint(Limits())
    restraint.told(RULE, "telegram", ANN, 0.0)
    assert "about Ann" in restraint.why_not(RULE, "telegram", ANN, NIGHT, 1.0)
    assert restraint.why_not(RULE, "telegram", BOTH, NIGHT, 1.0) == ""


def test_a_rule_without_a_pause_tells_each_event() -> None:
    restraint = Restraint(Limits())
    restraint.told(Rule("all"), "telegram", event(), 5.0)
    assert restraint.why_not(Rule("all"), "telegram", event(), NIGHT, 5.0) == ""


def test_a_camera_tells_so_many_a_minute() -> None:
    restraint = Restraint(Limits(per_minute=3))
    for second in range(3):
        assert restraint.why_not(Rule("all"), "telegram", event(), NIGHT, second) == ""
        restraint.told(Rule("all"), "telegram", event(), second)
    reason = restraint.why_not(Rule("all"), "telegram", event(), NIGHT, 3.0)
    assert reason == "more than 3 messages a minute"
    assert restraint.why_not(Rule("all"), "telegram", event(camera="garden"), NIGHT, 3.0) == ""
    assert restraint.why_not(Rule("all"), "telegram", event(), NIGHT, 60.0) == ""


def test_a_message_counts_for_a_whole_minute_and_no_longer() -> None:
    restraint = Restraint(Limits(per_minute=1))
    restraint.told(Rule("all"), "telegram", event(), 100.0)
    assert restraint.why_not(Rule("all"), "telegram", event(), NIGHT, 159.9) != ""
    assert restraint.why_not(Rule("all"), "telegram", event(), NIGHT, 160.0) == ""


def test_who_was_told_lately_is_remembered_longer_than_who_was_not() -> None:
    restraint = Restraint(Limits())
    for number in (0, *range(1, MAX_REMEMBERED), 0, MAX_REMEMBERED):
        restraint.told(RULE, "telegram", event(camera=f"c{number}"), 0.0)
    assert restraint.why_not(RULE, "telegram", event(camera="c0"), NIGHT, 1.0) != ""
    assert restraint.why_not(RULE, "telegram", event(camera="c1"), NIGHT, 1.0) == ""


def test_limits_are_those_of_the_settings_where_nothing_is_set() -> None:
    assert AlertSettings().to_limits() == Limits()
    assert Limits().per_minute == 6


def test_a_limit_that_is_raised_while_it_runs_holds() -> None:
    restraint = Restraint(Limits(per_minute=1))
    restraint.told(Rule("all"), "telegram", event(), 0.0)
    restraint.limits = Limits(per_minute=3)
    for second in (1, 2):
        assert restraint.why_not(Rule("all"), "telegram", event(), NIGHT, second) == ""
        restraint.told(Rule("all"), "telegram", event(), second)
    assert "more than 3" in restraint.why_not(Rule("all"), "telegram", event(), NIGHT, 3.0)


def test_quiet_hours_let_only_the_urgent_pass() -> None:
    restraint = Restraint(Limits(quiet=TimeWindow(time(23, 0), time(6, 0))))
    urgent = Rule("block list", priority=AlertPriority.HIGH)
    assert restraint.why_not(Rule("all"), "telegram", event(), NIGHT, 0.0).startswith("quiet hours")
    assert restraint.why_not(urgent, "telegram", event(), NIGHT, 0.0) == ""
    noon = NIGHT.replace(hour=12)
    assert restraint.why_not(Rule("all"), "telegram", event(), noon, 0.0) == ""


def test_a_press_is_told_whatever_holds_back() -> None:
    restraint = Restraint(Limits(per_minute=1, quiet=TimeWindow(time(0, 0), time(23, 59))))
    for second in range(20):
        assert restraint.why_not(RULE, "telegram", PRESS, NIGHT, second) == ""
        restraint.told(RULE, "telegram", PRESS, second)


def test_presses_do_not_use_up_what_a_camera_may_tell() -> None:
    restraint = Restraint(Limits(per_minute=1))
    restraint.told(Rule("bell"), "telegram", PRESS, 0.0)
    assert restraint.why_not(Rule("all"), "telegram", event(), NIGHT, 1.0) == ""


def test_what_is_remembered_is_bounded() -> None:
    restraint = Restraint(Limits())
    for number in range(MAX_REMEMBERED + 10):
        restraint.told(RULE, "telegram", event(camera=f"c{number}"), 0.0)
    assert restraint.why_not(RULE, "telegram", event(camera="c0"), NIGHT, 1.0) == ""
    assert restraint.why_not(RULE, "telegram", event(camera="c11"), NIGHT, 1.0) != ""


def test_as_many_pauses_as_are_promised_are_remembered() -> None:
    restraint = Restraint(Limits())
    for number in range(MAX_REMEMBERED):
        restraint.told(RULE, "telegram", event(camera=f"c{number}"), 0.0)
    assert restraint.why_not(RULE, "telegram", event(camera="c0"), NIGHT, 1.0) != ""


def test_times_of_messages_that_no_limit_asks_for_are_forgotten() -> None:
    restraint = Restraint(Limits(per_minute=2))
    for minute in range(10):
        restraint.told(Rule("all"), "telegram", event(), 60.0 * minute)
    assert list(restraint._times["telegram", "door"]) == [480.0, 540.0]


def test_the_digest_counts_by_reason_and_camera_and_begins_anew() -> None:
    restraint = Restraint(Limits())
    for minute in range(3):
        local = NIGHT + timedelta(minutes=minute)
        restraint.held_back("telegram", event(), "quiet hours", local)
    restraint.held_back("telegram", event(camera="garden"), "pause", NIGHT)
    digest = restraint.take_digests()["telegram"]
    assert digest.count == 4
    assert digest.text() == (
        "4 events were not told between 23:30 and 23:30: 3 at door (quiet hours); "
        "1 at garden (pause)"
    )
    assert restraint.take_digests() == {}


def test_what_is_told_after_all_is_in_no_digest() -> None:
    restraint = Restraint(Limits())
    for camera in ("door", "garden"):
        restraint.held_back("telegram", event(camera=camera), "pause", NIGHT)
    restraint.told_after_all("email", event(), "pause")
    restraint.told_after_all("telegram", event(), "pause")
    assert restraint.digests["telegram"].reasons == {("pause", "garden"): 1}
    restraint.told_after_all("telegram", event(camera="garden"), "pause")
    assert restraint.take_digests() == {}


def test_who_is_forgotten_is_named_in_no_digest_and_pauses_nothing() -> None:
    restraint = Restraint(Limits())
    restraint.told(RULE, "telegram", BOTH, 0.0)
    for name, times in (("Ann", 2), ("Bob", 1)):
        for _ in range(times):
            restraint.held_back("telegram", ANN, f"pause after {name}", NIGHT)
    restraint.forget(("Ann",))
    reasons = restraint.take_digests()["telegram"].reasons
    assert reasons == {("pause after somebody", "door"): 2, ("pause after Bob", "door"): 1}
    assert restraint.why_not(RULE, "telegram", ANN, NIGHT, 1.0) == ""
    bob = event(identities=BOTH.identities[1:])
    assert restraint.why_not(RULE, "telegram", bob, NIGHT, 1.0) != ""


@pytest.mark.parametrize("count", [0, 1])
def test_a_digest_of_nothing_or_of_one_event_is_a_sentence_too(count: int) -> None:
    digest = Digest()
    for _ in range(count):
        digest.reasons["quiet hours", "door"] += 1
    assert digest.text().startswith("1 event was" if count else "0 events were")


def test_a_mute_holds_back_even_a_press_until_it_ends() -> None:
    restraint = Restraint(Limits())
    restraint.mutes["door"] = NIGHT + timedelta(hours=1)
    rings = event(presses=(1.0,))
    assert restraint.why_not(RULE, "telegram", rings, NIGHT, 0.0) == (
        f"muted until {NIGHT + timedelta(hours=1):%H:%M}"
    )
    assert restraint.why_not(RULE, "telegram", event(camera="garden"), NIGHT, 0.0) == ""
    assert restraint.why_not(RULE, "telegram", rings, NIGHT + timedelta(hours=1), 0.0) == ""


@pytest.mark.parametrize(
    ("hours", "until"),
    [
        (23, "22:30"),
        (24, "Sat 23:30"),
        (30, "Sun 05:30"),
        (48, "Sun 23:30"),
        (143, "Thu 22:30"),
        (144, "2026-03-12 23:30"),  # a day's name could be today's soon
        (168, "2026-03-13 23:30"),
    ],
)
def test_a_mute_of_a_day_or_more_is_told_with_the_day_of_its_end(hours: int, until: str) -> None:
    restraint = Restraint(Limits())
    restraint.mutes["door"] = NIGHT + timedelta(hours=hours)
    reason = restraint.why_not(RULE, "telegram", event(), NIGHT, 0.0)
    assert reason == f"muted until {until}"
