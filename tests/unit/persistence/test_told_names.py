"""Nobody who is forgotten stays in what is kept of messages, whoever kept it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from spyoncino.persistence.alert_sheets import AlertSheet, AlertSheetStore
from spyoncino.persistence.database import Database
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.told_names import ToldNames, without_names
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import Event, Identity, Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = {"Ann", "ann"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Ann rang at door", "Somebody rang at door"),
        ("it was Ann (ann), not Anna or JoAnn", "it was somebody (somebody), not Anna or JoAnn"),
        ("Ann Lee and Ann", "Ann Lee and somebody"),
        ("Ann\u2019s: Ann.", "Somebody\u2019s: somebody."),
        ("nobody", "nobody"),
    ],
)
def test_a_name_is_taken_out_as_a_whole_word_and_longer_names_stay(before: str, after: str) -> None:
    assert without_names(before, ANN, {"Ann Lee", "Bob"}) == after


def test_without_names_nothing_is_taken_out_and_signs_of_a_name_mean_themselves() -> None:
    assert without_names("Ann", ()) == "Ann"
    assert without_names("Mr. X or Mrs X", {"Mr. X"}) == "Somebody or Mrs X"


def stranger(_event_id: str, identity: Identity) -> Identity | None:
    if identity.name == "gone":
        return None
    changes = {"name": None, "decision": Verdict.UNKNOWN} if identity.name == "Ann" else {}
    return identity.model_copy(update=changes)


async def test_a_message_of_no_event_and_why_another_person_was_known_lose_the_name_too(
    database: Database, make_event: Callable[..., Event]
) -> None:
    facts: dict[str, Any] = {"similarity": 0.9, "margin": 0.1, "track_id": 1}
    bob = Identity(name="Bob", decision=Verdict.KNOWN, reason="0.1 above Ann", **facts)
    gone = Identity(name="gone", decision=Verdict.KNOWN, **facts)
    events, deliveries = EventStore(database), DeliveryStore(database)
    await events.save(make_event("e", identities=(bob, gone), camera="Ann"))
    digest = AlertNotification(event_ref="digest", channel="post", text="1 at door (about Ann)")
    other = AlertNotification(event_ref="other", channel="post", text="about Bob, an annex")
    for alert in (digest, other):
        await deliveries.want(DeliveryKey(alert.event_ref, "post", "me"), alert, NOON)
    told = ToldNames(database)
    assert await told.erase(ANN, (), stranger) == 2
    assert await told.erase(ANN, (), stranger) == 0
    (kept,) = await deliveries.of_event("digest")
    assert kept.alert == digest.model_copy(update={"text": "1 at door (about somebody)"})
    (kept,) = await deliveries.of_event("other")
    assert kept.alert == other
    event = await events.get("e")
    assert event is not None
    assert event.camera == "Ann"
    assert [each.reason for each in event.identities] == ["0.1 above somebody"]


async def test_rules_that_somebody_wrote_stay_and_many_rows_are_done_in_batches(
    database: Database,
) -> None:
    sheets = AlertSheetStore(database)
    facts = {"rules": {"post": {"name": "Ann", "text": "Ann!"}}, "held": {"post": ["Ann", 1]}}
    for number in range(210):
        await sheets.keep(AlertSheet(f"e{number}", "me", (), facts=facts), NOON)
    assert await ToldNames(database).erase(ANN, (), stranger) == 210
    kept = await sheets.get("e209")
    assert kept is not None
    assert kept.facts == {"rules": facts["rules"], "held": {"post": ["Somebody", 1]}}
