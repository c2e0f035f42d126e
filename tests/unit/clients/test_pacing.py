"""No more messages than the far side takes, and what is new does not wait for edits."""

import asyncio

import pytest

from spyoncino.clients.pacing import MAX_PLACES, Limit, Pacer
from spyoncino.clock import FakeClock
from spyoncino.errors import DeliveryLaterError

CHAT = {"chat": (Limit(3, 3.0, 1),)}


async def sent_at_s(clock: FakeClock, pacer: Pacer, *, is_new: bool) -> float:
    async with pacer.turn(CHAT, is_new=is_new, patience_s=100.0):
        return clock.monotonic_ns() / 1e9


async def test_a_burst_goes_at_once_and_what_is_more_waits(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    tasks = [asyncio.create_task(sent_at_s(clock, pacer, is_new=True)) for _ in range(7)]
    await clock.advance(0.0)
    for _ in range(100):
        await clock.advance(0.1)
    assert [round(await task) for task in tasks] == [0, 0, 0, 3, 3, 3, 6]


async def test_what_is_new_overtakes_edits_that_wait(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    edits = [asyncio.create_task(sent_at_s(clock, pacer, is_new=False)) for _ in range(3)]
    await clock.advance(0.0)
    assert await sent_at_s(clock, pacer, is_new=True) == 0.0
    for _ in range(100):
        await clock.advance(0.1)
    assert [round(await task) for task in edits] == [0, 0, 3]


async def test_a_pause_that_is_longer_than_patience_is_told_and_not_waited_for(
    clock: FakeClock,
) -> None:
    pacer = Pacer(clock)
    for _ in range(3):
        await sent_at_s(clock, pacer, is_new=True)
    with pytest.raises(DeliveryLaterError, match="a pause of 3 s") as raised:
        async with pacer.turn(CHAT, is_new=True, patience_s=2.0):
            pass
    assert raised.value.retry_after_s == 3.0


async def test_a_pause_that_was_asked_for_ends(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    pacer.block("chat", 5.0)
    assert pacer.blocked_s("chat") == 5.0
    assert pacer.blocked_s("another") == 0.0
    await clock.advance(5.0)
    assert pacer.blocked_s("chat") == 0.0


async def test_chats_that_are_not_used_are_forgotten(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    for number in range(MAX_PLACES + 3):
        async with pacer.turn({str(number): (Limit(1, 60.0, 0),)}, is_new=True, patience_s=100.0):
            pass
    async with pacer.turn({"0": (Limit(1, 60.0, 0),)}, is_new=True, patience_s=100.0):
        pass


async def test_what_is_answered_late_may_have_arrived_late(clock: FakeClock) -> None:
    """The far side counts arrivals: three slow ones and a quick one are four in three seconds."""
    pacer = Pacer(clock)
    began_s: list[float] = []

    async def send(answer_s: float) -> None:
        async with pacer.turn(CHAT, is_new=True, patience_s=100.0):
            began_s.append(clock.monotonic_ns() / 1e9)
            await clock.sleep(answer_s)

    tasks = [asyncio.create_task(send(answer_s)) for answer_s in (1.0, 2.0, 0.5, 0.0, 0.0, 0.0)]
    await clock.advance(0.0)
    for _ in range(100):
        await clock.advance(0.1)
    await asyncio.gather(*tasks)
    assert [round(each, 1) for each in began_s] == [0.0, 0.0, 0.0, 3.5, 4.0, 5.0]
