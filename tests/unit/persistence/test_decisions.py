"""Rows of decisions."""

from collections.abc import Callable
from typing import Any

from spyoncino.persistence.database import Database
from spyoncino.persistence.decisions import DecisionStore
from spyoncino.persistence.events import EventStore
from spyoncino.schemas.decisions import Decision
from spyoncino.schemas.events import Event


def decision(**changes: Any) -> Decision:
    facts: dict[str, Any] = {
        "stage": "process.tracker",
        "camera": "door",
        "subject": "track 1",
        "passed": True,
        "reason": "confirmed",
        "first_s": 1.0,
        "last_s": 1.0,
    }
    return Decision(**{**facts, **changes})


async def test_decisions_of_an_event_come_in_camera_time_and_are_replaced_as_a_whole(
    database: Database, make_event: Callable[..., Event]
) -> None:
    await EventStore(database).save(make_event("e1"))
    store = DecisionStore(database)
    await store.replace("e1", [decision(first_s=5.0, value=0.4, limit=0.5), decision(first_s=2.0)])
    assert [found.first_s for found in await store.of_event("e1")] == [2.0, 5.0]
    await store.replace("e1", [decision(first_s=9.0, count=3)])
    found = await store.of_event("e1")
    assert [(one.first_s, one.count, one.event_ref) for one in found] == [(9.0, 3, "e1")]
    await store.replace("e1", [])
    assert await store.of_event("e1") == []
