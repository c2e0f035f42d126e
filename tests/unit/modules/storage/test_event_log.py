"""Events and their decisions reach the database, also when it refuses for a while."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from tests.fixtures.payloads import EVENT_ID, START, event

from spyoncino.errors import StorageError
from spyoncino.modules.storage.event_log import KILLED_REASON, EventLog
from spyoncino.persistence import database as database_module
from spyoncino.persistence.decisions import DecisionStore
from spyoncino.persistence.events import EventStore
from spyoncino.schemas.events import EventCompleted, EventCreated, EventState, EventUpdate
from spyoncino.schemas.inquiry import EventCounts, EventInquiry
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import (
    COUNT_EVENTS,
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_STORED,
    EVENT_UPDATED,
    MEDIA_READY,
)
from spyoncino.testing.harness import ModuleHarness


async def test_every_state_of_an_event_is_saved_and_acknowledged(harness: ModuleHarness) -> None:
    await harness.add(EventLog)
    await harness.feed(EVENT_CREATED, EventCreated(event=event(state=EventState.CREATED)))
    await harness.feed(EVENT_UPDATED, EventUpdate(event=event(state=EventState.PROCESSING)))
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=event(state=EventState.COMPLETED)))
    stored = await EventStore(harness.context.database).get(EVENT_ID)
    assert stored is not None
    assert stored.state is EventState.COMPLETED
    assert [ack.key for ack in harness.received(EVENT_STORED)] == [EVENT_ID] * 3


async def test_a_completed_event_keeps_the_decisions_around_it(harness: ModuleHarness) -> None:
    await harness.add(EventLog, decision_margin_s=5.0)
    completed = event(state=EventState.COMPLETED, start_s=100.0, end_s=110.0)
    for at_s in (20.0, 97.0, 105.0, 200.0):
        harness.decision_log.record(
            "process.tracker", "door", f"track at {at_s}", True, "confirmed", at_s=at_s
        )
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=completed))
    kept = await DecisionStore(harness.context.database).of_event(EVENT_ID)
    assert [decision.first_s for decision in kept] == [97.0, 105.0]


async def test_decisions_about_media_that_come_after_the_event_are_kept_too(
    harness: ModuleHarness,
) -> None:
    await harness.add(EventLog)
    completed = event(state=EventState.COMPLETED, start_s=100.0, end_s=110.0)
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=completed))
    harness.decision_log.record(
        "event.clip_builder", "door", "clip", True, "the clip is complete", at_s=110.0
    )
    artifact = MediaArtifact(
        kind=MediaKind.CLIP,
        event_ref=EVENT_ID,
        camera="door",
        path="clip.mp4",
        content_type="video/mp4",
        size_bytes=1,
    )
    await harness.feed(MEDIA_READY, artifact)
    kept = await DecisionStore(harness.context.database).of_event(EVENT_ID)
    assert [decision.subject for decision in kept] == ["clip"]


async def test_an_event_left_open_by_a_killed_run_is_failed_at_the_start(
    harness: ModuleHarness,
) -> None:
    store = EventStore(harness.context.database)
    await store.save(event(state=EventState.PROCESSING))
    await harness.add(EventLog)
    found = await store.get(EVENT_ID)
    assert found is not None
    assert (found.state, found.reason) == (EventState.FAILED, KILLED_REASON)


async def test_an_event_that_meets_a_locked_database_is_saved_later(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.05)
    database = harness.context.database
    await database.close()
    await database.open()
    module = await harness.add(EventLog)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await harness.feed(EVENT_CREATED, EventCreated(event=event(state=EventState.CREATED)))
        health = await module.health()
        assert health.state is HealthState.DEGRADED
        assert "locked by another program" in health.detail
        assert harness.received(EVENT_STORED) == []
        other.execute("ROLLBACK")
    await module.drain()
    assert await EventStore(database).get(EVENT_ID) is not None
    assert (await module.health()).state is HealthState.OK


async def test_events_that_cannot_be_saved_to_the_end_are_told_as_lost(
    harness: ModuleHarness,
) -> None:
    module = await harness.add(EventLog, retry_s=0.5)
    await harness.context.database.close()
    await harness.feed(EVENT_CREATED, EventCreated(event=event(state=EventState.CREATED)))
    draining = asyncio.create_task(module.drain())
    while not draining.done():
        await harness.clock.advance(0.5)
    with pytest.raises(StorageError, match=r"1 events could not be saved.* is not open"):
        await draining


async def test_the_time_from_creation_to_completion_is_kept(harness: ModuleHarness) -> None:
    await harness.add(EventLog)
    await harness.feed(EVENT_CREATED, EventCreated(event=event(state=EventState.CREATED)))
    await harness.clock.advance(0.25)
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=event(state=EventState.COMPLETED)))
    numbers = await EventStore(harness.context.database).statistics()
    assert list(numbers["mean_processing_ms"].values()) == [250.0]


async def test_the_time_an_event_took_survives_a_database_that_refuses_its_end(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = await harness.add(EventLog)
    await harness.feed(EVENT_CREATED, EventCreated(event=event(state=EventState.CREATED)))
    await harness.clock.advance(0.25)
    save = EventStore.save

    async def refuse(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(EventStore, "save", refuse)
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=event(state=EventState.COMPLETED)))
    monkeypatch.setattr(EventStore, "save", save)
    await harness.clock.advance(0.5)  # the retry is not part of what the event took
    await module.drain()
    numbers = await EventStore(harness.context.database).statistics()
    assert list(numbers["mean_processing_ms"].values()) == [250.0]


async def test_the_time_an_event_took_survives_decisions_that_cannot_be_kept(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = await harness.add(EventLog)
    await harness.feed(EVENT_CREATED, EventCreated(event=event(state=EventState.CREATED)))
    await harness.clock.advance(0.25)
    replace = DecisionStore.replace

    async def refuse(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(DecisionStore, "replace", refuse)
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=event(state=EventState.COMPLETED)))
    monkeypatch.setattr(DecisionStore, "replace", replace)
    await module.drain()
    numbers = await EventStore(harness.context.database).statistics()
    assert list(numbers["mean_processing_ms"].values()) == [250.0]


async def test_events_of_a_period_are_counted_on_request(harness: ModuleHarness) -> None:
    await harness.add(EventLog)
    store = EventStore(harness.context.database)
    for number, (camera, labels) in enumerate(
        [("door", ("person",)), ("door", ("person", "animal")), ("yard", ("animal",))]
    ):
        begun = START + timedelta(hours=number)
        facts = {"event_id": f"{EVENT_ID[:-1]}{number}", "camera": camera, "labels": labels}
        await store.save(event(state=EventState.COMPLETED, started_at=begun, **facts))

    async def ask(**inquiry: Any) -> tuple[int, list[tuple[str, str, int]]]:
        answer = await harness.bus.request(COUNT_EVENTS, EventInquiry(**inquiry))
        assert isinstance(answer, EventCounts)
        return answer.total, [(each.camera, each.label, each.events) for each in answer.by_label]

    assert await ask() == (
        3,
        [("door", "animal", 1), ("door", "person", 2), ("yard", "animal", 1)],
    )
    assert await ask(camera="yard", since=START) == (1, [("yard", "animal", 1)])
    assert await ask(until=START) == (1, [("door", "person", 1)])
    assert await ask(since=START + timedelta(days=1)) == (0, [])
