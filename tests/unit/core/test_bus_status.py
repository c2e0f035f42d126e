"""What the bus tells about itself."""

from collections.abc import AsyncIterator

import pytest
import structlog
from tests.fixtures.bus_ear import DOOR, Ear, press, turns

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.schemas.status import BusStatus
from spyoncino.schemas.topics import (
    DOORBELL_PRESSED,
    STATUS_BUS,
    STATUS_ERROR,
)


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus(FakeClock()) as running:
        yield running


async def test_a_queue_holds_256_messages_unless_told_otherwise(bus: Bus) -> None:
    bus.subscribe(DOOR, Ear(), name="usual")
    bus.subscribe(DOOR, Ear(), name="small", capacity=7, policy=Policy.BLOCK)
    usual, small = bus.status().subscribers
    assert (usual.capacity, usual.policy) == (256, "drop_oldest")
    assert (small.capacity, small.policy) == (7, "block")


async def test_a_bus_without_an_outbox_has_nothing_of_it_to_tell(bus: Bus) -> None:
    assert (bus.status().undurable, bus.status().dead_letters) == (0, 0)


async def test_status_has_the_numbers_of_each_subscriber() -> None:
    clock = FakeClock()
    async with Bus(clock) as bus:
        ear = Ear()
        ear.gate.clear()
        bus.subscribe(DOORBELL_PRESSED, ear, name="slow ear", capacity=3)
        for number in range(5):
            await bus.publish(DOOR, press(number))
            await turns()
        await clock.advance(1.5)
        (status,) = bus.status().subscribers
        assert status.model_dump() == {
            "name": "slow ear",
            "pattern": "doorbell.*.pressed",
            "policy": "drop_oldest",
            "depth": 3,
            "capacity": 3,
            "in_flight": 1,
            "delivered": 0,
            "dropped": 1,
            "failed": 0,
            "lag_s": 1.5,
            "latency_p50_ms": 0.0,
            "latency_p99_ms": 0.0,
        }
        ear.gate.set()
        await bus.drain()
        (status,) = bus.status().subscribers
        assert (status.depth, status.in_flight, status.lag_s) == (0, 0, 0)
        assert status.latency_p99_ms == 1500.0
        total = bus.status("look here")
        assert (total.delivered, total.dropped) == (4, 1)
        assert total.warning == "look here"
        assert total.source == "bus"


async def test_snapshots_are_published_every_five_seconds() -> None:
    clock = FakeClock()
    async with Bus(clock) as bus:
        ear = Ear()
        bus.subscribe(STATUS_BUS, ear, name="ear")
        await turns()
        await clock.advance(4.9)
        assert ear.heard == []
        await clock.advance(0.2)
        await bus.drain()
        assert len(ear.heard) == 1
        await clock.advance(10)
        await bus.drain()
        assert len(ear.heard) == 3
        assert all(isinstance(each, BusStatus) and not each.warning for each in ear.heard)


async def test_a_full_queue_is_told_on_status_bus_and_in_the_log(bus: Bus) -> None:
    watcher, ear = Ear(), Ear()
    ear.gate.clear()
    bus.subscribe(STATUS_BUS, watcher, name="watcher")
    bus.subscribe(DOOR, ear, name="ear", capacity=1)
    with structlog.testing.capture_logs() as lines:
        for number in range(10):
            await bus.publish(DOOR, press(number))
            await turns()
    (told,) = watcher.heard
    assert told.warning == 'The queue of "ear" for doorbell.door.pressed loses messages.'
    assert told.subscribers[1].name == "ear"
    assert [line["event"] for line in lines] == [told.warning]
    ear.gate.set()


async def test_a_raising_handler_is_reported_on_the_bus(bus: Bus) -> None:
    errors = Ear()

    async def bad(message: Message) -> None:
        raise ValueError(message.payload.method)

    bus.subscribe(STATUS_ERROR, errors, name="errors")
    bus.subscribe(DOOR, bad, name="process.bad")
    payload = press("the reason").model_copy(update={"correlation_id": "c-1"})
    await bus.publish(DOOR, payload)
    await bus.drain()
    (message,) = errors.messages
    assert message.topic == "status.error.process_bad"
    report = message.payload
    assert (report.component, report.error, report.error_type) == (
        "process.bad",
        "the reason",
        "ValueError",
    )
    assert report.correlation_id == "c-1"
