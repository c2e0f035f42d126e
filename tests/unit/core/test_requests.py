"""Questions on the bus are answered, refused or run out of time in a sentence."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.fixtures.payloads import event

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.errors import BusClosedError, RequestError, StorageError, WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.events import EventState, EventUpdate
from spyoncino.schemas.inquiry import EventCounts, EventInquiry
from spyoncino.schemas.topics import COUNT_EVENTS, EVENT_COUNTS


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus(FakeClock()) as bus:
        yield bus


async def count(inquiry: EventInquiry) -> EventCounts:
    return EventCounts(total=len(inquiry.camera or ""))


async def test_each_asker_gets_the_answer_to_its_own_question(bus: Bus) -> None:
    bus.answer(COUNT_EVENTS, count, name="store")
    questions = [EventInquiry(camera="x" * length) for length in range(20)]
    answers = await asyncio.gather(*(bus.request(COUNT_EVENTS, each) for each in questions))
    assert [each.total for each in answers if isinstance(each, EventCounts)] == list(range(20))
    assert [each.correlation_id for each in answers] == [each.event_id for each in questions]


async def test_answers_are_messages_that_others_may_hear(bus: Bus) -> None:
    heard: list[Payload] = []

    async def hear(message: Message) -> None:
        heard.append(message.payload)

    bus.subscribe(EVENT_COUNTS, hear, name="ear")
    bus.answer(COUNT_EVENTS, count, name="store")
    answer = await bus.request(COUNT_EVENTS, EventInquiry())
    await bus.drain()
    assert heard == [answer]


async def test_a_question_that_nobody_subscribes_to_fails_at_once(bus: Bus) -> None:
    with pytest.raises(RequestError, match=r"Nobody answers analytics\.events\.count"):
        await bus.request(COUNT_EVENTS, EventInquiry())


@pytest.mark.parametrize("lateness", ["silent", "hangs", "too late"])
async def test_a_question_without_an_answer_ends_in_a_sentence(lateness: str) -> None:
    clock = FakeClock()
    gate = asyncio.Event()

    async def answer(_: EventInquiry) -> EventCounts | None:
        if lateness != "silent":
            await gate.wait()
        return EventCounts(total=1) if lateness == "too late" else None

    async with Bus(clock) as bus:
        bus.answer(COUNT_EVENTS, answer, name="store")
        asking = asyncio.create_task(bus.request(COUNT_EVENTS, EventInquiry(), timeout_s=2.5))
        while not asking.done():
            await clock.advance(0.5)
        with pytest.raises(RequestError, match=r"within 2\.5 s; look at the health"):
            await asking
        gate.set()
        await bus.drain()
        assert bus.status().failed == 0


async def test_whoever_cannot_answer_tells_the_asker_why(bus: Bus) -> None:
    async def refuse(_: EventInquiry) -> EventCounts:
        raise StorageError("the database is locked")

    bus.answer(COUNT_EVENTS, refuse, name="store")
    with pytest.raises(RequestError, match=r"store cannot answer .* the database is locked"):
        await bus.request(COUNT_EVENTS, EventInquiry())


async def test_the_first_of_two_answers_counts_and_a_cancelled_asker_is_forgotten(
    bus: Bus,
) -> None:
    for name in ("one", "two"):
        bus.answer(COUNT_EVENTS, count, name=name)
    assert isinstance(await bus.request(COUNT_EVENTS, EventInquiry(camera="a")), EventCounts)
    asking = asyncio.create_task(bus.request(COUNT_EVENTS, EventInquiry()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    await bus.drain()
    assert bus.status().failed == 0


async def test_a_wrong_question_and_a_stopped_bus_are_refused(bus: Bus) -> None:
    bus.answer(COUNT_EVENTS, count, name="store")
    with pytest.raises(WiringError, match="carries EventInquiry"):
        await bus.request(COUNT_EVENTS.name, EventUpdate(event=event(state=EventState.CREATED)))
    await bus.stop()
    with pytest.raises(BusClosedError):
        await bus.request(COUNT_EVENTS, EventInquiry())
