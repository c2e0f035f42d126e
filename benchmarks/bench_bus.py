"""The bus against a bare ``asyncio.Queue`` in the same run, and what bad neighbours cost.

Throughput: every message is a new Pydantic payload, every handler an async function, every queue
holds 256 and nothing may be lost. Latency: from the publish to the start of the handler, at a fixed
rate, of subscribers whose neighbours raise and sleep.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from report import Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.decisions import DecisionLog
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.integration.message_bus import MessageBus
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.topics import DOORBELL_PRESSED

DOOR = DOORBELL_PRESSED.of("door")
QUEUE_CAPACITY = 256
RATE_HZ = 17_000
"""Deliveries of four 1080p cameras, their detections and tracks, with a wide margin."""


def press() -> DoorbellEvent:
    return DoorbellEvent(doorbell="door", camera="door")


def check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(otherwise)


async def bare_queue(count: int) -> float:
    """Deliveries per second through an ``asyncio.Queue`` to one async handler."""
    queue: asyncio.Queue[DoorbellEvent | None] = asyncio.Queue(QUEUE_CAPACITY)
    handled = 0

    async def handle(_: DoorbellEvent) -> None:
        nonlocal handled
        handled += 1

    async def consume() -> None:
        while (payload := await queue.get()) is not None:
            await handle(payload)

    consumer = asyncio.create_task(consume())
    begin = time.perf_counter()
    for _ in range(count):
        await queue.put(press())
    await queue.put(None)
    await consumer
    check(handled == count, "the queue delivered another number of messages")
    return count / (time.perf_counter() - begin)


async def through_bus(count: int, subscribers: int) -> float:
    """Deliveries per second, all subscribers together; each checks order and completeness."""
    heard: list[list[int]] = [[] for _ in range(subscribers)]

    def handler(mine: list[int]) -> Callable[[Message], Awaitable[None]]:
        async def handle(message: Message) -> None:
            mine.append(message.published_ns)

        return handle

    async with Bus(SystemClock()) as bus:
        for number, mine in enumerate(heard):
            bus.subscribe(
                DOORBELL_PRESSED,
                handler(mine),
                name=f"subscriber {number}",
                policy=Policy.BLOCK,
                capacity=QUEUE_CAPACITY,
            )
        begin = time.perf_counter()
        for _ in range(count):
            await bus.publish(DOOR, press())
        await bus.drain()
        took_s = time.perf_counter() - begin
    for mine in heard:
        check(len(mine) == count, "the bus delivered another number of messages")
        check(mine == sorted(mine), "the bus changed the order")
    return count * subscribers / took_s


def through_facade(count: int, threads: int) -> float:
    """Messages per second from threads to one synchronous handler by way of ``MessageBus``."""
    each = count // threads
    heard: list[str] = []

    def speak(thread: int) -> None:
        for number in range(each):
            bus.publish(
                "doorbell_pressed", DoorbellEvent(doorbell=f"t{thread}-{number}", camera="")
            )

    with MessageBus() as bus:
        bus.subscribe(
            "doorbell_pressed", lambda message: heard.append(message.data.doorbell), "one"
        )
        begin = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(speak, range(threads)))
        while len(heard) < each * threads:
            time.sleep(0.001)
        took_s = time.perf_counter() - begin
    for thread in range(threads):
        mine = [name for name in heard if name.startswith(f"t{thread}-")]
        check(mine == [f"t{thread}-{number}" for number in range(each)], "order or number changed")
    return each * threads / took_s


async def paced(bus: Bus, seconds: float) -> float:
    """Publish at the fixed rate, evenly spaced; returns the rate that was reached."""
    begin = time.perf_counter()
    count = int(RATE_HZ * seconds)
    for number in range(count):
        due = begin + number / RATE_HZ
        while time.perf_counter() < due:  # noqa: ASYNC110 - spins: timers are too coarse for 59 µs
            await asyncio.sleep(0)
        await bus.publish(DOOR, press())
    reached_hz = count / (time.perf_counter() - begin)
    await asyncio.sleep(0.05)
    return reached_hz


async def latencies_ms(seconds: float, *, bad_neighbours: bool) -> tuple[list[float], float, int]:
    """Waiting times of two good subscribers, the rate reached, and what they lost."""
    waited_ms: list[float] = []

    async def good(message: Message) -> None:
        waited_ms.append((time.monotonic_ns() - message.published_ns) / 1e6)

    async def raising(message: Message) -> None:
        raise ValueError(message.topic)

    async def sleeping(_: Message) -> None:
        await asyncio.sleep(0.01)

    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: ASYNC230, PTH123 - no real file
        log = structlog.wrap_logger(
            structlog.WriteLogger(nowhere),
            processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(0),
        )
        async with Bus(SystemClock(), log=log) as bus:
            bus.subscribe(DOORBELL_PRESSED, good, name="good one", capacity=QUEUE_CAPACITY)
            if bad_neighbours:
                bus.subscribe(DOORBELL_PRESSED, raising, name="raising")
                bus.subscribe(DOORBELL_PRESSED, sleeping, name="sleeping")
            bus.subscribe(DOORBELL_PRESSED, good, name="good two", capacity=QUEUE_CAPACITY)
            reached_hz = await paced(bus, seconds)
            lost = sum(
                each.dropped for each in bus.status().subscribers if each.name.startswith("good")
            )
    return sorted(waited_ms), reached_hz, lost


def quantile(ordered: list[float], fraction: float) -> float:
    return ordered[round(fraction * (len(ordered) - 1))]


def microseconds_of_a_decision(count: int) -> float:
    """One ``DecisionLog.record``, half of them new entries and half merged."""
    log = DecisionLog()
    begin = time.perf_counter()
    for number in range(count):
        log.record(
            "process.tracker",
            "door",
            "track 1",
            number % 4 < 2,
            "the score is high enough",
            quantity="score",
            value=0.7,
            limit=0.5,
            at_s=number / 15,
        )
    return (time.perf_counter() - begin) / count * 1e6


def throughput_rows(count: int, rounds: int) -> list[Row]:
    bare, one, three = [], [], []
    for _ in range(rounds):  # interleaved, so that a busy machine slows all of them alike
        bare.append(asyncio.run(bare_queue(count)))
        one.append(asyncio.run(through_bus(count, 1)))
        three.append(asyncio.run(through_bus(count, 3)))
    ratio = statistics.median(o / b for o, b in zip(one, bare, strict=True))
    unit = "deliveries/s"
    return [
        Row("bare asyncio.Queue, one consumer", statistics.median(bare), unit),
        Row("bus, one subscriber", statistics.median(one), unit, 100_000, "at least; aim 200,000"),
        Row("bus, one subscriber, to bare queue", ratio, "ratio", 0.55, "at least"),
        Row("bus, three subscribers", statistics.median(three), unit, 300_000, "at least, in all"),
    ]


def latency_rows(seconds: float) -> list[Row]:
    rows = []
    for bad_neighbours, who in ((False, "alone"), (True, "one raises, one sleeps")):
        waited_ms, reached_hz, lost = asyncio.run(
            latencies_ms(seconds, bad_neighbours=bad_neighbours)
        )
        rows += [
            Row(f"messages, {who}", reached_hz, "messages/s", RATE_HZ, "published at this rate"),
            Row(f"p50 of the others, {who}", quantile(waited_ms, 0.5), "ms"),
            Row(f"p99 of the others, {who}", quantile(waited_ms, 0.99), "ms", 0.4, "at most"),
            Row(f"p99.9 of the others, {who}", quantile(waited_ms, 0.999), "ms"),
            Row(f"lost by the others, {who}", lost, "messages", 0, "none"),
        ]
    return rows


def facade_rows(count: int) -> list[Row]:
    return [
        Row(
            f"MessageBus, {threads} thread{'s' if threads > 1 else ''}, each publish waited for",
            through_facade(count, threads),
            "messages/s",
            1000,
            "at least",
        )
        for threads in (1, 4)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000, help="in each throughput run")
    parser.add_argument("--rounds", type=int, default=5, help="throughput runs; the median counts")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each latency run")
    options = parser.parse_args()
    rows = throughput_rows(options.messages, options.rounds)
    rows += facade_rows(options.messages // 10)
    rows += latency_rows(options.seconds)
    rows.append(Row("one recorded decision", microseconds_of_a_decision(100_000), "µs", 5, "most"))
    write_report("bus", rows)


if __name__ == "__main__":
    main()
