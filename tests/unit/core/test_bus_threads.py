"""Threads and the bus: synchronous handlers, and publishing from other threads."""

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fixtures.bus_ear import DOOR, Ear, press

from spyoncino.clock import FakeClock, SystemClock
from spyoncino.core.bus import MAX_FROM_THREADS, SYNC_THREADS, Bus
from spyoncino.core.message import CURRENT_MESSAGE, Message
from spyoncino.core.queues import Policy
from spyoncino.errors import BusClosedError, WiringError
from spyoncino.schemas.status import ErrorReport


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus(FakeClock()) as running:
        yield running


async def test_synchronous_handlers_run_in_threads_in_order(bus: Bus) -> None:
    heard: list[tuple[str, bool]] = []
    here = threading.get_ident()

    def on_press(message: Message) -> None:
        heard.append((message.payload.method, threading.get_ident() == here))

    bus.subscribe(DOOR, on_press, name="sync")
    for number in range(20):
        await bus.publish(DOOR, press(number))
    await bus.drain()
    assert heard == [(str(number), False) for number in range(20)]


async def test_synchronous_handlers_see_the_message_of_their_context(bus: Bus) -> None:
    seen: list[Message | None] = []
    bus.subscribe(DOOR, lambda _: seen.append(CURRENT_MESSAGE.get()), name="sync")
    await bus.publish(DOOR, press(5))
    await bus.drain()
    assert seen[0] is not None
    assert seen[0].payload.method == "5"


