"""One subscriber: how much it gets, and what it counts when it ends in the middle of something."""

import asyncio
from concurrent.futures import Future
from pathlib import Path

import pytest
import structlog
from tests.fixtures.bus_ear import Ear
from tests.fixtures.durable_ear import DOOR, DurableEar, press, running
from tests.unit.core.test_subscription import Rig, nothing

from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.core.subscription import BATCH, Limits
from spyoncino.errors import DamagedFileError, StorageError
from spyoncino.persistence.outbox import OutboxFile
from spyoncino.schemas.base import Payload


async def test_a_queue_is_nearly_full_at_the_mark_that_was_set() -> None:
    rig = Rig(nothing, capacity=10)
    rig.subscription.limit(Limits(high_mark=0.5))
    for number in range(4):
        rig.offer(number)
    assert rig.desk.told == []
    rig.offer(4)
    assert rig.desk.told == [("pressure", "ear", "is nearly full", 0)]


async def test_a_throttled_subscriber_rests_after_each_message_so_that_its_rate_comes_out() -> None:
    rested_s: list[float] = []

    async def rest(seconds: float) -> None:
        rested_s.append(seconds)
        await asyncio.sleep(0)

    rig = Rig(nothing, Policy.LATEST)
    rig.subscription.limit(Limits(max_per_s=4.0, sleep=rest))
    rig.subscription.start()
    for number in range(2):
        rig.offer(number)
        await rig.subscription.idle()
        await asyncio.sleep(0)
    assert rested_s == [0.25, 0.25]
    await rig.finish()


async def test_a_subscriber_without_a_rate_never_rests() -> None:
    async def rest(_: float) -> None:
        raise AssertionError("it rested")

    rig = Rig(nothing)
    rig.subscription.limit(Limits(sleep=rest))
    rig.subscription.start()
    rig.offer(1)
    await rig.subscription.idle()
    assert rig.subscription.counters.delivered == 1
    await rig.finish()


async def test_a_batch_after_a_rest_is_as_long_as_the_first() -> None:
    heard_at_turn: list[int] = []
    heard = 0

    async def hear(_: Message) -> None:
        nonlocal heard
        heard += 1

    rig = Rig(hear, capacity=1000)
    rig.subscription.start()
    await asyncio.sleep(0)  # it waits by now
    for number in range(BATCH * 2):
        rig.offer(number)
    while heard < BATCH * 2:
        await asyncio.sleep(0)
        heard_at_turn.append(heard)
    assert [count for count in heard_at_turn if count] == [BATCH, BATCH * 2]
    await rig.finish()


async def test_who_is_not_durable_hears_a_critical_message_and_may_lose_one(outbox: Path) -> None:
    ear = Ear()
    ear.gate.clear()
    async with running(outbox) as bus:
        bus.subscribe(DOOR, ear, name="ear", policy=Policy.DROP_OLDEST, capacity=1)
        await bus.publish(DOOR, press("in hand"))
        await ear.entered.wait()
        for name in ("lost", "kept"):
            await bus.publish(DOOR, press(name))
        ear.gate.set()
        await bus.drain()
        status = bus.status()
    assert [each.payload.event_id for each in ear.messages] == ["in hand", "kept"]
    assert (status.delivered, status.dropped, status.failed) == (2, 1, 0)


async def test_who_is_durable_is_given_a_best_effort_message_once(outbox: Path) -> None:
    listener = DurableEar({"bent": [ValueError("broken")]})
    async with running(outbox) as bus:
        bus.subscribe("x.#", listener.handle, name="ear", policy=Policy.BLOCK, durable=True)
        for name in ("bent", "fine"):
            await bus.publish("x.y", Payload(event_id=name))
        await bus.drain()
        status = bus.status()
    assert listener.heard == ["fine"]
    assert (status.delivered, status.failed, status.dead_letters) == (1, 1, 0)


async def test_a_best_effort_message_that_a_durable_subscriber_never_had_is_lost_and_counted(
    outbox: Path,
) -> None:
    ear = Ear()
    ear.gate.clear()
    async with running(outbox) as bus:
        mine = bus.subscribe("x.#", ear, name="ear", policy=Policy.BLOCK, durable=True)
        for name in ("in hand", "waits"):
            await bus.publish("x.y", Payload(event_id=name))
        await ear.entered.wait()
        mine.close()
        ear.gate.set()
        await mine.wait_closed()
        assert bus.status().dropped == 1


async def test_a_dead_letter_counts_as_failed_and_not_as_delivered(outbox: Path) -> None:
    async with running(outbox) as bus:
        mine = DurableEar({"a": [ValueError("broken")] * 3}).join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        assert (mine.counters.delivered, mine.counters.failed) == (0, 3)
        assert mine.counters.faults_in_a_row == 3


async def test_a_message_that_is_left_for_the_next_time_is_not_delivered(outbox: Path) -> None:
    tried = asyncio.Event()

    async def full(_: Message) -> None:
        tried.set()
        raise StorageError("full")

    async with running(outbox) as bus:
        mine = bus.subscribe(DOOR, full, name="ear", policy=Policy.BLOCK, durable=True)
        await bus.publish(DOOR, press("a"))
        await tried.wait()
        mine.close()
        await mine.wait_closed()
        assert (mine.counters.delivered, mine.counters.dropped) == (0, 0)


async def test_a_subscriber_whose_missed_messages_cannot_be_read_says_so(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> "Future[None]":
        answer: Future[None] = Future()
        answer.set_exception(DamagedFileError("the file is damaged"))
        return answer

    monkeypatch.setattr(OutboxFile, "begin", damaged)
    listener = DurableEar()
    with structlog.testing.capture_logs() as lines:
        async with running(outbox) as bus:
            listener.join(bus)
            await bus.publish(DOOR, press("a"))
            await bus.drain()
    (line,) = [line for line in lines if line["event"] == "the outbox has no answer for listener"]
    assert line["error"] == "the file is damaged"
    assert listener.heard == ["a"]
