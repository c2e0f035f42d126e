"""Start, drain, close and stop."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from tests.fixtures.bus_ear import DOOR, GARDEN, Ear, press, turns

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.errors import BusClosedError, WiringError


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus(FakeClock()) as running:
        yield running


async def test_drain_waits_for_chains_of_publishes(bus: Bus) -> None:
    end = Ear()

    async def forward(message: Message) -> None:
        await turns(3)
        await bus.publish(GARDEN, message.payload)

    bus.subscribe(GARDEN, end, name="end")
    bus.subscribe(DOOR, forward, name="forward")
    for number in range(10):
        await bus.publish(DOOR, press(number))
    await bus.drain()
    assert end.heard == [str(number) for number in range(10)]


async def test_drain_in_a_handler_is_refused(bus: Bus) -> None:
    errors: list[str] = []

    async def draining(_: Message) -> None:
        try:
            await bus.drain()
        except WiringError as error:
            errors.append(str(error))

    bus.subscribe(DOOR, draining, name="draining")
    await bus.publish(DOOR, press())
    await bus.drain()
    assert errors == ["A handler cannot drain the bus: it would wait for itself."]


async def test_drain_of_a_bus_that_never_started_returns() -> None:
    await Bus(FakeClock()).drain()


async def test_closed_subscription_gets_nothing_more(bus: Bus) -> None:
    ear = Ear()
    subscription = bus.subscribe(DOOR, ear, name="ear")
    await bus.publish(DOOR, press(1))
    await bus.drain()
    subscription.close()
    await bus.publish(DOOR, press(2))
    await subscription.wait_closed()
    await bus.drain()
    assert ear.heard == ["1"]
    status = bus.status()
    assert status.subscribers == ()
    assert (status.delivered, status.published) == (1, 2)


async def test_a_handler_may_close_its_own_subscription(bus: Bus) -> None:
    heard: list[str] = []

    async def once(message: Message) -> None:
        heard.append(message.payload.method)
        subscription.close()
        await subscription.wait_closed()

    subscription = bus.subscribe(DOOR, once, name="once")
    await bus.publish(DOOR, press(1))
    await bus.publish(DOOR, press(2))
    await bus.drain()
    assert heard == ["1"]
    assert (bus.status().delivered, bus.status().dropped) == (1, 1)


async def test_a_handler_may_subscribe(bus: Bus) -> None:
    ear = Ear()

    async def grow(_: Message) -> None:
        bus.subscribe(DOOR, ear, name="child")

    bus.subscribe(GARDEN, grow, name="parent")
    await bus.publish(GARDEN, press())
    await bus.drain()
    await bus.publish(DOOR, press(1))
    await bus.drain()
    assert ear.heard == ["1"]


async def test_subscribing_before_the_start_is_fine_and_publishing_is_not() -> None:
    bus = Bus(FakeClock())
    ear = Ear()
    before = asyncio.all_tasks()
    bus.subscribe(DOOR, ear, name="ear")
    assert asyncio.all_tasks() == before
    with pytest.raises(BusClosedError, match=r"^The bus is not started yet; nothing can be "):
        await bus.publish(DOOR, press(0))
    await bus.start()
    await bus.publish(DOOR, press(1))
    await bus.drain()
    await bus.stop()
    assert ear.heard == ["1"]


async def test_a_bus_lives_once() -> None:
    bus = Bus(FakeClock())
    await bus.start()
    with pytest.raises(BusClosedError, match=r"^A bus is started once; build a new one\.$"):
        await bus.start()
    await bus.stop()
    with pytest.raises(BusClosedError, match=r"^A bus is started once; build a new one\.$"):
        await bus.start()


async def test_after_stop_everything_is_refused_with_a_sentence(bus: Bus) -> None:
    bus.subscribe(DOOR, Ear(), name="ear")
    await bus.publish(DOOR, press())
    await bus.stop()
    await bus.stop()
    with pytest.raises(BusClosedError, match=r"^The bus is stopped; nothing can be published\.$"):
        await bus.publish(DOOR, press())
    with pytest.raises(BusClosedError, match='"late" cannot subscribe: the bus was stopped'):
        bus.subscribe(DOOR, Ear(), name="late")
    with pytest.raises(BusClosedError, match="stopped"):
        await asyncio.to_thread(bus.publish_threadsafe, DOOR, press())
    await bus.drain()


async def test_stop_before_start_closes_the_subscriptions() -> None:
    bus = Bus(FakeClock())
    subscription = bus.subscribe(DOOR, lambda _: None, name="ear")
    await bus.stop()
    assert subscription.closed


async def test_stop_lets_a_running_handler_finish_and_loses_what_waits(bus: Bus) -> None:
    ear = Ear()
    ear.gate.clear()
    settled: list[int] = []
    bus.subscribe(DOOR, ear, name="ear")
    for number in range(3):
        await bus.publish(DOOR, press(number), on_settled=partial(settled.append, number))
    await ear.entered.wait()
    stopping = asyncio.create_task(bus.stop())
    await turns()
    assert not stopping.done()
    ear.gate.set()
    await stopping
    assert ear.heard == ["0"]
    assert sorted(settled) == [0, 1, 2]
    status = bus.status()
    assert (status.delivered, status.dropped) == (1, 2)


async def test_stop_interrupts_a_handler_that_does_not_finish(bus: Bus) -> None:
    ear = Ear()
    ear.gate.clear()
    settled: list[str] = []
    bus.subscribe(DOOR, ear, name="ear")
    await bus.publish(DOOR, press(), on_settled=lambda: settled.append("yes"))
    await ear.entered.wait()
    await bus.stop(timeout_s=0)
    assert ear.heard == []
    assert settled == ["yes"]
    assert (bus.status().delivered, bus.status().dropped) == (0, 1)


async def test_a_handler_may_stop_the_bus(bus: Bus) -> None:
    stopped = asyncio.Event()

    async def stopping(_: Message) -> None:
        await bus.stop()
        stopped.set()

    bus.subscribe(DOOR, stopping, name="stopping")
    await bus.publish(DOOR, press())
    await stopped.wait()


async def test_stop_frees_publishers_that_wait_for_room(bus: Bus) -> None:
    ear = Ear()
    ear.gate.clear()
    bus.subscribe(DOOR, ear, name="ear", policy=Policy.BLOCK, capacity=1)
    publishing = [asyncio.create_task(bus.publish(DOOR, press(each))) for each in range(4)]
    await turns()
    await bus.stop(timeout_s=0)
    await asyncio.gather(*publishing)
    assert bus.status().dropped == 4


async def test_no_task_is_left_after_stop() -> None:
    before = asyncio.all_tasks()
    async with Bus(FakeClock()) as bus:
        bus.subscribe(DOOR, Ear(), name="a")
        bus.subscribe("#", Ear(), name="b")
        await bus.publish(DOOR, press())
    assert asyncio.all_tasks() == before
