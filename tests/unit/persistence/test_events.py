"""Rows of events."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from spyoncino.persistence.database import Database
from spyoncino.persistence.events import EventStore
from spyoncino.schemas.events import Event, EventState, TrackSummary

MakeEvent = Callable[..., Event]


@pytest.fixture
def store(database: Database) -> EventStore:
    return EventStore(database)


async def test_an_event_comes_back_as_it_was_saved(
    store: EventStore, make_event: MakeEvent
) -> None:
    track = TrackSummary(
        track_id=1, label="person", score=0.9, start_s=0, end_s=5, zones=("porch",)
    )
    event = make_event(tracks=(track,), presses=(2.5,))
    await store.save(event)
    assert await store.get("e1") == event


async def test_saving_twice_keeps_one_row(store: EventStore, make_event: MakeEvent) -> None:
    await store.save(make_event())
    await store.save(make_event(end_s=9.0))
    found = await store.find()
    assert [event.end_s for event in found] == [9.0]


async def test_a_late_message_does_not_reopen_a_completed_event(
    store: EventStore, make_event: MakeEvent
) -> None:
    await store.save(make_event(state=EventState.COMPLETED))
    await store.save(make_event(state=EventState.PROCESSING))
    found = await store.get("e1")
    assert found is not None
    assert found.state is EventState.COMPLETED


async def test_the_row_says_what_the_specification_asks(
    store: EventStore, database: Database, make_event: MakeEvent
) -> None:
    await store.save(
        make_event(state=EventState.FAILED, reason="lens fell off"), processing_time_ms=12.5
    )
    async with database.read() as connection:
        row = (await connection.execute(text("SELECT * FROM events"))).mappings().one()
    assert row["event_type"] == "person"
    assert row["status"] == "failed"
    assert row["error_message"] == "lens fell off"
    assert row["processing_time_ms"] == 12.5
    assert row["completed_at"] is not None


async def test_a_short_beginning_of_the_id_is_enough_when_it_is_unambiguous(
    store: EventStore, make_event: MakeEvent
) -> None:
    for event_id in ("abc-1", "abd-2"):
        await store.save(make_event(event_id))
    found = await store.get("abc")
    assert found is not None
    assert found.event_id == "abc-1"
    assert await store.get("ab") is None
    assert await store.get("zzz") is None
    assert await store.get("%") is None


async def test_find_filters_by_camera_type_and_time_newest_first(
    store: EventStore, make_event: MakeEvent
) -> None:
    await store.save(make_event("old", 0))
    await store.save(make_event("cat", 10, type="cat"))
    await store.save(make_event("yard", 20, camera="yard"))
    await store.save(make_event("new", 30))
    started = make_event("x", 5).started_at
    assert [event.event_id for event in await store.find()] == ["new", "yard", "cat", "old"]
    assert [event.event_id for event in await store.find(camera="yard")] == ["yard"]
    assert [event.event_id for event in await store.find(event_type="cat")] == ["cat"]
    assert [event.event_id for event in await store.find(since=started)] == ["new", "yard", "cat"]
    assert [event.event_id for event in await store.find(until=started)] == ["old"]
    assert len(await store.find(limit=2)) == 2


async def test_events_left_open_by_a_killed_run_are_failed_with_the_reason(
    store: EventStore, make_event: MakeEvent
) -> None:
    await store.save(make_event("open", 0, state=EventState.PROCESSING))
    await store.save(make_event("done", 1, state=EventState.COMPLETED))
    now = make_event().started_at + timedelta(hours=1)
    closed = await store.fail_unfinished("power cut", now)
    assert [event.event_id for event in closed] == ["open"]
    event = await store.get("open")
    assert event is not None
    assert (event.state, event.reason) == (EventState.FAILED, "power cut")
    assert event.transitions["failed"] == now
    assert await store.fail_unfinished("again", now) == []


async def test_statistics_count_by_type_and_state(store: EventStore, make_event: MakeEvent) -> None:
    await store.save(make_event("a", 0, state=EventState.COMPLETED), processing_time_ms=10.0)
    await store.save(make_event("b", 1, state=EventState.COMPLETED), processing_time_ms=30.0)
    await store.save(make_event("c", 2, type="cat"))
    numbers = await store.statistics()
    assert numbers["total"] == 3
    assert numbers["by_type"] == {"person": 2, "cat": 1}
    assert numbers["by_status"] == {"completed": 2, "created": 1}
    assert numbers["mean_processing_ms"] == {"person": 20.0}


async def test_pages_join_also_between_events_of_the_same_moment(
    store: EventStore, make_event: MakeEvent
) -> None:
    for event_id, minutes in (("a", 1), ("b", 1), ("c", 1), ("d", 0)):
        await store.save(make_event(event_id, minutes))
    first = await store.find(limit=2)
    rest = await store.find(before=first[-1])
    assert [event.event_id for event in [*first, *rest]] == ["a", "b", "c", "d"]
