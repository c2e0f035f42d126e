"""Which revisions are worth a message of their own where nothing can be edited."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fixtures.payloads import event
from tests.unit.alerts.test_rules import identity

from spyoncino.modules.follow_up import EVENTS_KEPT, FollowUp, FollowUps
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


def told(follow_up: FollowUp) -> list[int]:
    follow_ups = FollowUps()
    return [
        each.revision
        for each in VISIT
        if follow_ups.is_worth_one(each, follow_up, is_waiting=False)
    ]


def test_how_many_messages_follow_is_chosen() -> None:
    assert told("none") == [1]
    assert told("names") == [1, 3]
    assert told("final") == [1, 3, 5]
    assert told("all") == [1, 2, 3, 4, 5]


def test_a_ring_that_comes_later_is_told_whatever_is_wished() -> None:
    follow_ups = FollowUps()
    steps = (alert(1), alert(2, loud_revision=2), alert(3, loud_revision=2))
    worth = [follow_ups.is_worth_one(each, "none", is_waiting=False) for each in steps]
    assert worth == [True, True, False]


def test_what_takes_the_place_of_a_message_that_waits_is_told() -> None:
    assert FollowUps().is_worth_one(alert(7), "none", is_waiting=True)


def test_what_was_named_is_remembered_for_few_events() -> None:
    follow_ups = FollowUps()
    for number in range(EVENTS_KEPT + 5):
        follow_ups.is_worth_one(alert(1, f"visit-{number}"), "final", is_waiting=False)
    assert len(follow_ups) == EVENTS_KEPT


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
