"""What a killed run told is saved by the next one, once, and never goes back."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.payloads import EVENT_ID, START, event

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.contracts import BaseModule
from spyoncino.core.durable_place import Patience
from spyoncino.core.wiring import subscribe_module
from spyoncino.events.identity import past_press_event_id
from spyoncino.modules.event.builder import EventBuilderModule
from spyoncino.modules.storage.event_log import KILLED_REASON, EventLog
from spyoncino.modules.storage.media_keeper import MediaKeeper
from spyoncino.persistence import database as database_module
from spyoncino.persistence.decisions import DecisionStore
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.events import (
    DoorbellEvent,
    Event,
    EventCompleted,
    EventCreated,
    EventState,
    EventUpdate,
)
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import (
    DOORBELL_PRESSED,
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    MEDIA_READY,
)
from spyoncino.testing.harness import ModuleHarness


class House:
    """Runs over one data folder, with or without the modules that save."""

    def __init__(self, harness: ModuleHarness, outbox: Path) -> None:
        self.harness = harness
        self.outbox = outbox
        self.store = EventStore(harness.context.database)

    @asynccontextmanager
    async def run(self, *kinds: type[BaseModule[Any]]) -> AsyncIterator[Bus]:
        patience = Patience(first_pause_s=0.01, longest_pause_s=0.01)
        async with Bus(SystemClock(), outbox=self.outbox, patience=patience) as bus:
            self.harness.context.bus = bus
            modules = [kind(self.harness.context) for kind in kinds]
            for module in modules:
                await module.configure(module.settings_model())
                await module.start()
                subscribe_module(bus, module)
            await bus.drain()
            yield bus
            for module in modules:
                await module.stop()

    async def introduce(self, *kinds: type[BaseModule[Any]]) -> None:
        """The outbox knows them from here on and keeps what they miss."""
        async with self.run(*kinds):
            pass


@pytest.fixture
def house(harness: ModuleHarness, tmp_path: Path) -> House:
    return House(harness, tmp_path / "outbox.db")


def told(state: EventState, seconds: float = 0.0) -> Event:
    transitions = {"created": START}
    if state is EventState.COMPLETED:
        transitions["completed"] = START + timedelta(seconds=seconds)
    return event(state=state, transitions=transitions)


async def test_an_event_that_only_the_outbox_knows_is_saved_as_failed(house: House) -> None:
    await house.introduce(EventLog)
    async with house.run() as bus:
        await bus.publish(EVENT_CREATED, EventCreated(event=told(EventState.CREATED)))
        await bus.publish(EVENT_UPDATED, EventUpdate(event=told(EventState.PROCESSING)))
    async with house.run(EventLog):
        found = await house.store.get(EVENT_ID)
    assert found is not None
    assert (found.state, found.reason) == (EventState.FAILED, KILLED_REASON)


async def test_an_event_whose_completion_only_the_outbox_knows_is_completed_with_its_time(
    house: House,
) -> None:
    async with house.run(EventLog) as bus:
        await bus.publish(EVENT_CREATED, EventCreated(event=told(EventState.CREATED)))
        await bus.drain()
    house.harness.decision_log.record("x", "door", "of this run", True, "r", at_s=0.0)
    async with house.run() as bus:
        completed = told(EventState.COMPLETED, 2.5)
        await bus.publish(EVENT_COMPLETED, EventCompleted(event=completed))
    async with house.run(EventLog):
        assert await house.store.get(EVENT_ID) == completed
        numbers = await house.store.statistics()
    assert list(numbers["mean_processing_ms"].values()) == [2500.0]
    assert await DecisionStore(house.harness.context.database).of_event(EVENT_ID) == []


async def test_a_state_that_is_told_again_does_not_replace_a_newer_one_nor_forget_its_time(
    house: House,
) -> None:
    completed = told(EventState.COMPLETED)
    await house.introduce(EventLog)
    async with house.run() as bus:
        await bus.publish(EVENT_UPDATED, EventUpdate(event=told(EventState.PROCESSING)))
        await bus.publish(EVENT_COMPLETED, EventCompleted(event=event(state=EventState.COMPLETED)))
    await house.store.save(completed, processing_time_ms=70.0)
    seen: list[EventState] = []
    async with house.run(EventLog):
        found = await house.store.get(EVENT_ID)
        assert found is not None
        seen.append(found.state)
        numbers = await house.store.statistics()
    assert seen == [EventState.COMPLETED]
    assert list(numbers["mean_processing_ms"].values()) == [70.0]


async def test_a_locked_database_is_waited_for_by_the_bus_and_shown_in_health(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.02)
    database = house.harness.context.database
    await database.close()
    await database.open()
    log = EventLog(house.harness.context)
    async with house.run() as bus:
        await log.configure(log.settings_model())
        await log.start()
        subscribe_module(bus, log)
        with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await bus.publish(EVENT_CREATED, EventCreated(event=told(EventState.CREATED)))
            while (await log.health()).state is HealthState.OK:
                await house.harness.clock.advance(0.1)
            health = await log.health()
            other.execute("ROLLBACK")
        await bus.drain()
        assert "locked by another program" in health.detail
        assert health.numbers["waiting"] == 1
        assert (await log.health()).state is HealthState.OK
        assert await house.store.get(EVENT_ID) is not None
        await log.drain()
        await log.stop()


async def test_a_file_is_indexed_once_and_not_at_all_when_it_is_gone(
    house: House, tmp_path: Path
) -> None:
    await house.introduce(MediaKeeper)
    store = MediaStore(house.harness.context.database)
    artifacts = [
        MediaArtifact(
            kind=kind,
            event_ref=EVENT_ID,
            camera="door",
            path=f"{kind}.bin",
            content_type="x/x",
            size_bytes=4,
        )
        for kind in (MediaKind.CLIP, MediaKind.SNAPSHOT)
    ]
    (tmp_path / artifacts[0].path).write_bytes(b"file")
    await store.add(artifacts[0])
    async with house.run() as bus:
        for artifact in artifacts:
            await bus.publish(MEDIA_READY, artifact)
    async with house.run(MediaKeeper):
        assert [each.path for each in await store.of_event(EVENT_ID)] == ["clip.bin"]
        assert await store.total_bytes() == 4


async def test_a_press_of_a_killed_run_becomes_an_event_of_its_own_moment(house: House) -> None:
    await house.introduce(EventLog, EventBuilderModule)
    press = DoorbellEvent(doorbell="front", camera="door", pts_s=500.0, timestamp=START)
    async with house.run() as bus:
        await bus.publish(DOORBELL_PRESSED.of("front"), press)
    async with house.run(EventLog, EventBuilderModule) as bus:
        await bus.drain()
        (found,) = await house.store.find()
    assert found.state is EventState.COMPLETED
    assert found.started_at == START
    assert found.presses == (500.0,)
    assert "ended before this press" in found.reason


@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_press_that_a_killed_run_had_in_an_event_is_in_that_event_alone(
    house: House, *, is_closed: bool
) -> None:
    """The run was killed after it told of the event and before the press was done with."""
    await house.introduce(EventLog, EventBuilderModule)
    press = DoorbellEvent(doorbell="front", camera="door", timestamp=START)
    holder = told(EventState.PROCESSING).model_copy(update={"press_ids": ("x", press.event_id)})
    async with house.run() as bus:
        await bus.publish(DOORBELL_PRESSED.of("front"), press)
        await bus.publish(EVENT_UPDATED, EventUpdate(event=holder))
        if is_closed:
            done = holder.model_copy(update={"state": EventState.COMPLETED})
            await bus.publish(EVENT_COMPLETED, EventCompleted(event=done))
    async with house.run(EventLog, EventBuilderModule) as bus:
        await bus.drain()
        (found,) = await house.store.find()
    assert found.event_id == holder.event_id
    assert found.state is (EventState.COMPLETED if is_closed else EventState.FAILED)
    assert press.event_id in found.press_ids


async def test_a_press_of_a_killed_run_that_is_told_in_two_more_runs_has_one_event(
    house: House,
) -> None:
    """The second run, too, is killed before it was done with the press."""
    await house.introduce(EventLog, EventBuilderModule)
    press = DoorbellEvent(doorbell="front", camera="door", timestamp=START)
    alone = past_press_event_id(press.event_id)
    begun = told(EventState.CREATED).model_copy(
        update={"event_id": alone, "press_ids": (press.event_id,)}
    )
    async with house.run() as bus:
        await bus.publish(DOORBELL_PRESSED.of("front"), press)
        await bus.publish(EVENT_CREATED, EventCreated(event=begun))
    async with house.run(EventLog, EventBuilderModule) as bus:
        await bus.drain()
        (found,) = await house.store.find()
    assert (found.event_id, found.press_ids) == (alone, (press.event_id,))
    assert found.state is EventState.COMPLETED