async def test_a_lambda_around_an_async_function_is_awaited(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe(DOOR, lambda message: ear(message), name="lambda")  # noqa: PLW0108 - hides async
    await bus.publish(DOOR, press(1))
    await bus.drain()
    assert ear.heard == ["1"]


async def test_synchronous_handlers_of_several_subscribers_share_few_threads(bus: Bus) -> None:
    names: set[str] = set()
    for number in range(SYNC_THREADS * 3):
        bus.subscribe(
            DOOR, lambda _: names.add(threading.current_thread().name), name=f"sync {number}"
        )
    for number in range(20):
        await bus.publish(DOOR, press(number))
    await bus.drain()
    assert bus.status().delivered == 20 * SYNC_THREADS * 3
    assert 1 <= len(names) <= SYNC_THREADS
    assert all(name.startswith("bus-handler") for name in names)


async def test_no_thread_of_a_handler_is_left_after_stop() -> None:
    async with Bus(FakeClock()) as bus:
        bus.subscribe(DOOR, lambda _: None, name="sync")
        await bus.publish(DOOR, press())
        await bus.drain()
        threads = [each for each in threading.enumerate() if each.name.startswith("bus-handler")]
    for thread in threads:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()


async def test_a_failing_synchronous_handler_is_counted(bus: Bus) -> None:
    def bad(message: Message) -> None:
        raise ValueError(message.topic)

    bus.subscribe(DOOR, bad, name="sync")
    await bus.publish(DOOR, press())
    await bus.drain()
    assert bus.status().failed == 1


async def test_threads_publish_in_their_order() -> None:
    async with Bus(SystemClock()) as bus:
        ear = Ear()
        bus.subscribe(DOOR, ear, name="ear", capacity=10_000)

        def talk(voice: int) -> None:
            for number in range(200):
                bus.publish_threadsafe(DOOR, press(f"{voice}-{number}"))

        await asyncio.gather(*(asyncio.to_thread(talk, voice) for voice in range(3)))
        await bus.drain()
        assert len(ear.heard) == 600
        for voice in range(3):
            mine = [each for each in ear.heard if each.startswith(f"{voice}-")]
            assert mine == [f"{voice}-{number}" for number in range(200)]


async def test_a_drain_waits_for_messages_of_threads_that_have_not_arrived_yet(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe(DOOR, ear, name="ear")
    thread = threading.Thread(target=lambda: bus.publish_threadsafe(DOOR, press("from a thread")))
    thread.start()
    thread.join()  # the loop has had no turn since
    await bus.drain()
    assert ear.heard == ["from a thread"]


async def test_a_thread_can_wait_for_its_publish_and_learns_of_its_error(bus: Bus) -> None:
    ear = Ear()
    settled: list[str] = []
    bus.subscribe(DOOR, ear, name="ear", policy=Policy.BLOCK)

    def talk() -> None:
        bus.publish_threadsafe(
            DOOR, press("from a thread"), on_settled=lambda: settled.append("yes")
        ).result(5)

    await asyncio.to_thread(talk)
    await bus.drain()
    assert ear.heard == ["from a thread"]
    assert settled == ["yes"]
    wrong: Any = ErrorReport(component="a", error="b", error_type="c")
    with pytest.raises(WiringError):
        await asyncio.to_thread(lambda: bus.publish_threadsafe(DOOR, wrong).result(5))


async def test_publish_threadsafe_in_the_loop_itself_is_refused(bus: Bus) -> None:
    with pytest.raises(WiringError, match=r"^publish_threadsafe is for other threads; await "):
        bus.publish_threadsafe(DOOR, press())


async def test_a_thread_waits_while_too_many_messages_of_threads_are_on_their_way() -> None:
    async with Bus(SystemClock()) as bus:
        ear = Ear()
        ear.gate.clear()
        bus.subscribe(DOOR, ear, name="ear", policy=Policy.BLOCK, capacity=1)
        has_waited = 2 + MAX_FROM_THREADS  # one in the handler, one in the queue
        accepted = threading.Semaphore(0)

        def talk() -> None:
            for number in range(has_waited + 8):
                bus.publish_threadsafe(DOOR, press(number))
                accepted.release()

        def count_accepted() -> int:
            count = 0
            while accepted.acquire(timeout=0.5 if count >= has_waited else 10.0):
                count += 1
            return count

        talking = asyncio.create_task(asyncio.to_thread(talk))
        assert await asyncio.to_thread(count_accepted) == has_waited
        assert not talking.done()
        ear.gate.set()
        await talking
        await bus.drain()
        assert len(ear.heard) == has_waited + 8


async def test_a_thread_that_waits_for_its_turn_is_freed_when_the_bus_stops() -> None:
    bus = Bus(SystemClock())
    await bus.start()
    ear = Ear()
    ear.gate.clear()
    bus.subscribe(DOOR, ear, name="ear", policy=Policy.BLOCK, capacity=1)

    def talk() -> int:
        for number in range(2 * MAX_FROM_THREADS):
            try:
                bus.publish_threadsafe(DOOR, press(number))
            except BusClosedError:
                return number
        return -1

    talking = asyncio.create_task(asyncio.to_thread(talk))
    await ear.entered.wait()
    await asyncio.sleep(0.05)
    await bus.stop(timeout_s=0)
    assert await talking >= 0


async def test_a_thread_is_freed_even_when_no_message_of_threads_ever_arrives() -> None:
    bus = Bus(SystemClock())
    await bus.start()
    for _ in range(MAX_FROM_THREADS):
        bus._thread_slots.acquire()
    talking = asyncio.create_task(asyncio.to_thread(bus.publish_threadsafe, DOOR, press()))
    await asyncio.sleep(0.01)
    await bus.stop()
    with pytest.raises(BusClosedError, match="stopped"):
        await asyncio.wait_for(talking, 5)


def test_publish_from_a_thread_after_the_loop_was_closed_says_so() -> None:
    async def start() -> Bus:
        bus = Bus(SystemClock())
        await bus.start()
        return bus

    bus = asyncio.run(start())
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        for _ in range(MAX_FROM_THREADS + 1):  # what was refused is not on its way
            with pytest.raises(BusClosedError, match=r"^The event loop of the bus is closed\.$"):
                thread.submit(bus.publish_threadsafe, DOOR, press()).result()
