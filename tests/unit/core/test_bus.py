"""Delivery, order, isolation and losses, as users of the bus see them."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.bus_ear import DOOR, GARDEN, Ear, press, turns

from spyoncino.clock import FakeClock
from spyoncino.core.bus import PUBLISHES_PER_TURN, Bus
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.errors import WiringError
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.topics import (
    DOORBELL_PRESSED,
)


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus(FakeClock()) as running:
        yield running


async def test_every_subscriber_of_the_topic_gets_the_message(bus: Bus) -> None:
    ears = [Ear(), Ear(), Ear()]
    bus.subscribe(DOOR, ears[0], name="exact")
    bus.subscribe(DOORBELL_PRESSED, ears[1], name="family")
    bus.subscribe("doorbell.#", ears[2], name="pattern")
    payload = press()
    await bus.publish(DOOR, payload)
    await bus.drain()
    for ear in ears:
        (message,) = ear.messages
        assert message.data is payload
        assert message.topic == "doorbell.door.pressed"


async def test_other_topics_are_not_delivered(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe(DOOR, ear, name="door")
    await bus.publish(GARDEN, press())
    await bus.drain()
    assert ear.heard == []


async def test_a_name_does_as_well_as_a_topic(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe("doorbell.*.pressed", ear, name="ear")
    await bus.publish("doorbell.door.pressed", press("by name"))
    await bus.drain()
    assert ear.heard == ["by name"]


async def test_message_is_stamped_with_the_time_of_the_publish() -> None:
    clock = FakeClock()
    async with Bus(clock) as bus:
        ear = Ear()
        bus.subscribe(DOOR, ear, name="ear")
        await clock.advance(2)
        await bus.publish(DOOR, press())
        await bus.drain()
        assert ear.messages[0].published_ns == 2_000_000_000


async def test_publishing_without_subscribers_is_harmless_and_counted(bus: Bus) -> None:
    await bus.publish(DOOR, press())
    await bus.drain()
    assert bus.status().published == 1
    assert bus.status().delivered == 0


@pytest.mark.parametrize("policy", list(Policy))
async def test_order_is_kept_for_each_topic(policy: Policy, bus: Bus) -> None:
    ear = Ear()
    bus.subscribe("doorbell.#", ear, name="ear", policy=policy, capacity=1000)
    for number in range(500):
        await bus.publish((DOOR, GARDEN)[number % 2], press(number))
    await bus.drain()
    for parity in (0, 1):
        numbers = [int(each) for each in ear.heard if int(each) % 2 == parity]
        assert numbers == sorted(numbers)
    if policy is not Policy.LATEST:
        assert len(ear.heard) == 500


async def test_a_slow_handler_holds_nobody_else_up(bus: Bus) -> None:
    slow, quick = Ear(), Ear()
    slow.gate.clear()
    bus.subscribe(DOOR, slow, name="slow", capacity=2)
    bus.subscribe(DOOR, quick, name="quick")
    for number in range(5):
        await bus.publish(DOOR, press(number))
        await turns()
    assert quick.heard == ["0", "1", "2", "3", "4"]
    slow.gate.set()
    await bus.drain()
    assert slow.heard == ["0", "3", "4"]
    slow_status = bus.status().subscribers[0]
    assert (slow_status.delivered, slow_status.dropped) == (3, 2)


async def test_a_raising_handler_goes_on_and_others_are_not_touched(bus: Bus) -> None:
    good = Ear()

    async def bad(message: Message) -> None:
        if message.payload.method != "2":
            raise ValueError(message.payload.method)

    bus.subscribe(DOOR, bad, name="bad")
    bus.subscribe(DOOR, good, name="good")
    for number in range(5):
        await bus.publish(DOOR, press(number))
    await bus.drain()
    assert good.heard == ["0", "1", "2", "3", "4"]
    bad_status = bus.status().subscribers[0]
    assert (bad_status.delivered, bad_status.failed, bad_status.dropped) == (1, 4, 0)


async def test_a_burst_of_publishes_lets_subscribers_run_and_loses_nothing(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe(DOOR, ear, name="ear", capacity=PUBLISHES_PER_TURN)
    for number in range(PUBLISHES_PER_TURN * 5):
        await bus.publish(DOOR, press(number))
    await bus.drain()
    assert bus.status().dropped == 0
    assert len(ear.heard) == PUBLISHES_PER_TURN * 5


async def test_one_subscriber_takes_several_topics_in_the_order_of_publishing(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe(f"{DOOR.name}|{GARDEN.name}", ear, name="both")
    for number in range(10):
        await bus.publish((DOOR, GARDEN)[number % 3 == 0], press(number))
    await bus.drain()
    assert ear.heard == [str(number) for number in range(10)]


Plan = list[tuple[int, int]]


@given(
    st.lists(st.sampled_from(list(Policy)), min_size=1, max_size=4),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), max_size=30),
)
def test_every_message_is_delivered_failed_or_dropped_once_for_each_subscriber(
    policies: list[Policy], capacity: int, plan: Plan
) -> None:
    async def scenario() -> None:
        settled: list[int] = []
        heard: dict[int, list[int]] = {index: [] for index in range(len(policies))}

        def handler(index: int) -> Any:
            async def handle(message: Message) -> None:
                number = int(message.payload.method)
                heard[index].append(number)
                await turns(number % 3)
                if number % 5 == index:
                    raise ValueError

            return handle

        async with Bus(FakeClock()) as bus:
            for index, policy in enumerate(policies):
                bus.subscribe(
                    "doorbell.#", handler(index), name=str(index), policy=policy, capacity=capacity
                )
            for number, (which, pause) in enumerate(plan):
                topic = (DOOR, GARDEN)[which]
                await bus.publish(topic, press(number), on_settled=partial(settled.append, number))
                await turns(pause)
            await bus.drain()
            for index, status in enumerate(bus.status().subscribers):
                assert status.delivered + status.failed + status.dropped == len(plan)
                assert status.delivered + status.failed == len(heard[index])
                for which in (0, 1):
                    numbers = [each for each in heard[index] if plan[each][0] == which]
                    assert numbers == sorted(set(numbers))
                if policies[index] is Policy.BLOCK:
                    assert heard[index] == list(range(len(plan)))
        assert sorted(settled) == list(range(len(plan)))

    with structlog.testing.capture_logs():
        asyncio.run(scenario())


async def test_a_throttled_subscriber_gets_the_newest_of_each_topic_at_its_rate() -> None:
    clock = FakeClock()
    heard: list[str] = []

    async def hear(message: Message) -> None:
        heard.append(message.payload.event_id)

    async with Bus(clock) as bus:
        bus.subscribe(DOORBELL_PRESSED, hear, name="slow", policy=Policy.LATEST, max_per_s=2)
        for number in range(10):
            for door in ("front", "back"):
                press = DoorbellEvent(doorbell=door, camera=door, event_id=f"{door} {number}")
                await bus.publish(DOORBELL_PRESSED.of(door), press)
            await clock.advance(0.25)
        draining = asyncio.create_task(bus.drain())
        while not draining.done():
            await clock.advance(0.25)
        with pytest.raises(WiringError, match="cannot be throttled"):
            bus.subscribe(DOORBELL_PRESSED, hear, name="queue", max_per_s=2)
    assert heard[0] == "front 0"
    assert heard[-2:] == ["front 9", "back 9"] or heard[-2:] == ["back 9", "front 9"]
    assert 5 <= len(heard) <= 7
