"""Which revisions are worth a message of their own where nothing can be edited."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fixtures.payloads import event
from tests.unit.alerts.test_rules import identity

from spyoncino.modules.follow_up import FollowUp, is_worth_one
from spyoncino.modules.output.email import EmailModule
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import Verdict
from spyoncino.testing.harness import ModuleHarness

ANN = (identity(Verdict.KNOWN, "Ann"),)


def alert(revision: int, event_ref: str = "visit", **changes: object) -> AlertNotification:
    facts: dict[str, object] = {"event": event(), **changes}
    return AlertNotification(
        event_ref=event_ref, channel="pigeon", text="x", revision=revision, **facts
    )


VISIT = (
    alert(1),
    alert(2),
    alert(3, event=event(identities=ANN)),
    alert(4, event=event(identities=ANN)),
    alert(5, event=event(identities=ANN), is_final=True),
)


def told(follow_up: FollowUp, *steps: AlertNotification) -> list[int]:
    taken: list[AlertNotification] = []
    for each in steps:
        if is_worth_one(each, follow_up, taken[-1:], is_waiting=False):
            taken.append(each)
    return [each.revision for each in taken]


def test_how_many_messages_follow_is_chosen() -> None:
    assert told("none", *VISIT) == [1]
    assert told("names", *VISIT) == [1, 3]
    assert told("final", *VISIT) == [1, 3, 5]
    assert told("all", *VISIT) == [1, 2, 3, 4, 5]


def test_a_ring_that_comes_later_is_told_whatever_is_wished() -> None:
    steps = (alert(1), alert(2, loud_revision=2), alert(3, loud_revision=2))
    assert told("none", *steps) == [1, 2]
    assert told("none", alert(1), alert(3, loud_revision=2), alert(4, loud_revision=2)) == [1, 3]


def test_what_takes_the_place_of_a_message_that_waits_is_told() -> None:
    assert is_worth_one(alert(7), "none", [alert(6)], is_waiting=True)


def test_what_was_missed_before_is_told_with_the_next_revision() -> None:
    assert told("none", alert(4), alert(5)) == [4]


def test_of_a_visit_that_is_over_a_new_name_is_worth_one_and_a_name_less_is_not() -> None:
    named, nobody = event(identities=ANN), event()
    over = alert(1, event=named, is_final=True)
    assert told("final", over, alert(2, event=nobody, is_final=True)) == [1]
    over = alert(1, event=nobody, is_final=True)
    assert told("final", over, alert(2, event=named, is_final=True)) == [1, 2]


def test_what_tells_of_no_event_is_told_as_often_as_it_is_final() -> None:
    steps = [alert(revision, event=None, is_final=True) for revision in (1, 2)]
    assert told("final", *steps) == [1, 2]
    assert told("names", *steps) == [1]


@pytest.mark.parametrize(
    ("sent_revision", "changes", "waits"),
    [
        (0, {}, True),
        (0, {"media": ("media/clip.mp4",)}, True),
        (0, {"media": ("media/clip.mp4", "media/snapshot.jpg")}, False),
        (1, {}, False),  # a later one makes nobody wait
        (0, {"event": None}, False),  # a digest has no picture
    ],
)
async def test_only_the_first_message_of_an_event_waits_for_a_picture(
    harness: ModuleHarness, *, sent_revision: int, changes: dict[str, Any], waits: bool
) -> None:
    module = await harness.add(EmailModule, picture_wait_s=3.0)
    told = alert(sent_revision + 1, **changes)
    owed = await DeliveryStore(harness.context.database).want(
        DeliveryKey(told.event_ref, "email", "ann@example.org"), told, harness.clock.utc_now()
    )
    owed = replace(owed, sent_revision=sent_revision)
    assert module.may_wait_s(owed) == (3.0 if waits else 0.0)
