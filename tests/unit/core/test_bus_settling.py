"""Publishers that wait for room, and publishers that are told when all are done."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import structlog
from tests.fixtures.bus_ear import DOOR, Ear, press, turns

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.errors import BusClosedError, WiringError
from spyoncino.schemas.status import ErrorReport


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus(FakeClock()) as running:
        yield running


async def test_publish_waits_for_room_in_a_blocking_subscriber_only(bus: Bus) -> None:
    blocking, other = Ear(), Ear()
    blocking.gate.clear()
    bus.subscribe(DOOR, blocking, name="blocking", policy=Policy.BLOCK, capacity=1)
    bus.subscribe(DOOR, other, name="other", policy=Policy.BLOCK)

    async def publish_three() -> None:
        for number in range(3):
            await bus.publish(DOOR, press(number))

    publishing = asyncio.create_task(publish_three())
    await turns()
    assert not publishing.done()
    assert other.heard == ["0", "1", "2"]
    blocking.gate.set()
    await publishing
    await bus.drain()
    assert blocking.heard == ["0", "1", "2"]
    assert bus.status().dropped == 0


async def test_waiting_publishers_keep_the_order_of_their_publishes(bus: Bus) -> None:
    first, second = Ear(), Ear()
    first.gate.clear()
    bus.subscribe(DOOR, first, name="first", policy=Policy.BLOCK, capacity=1)
    bus.subscribe(DOOR, second, name="second", policy=Policy.BLOCK, capacity=1)
    publishing = []
    for number in range(8):
        publishing.append(asyncio.create_task(bus.publish(DOOR, press(number))))
        await turns(number % 3)
    first.gate.set()
    await asyncio.gather(*publishing)
    await bus.drain()
    assert first.heard == second.heard == [str(number) for number in range(8)]


async def test_a_cancelled_publish_is_lost_for_those_without_room_only(bus: Bus) -> None:
    full, free = Ear(), Ear()
    full.gate.clear()
    settled: list[int] = []
    bus.subscribe(DOOR, full, name="full", policy=Policy.BLOCK, capacity=1)
    bus.subscribe(DOOR, free, name="free")
    await bus.publish(DOOR, press(0))
    await turns()
    await bus.publish(DOOR, press(1))
    waiting = asyncio.create_task(bus.publish(DOOR, press(2), on_settled=lambda: settled.append(2)))
    await turns()
    assert settled == []
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert settled == [2]
    full.gate.set()
    await bus.drain()
    assert full.heard == ["0", "1"]
    assert free.heard == ["0", "1", "2"]
    assert bus.status().dropped == 1


async def test_settled_when_the_last_subscriber_is_done(bus: Bus) -> None:
    slow, quick = Ear(), Ear()
    slow.gate.clear()
    settled: list[str] = []
    bus.subscribe(DOOR, slow, name="slow")
    bus.subscribe(DOOR, quick, name="quick")
    await bus.publish(DOOR, press(), on_settled=lambda: settled.append("yes"))
    await turns()
    assert quick.heard
    assert settled == []
    slow.gate.set()
    await bus.drain()
    assert settled == ["yes"]


async def test_settled_at_once_without_subscribers(bus: Bus) -> None:
    settled: list[str] = []
    await bus.publish(DOOR, press(), on_settled=lambda: settled.append("yes"))
    assert settled == ["yes"]


async def test_settled_when_handlers_raise(bus: Bus) -> None:
    settled: list[str] = []

    async def bad(message: Message) -> None:
        raise ValueError(message.topic)

    bus.subscribe(DOOR, bad, name="bad")
    await bus.publish(DOOR, press(), on_settled=lambda: settled.append("yes"))
    await bus.drain()
    assert settled == ["yes"]


@pytest.mark.parametrize("policy", [Policy.DROP_OLDEST, Policy.DROP_NEWEST, Policy.LATEST])
async def test_settled_once_for_each_message_also_for_lost_ones(policy: Policy, bus: Bus) -> None:
    ear = Ear()
    ear.gate.clear()
    settled: list[int] = []
    bus.subscribe(DOOR, ear, name="slow", policy=policy, capacity=1)
    bus.subscribe(DOOR, Ear(), name="quick")
    for number in range(6):
        await bus.publish(DOOR, press(), on_settled=partial(settled.append, number))
        await turns()
    assert len(settled) == 4
    ear.gate.set()
    await bus.drain()
    assert sorted(settled) == list(range(6))


async def test_settled_also_when_the_publish_is_refused(bus: Bus) -> None:
    settled: list[str] = []
    wrong: Any = ErrorReport(component="a", error="b", error_type="c")
    with pytest.raises(WiringError):
        await bus.publish(DOOR, wrong, on_settled=lambda: settled.append("wrong type"))
    await bus.stop()
    with pytest.raises(BusClosedError):
        await bus.publish(DOOR, press(), on_settled=lambda: settled.append("stopped"))
    assert settled == ["wrong type", "stopped"]


async def test_a_raising_on_settled_is_logged_and_harms_nobody(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe(DOOR, ear, name="ear")

    def raising() -> None:
        raise KeyError("slot")

    with structlog.testing.capture_logs() as lines:
        await bus.publish(DOOR, press(1), on_settled=raising)
        await bus.publish(DOOR, press(2))
        await bus.drain()
    assert ear.heard == ["1", "2"]
    assert [line["event"] for line in lines] == ["on_settled of a publisher failed"]
    assert isinstance(lines[0]["exc_info"], KeyError)


async def test_a_raising_on_settled_does_not_hide_why_a_publish_is_refused(bus: Bus) -> None:
    def raising() -> None:
        raise KeyError("slot")

    await bus.stop()
    with structlog.testing.capture_logs() as lines, pytest.raises(BusClosedError):
        await bus.publish(DOOR, press(), on_settled=raising)
    assert [line["event"] for line in lines] == ["on_settled of a publisher failed"]
