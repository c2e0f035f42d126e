"""How the bus tells its own troubles: never recursive, never in the way, bounded."""

import asyncio

import structlog
from tests.fixtures.bus_ear import DOOR, press, turns

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.bus_reports import MAX_WAITING, BusReporter
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.core.step_watch import TELL_EVERY_NS, LongStep
from spyoncino.core.thread_times import ThreadTimes
from spyoncino.schemas.status import BusStatus, ContractNotice, ErrorReport
from spyoncino.schemas.topics import STATUS_BUS, STATUS_CONTRACT, STATUS_ERROR


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


async def test_failures_are_told_with_who_what_and_how_often() -> None:
    clock = FakeClock()
    reports: list[ErrorReport] = []

    async def bad(message: Message) -> None:
        raise ValueError(message.payload.method)

    async def read(message: Message) -> None:
        reports.append(message.payload)

    with structlog.testing.capture_logs() as lines:
        async with Bus(clock) as bus:
            bus.subscribe(DOOR, bad, name="bad")
            bus.subscribe(STATUS_ERROR, read, name="errors")
            for _ in range(3):
                await bus.publish(DOOR, press())
            await bus.drain()
            await clock.advance(1)
            await bus.publish(DOOR, press())
            await bus.drain()
    assert [type(line.pop("exc_info")) for line in lines] == [ValueError, ValueError]
    facts = {"event": "handler failed", "subscriber": "bad", "topic": DOOR.name}
    assert lines == [
        {**facts, "log_level": "error", "repeats": 0},
        {**facts, "log_level": "error", "repeats": 2},
    ]
    assert [report.metadata for report in reports] == [
        {"topic": DOOR.name, "repeats": 0},
        {"topic": DOOR.name, "repeats": 2},
    ]
    assert {report.source for report in reports} == {"bus"}


async def test_losses_are_logged_with_how_many_and_how_often() -> None:
    clock = FakeClock()

    async def slow(_: Message) -> None:
        await asyncio.Event().wait()

    with structlog.testing.capture_logs() as lines:
        async with Bus(clock) as bus:
            bus.subscribe(DOOR, slow, name="slow", capacity=1)
            await bus.publish(DOOR, press())
            await turns()
            for _ in range(5):
                await bus.publish(DOOR, press())
            await clock.advance(5)
            await bus.publish(DOOR, press())
            await bus.stop(timeout_s=0)
    assert [(line["dropped"], line["repeats"]) for line in lines] == [(1, 0), (5, 3)]


async def test_its_tasks_are_named() -> None:
    async with Bus(FakeClock()):
        names = {task.get_name() for task in asyncio.all_tasks()}
    assert {"bus reports", "bus snapshots"} <= names


async def test_a_failing_handler_of_error_reports_is_logged_but_not_reported() -> None:
    calls: list[str] = []

    async def bad(message: Message) -> None:
        calls.append(message.topic)
        raise ValueError("again")

    with structlog.testing.capture_logs() as lines:
        async with Bus(FakeClock()) as bus:
            bus.subscribe(STATUS_ERROR, bad, name="errors")
            bus.subscribe("doorbell.#", bad, name="presses")
            await bus.publish(DOOR, press())
            await bus.drain()
    assert calls == ["doorbell.door.pressed", "status.error.presses"]
    assert [(line["subscriber"], line["topic"]) for line in lines] == [
        ("presses", "doorbell.door.pressed"),
        ("errors", "status.error.presses"),
    ]


async def test_a_blocking_subscriber_that_fails_about_everything_does_not_wait_for_itself() -> None:
    heard: list[str] = []

    async def bad(message: Message) -> None:
        heard.append(message.topic)
        raise ValueError("again")

    with structlog.testing.capture_logs():
        async with Bus(FakeClock()) as bus:
            bus.subscribe("#", bad, name="all", policy=Policy.BLOCK, capacity=1)
            for _ in range(5):
                await bus.publish(DOOR, press())
            async with asyncio.timeout(5):
                await bus.drain()
    assert heard.count("doorbell.door.pressed") == 5
    assert "status.error.all" in heard


async def test_an_error_that_cannot_be_written_does_not_end_the_subscriber() -> None:
    reports: list[str] = []
    calls = 0

    async def bad(_: Message) -> None:
        nonlocal calls
        calls += 1
        raise SpeechlessError

    async def read(message: Message) -> None:
        reports.append(message.payload.error)

    with structlog.testing.capture_logs():
        async with Bus(FakeClock()) as bus:
            bus.subscribe(DOOR, bad, name="bad")
            bus.subscribe(STATUS_ERROR, read, name="errors")
            await bus.publish(DOOR, press())
            await bus.publish(DOOR, press())
            await bus.drain()
    assert calls == 2
    assert len(reports) == 1
    assert "failed" in reports[0]


class StuckBus:
    """Nobody ever takes what is published."""

    def __init__(self) -> None:
        self.published = 0
        self.gate = asyncio.Event()
        self.reached = asyncio.Condition()

    async def wait_for(self, count: int) -> None:
        async with self.reached:
            await self.reached.wait_for(lambda: self.published >= count)

    async def publish(self, topic: object, payload: object) -> None:
        del topic, payload
        await self.gate.wait()
        self.published += 1
        async with self.reached:
            self.reached.notify_all()

    def status(self, warning: str = "") -> BusStatus:
        return BusStatus(published=0, delivered=0, dropped=0, failed=0, warning=warning)


async def test_notes_are_bounded_and_the_latest_are_kept() -> None:
    bus = StuckBus()
    reporter = BusReporter(bus, FakeClock(), structlog.get_logger(), 5.0)
    reporter.say(STATUS_BUS, bus.status)
    assert not reporter.busy
    reporter.start()
    for _ in range(MAX_WAITING * 2):
        reporter.say(STATUS_BUS, bus.status)
    bus.gate.set()
    await bus.wait_for(MAX_WAITING)
    await asyncio.sleep(0)
    assert bus.published == MAX_WAITING
    await reporter.stop()
    await reporter.stop()


async def test_a_running_reporter_is_busy_until_its_notes_are_told() -> None:
    bus = StuckBus()
    reporter = BusReporter(bus, FakeClock(), structlog.get_logger(), 5.0)
    busy = []
    reporter.start()
    busy.append(reporter.busy)
    reporter.say(STATUS_BUS, bus.status)
    busy.append(reporter.busy)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    busy.append(reporter.busy)
    bus.gate.set()
    await bus.wait_for(1)
    await asyncio.sleep(0)
    busy.append(reporter.busy)
    await reporter.stop()
    assert busy == [False, True, True, False]


async def test_a_report_that_is_held_up_does_not_hold_up_the_next_start_of_news() -> None:
    bus = StuckBus()
    bus.gate.set()
    reporter = BusReporter(bus, FakeClock(), structlog.get_logger(), 5.0)
    reporter.start()
    for expected in (1, 2):
        reporter.say(STATUS_BUS, bus.status)
        await bus.wait_for(expected)
        assert bus.published == expected
    await reporter.stop()


async def test_a_subscriber_that_keeps_the_loop_is_named_on_the_contract_topic() -> None:
    clock = FakeClock()
    notices: list[ContractNotice] = []

    async def greedy(_: Message) -> None:
        clock._elapsed_ns += 80_000_000  # time passes while nobody else runs

    async def read(message: Message) -> None:
        notices.append(message.payload)

    with structlog.testing.capture_logs() as lines:
        async with Bus(clock) as bus:
            ear = bus.subscribe(DOOR, greedy, name="process.greedy")
            ear._steps._times = lambda: ThreadTimes(clock.monotonic_ns(), 0, 0)
            bus.subscribe(STATUS_CONTRACT, read, name="notices")
            for _ in range(2):
                await bus.publish(DOOR, press())
                await bus.drain()
    assert [(each.component, each.severity) for each in notices] == [("process.greedy", "warning")]
    wanted = "process.greedy kept the event loop for 80 ms while handling doorbell.door.pressed"
    assert notices[0].message.startswith(wanted)
    assert [line["subscriber"] for line in lines] == ["process.greedy"]


async def test_a_computer_without_time_is_told_once_a_minute_for_everybody_and_names_no_part() -> (
    None
):
    clock = FakeClock()
    notices: list[ContractNotice] = []

    async def read(message: Message) -> None:
        notices.append(message.payload)

    with structlog.testing.capture_logs() as lines:
        async with Bus(clock) as bus:
            bus.subscribe(STATUS_CONTRACT, read, name="notices")
            ears = [bus.subscribe(DOOR, read, name=name) for name in ("one", "two")]
            for ear, pause_ns in ((0, 0), (1, 1), (1, TELL_EVERY_NS)):
                clock._elapsed_ns += pause_ns
                step = LongStep(DOOR.name, 300.0, 0.0, 0, is_own=False)
                bus._reporter.on_long_step(ears[ear], step)
                await bus.drain()
    assert [each.component for each in notices] == ["machine", "machine"]
    assert notices[0].message == notices[1].message
    assert notices[0].message.startswith("The computer was too busy to let the main process go on")
    assert [(line["took_ms"], line["repeats"]) for line in lines] == [(300, 0), (300, 1)]


async def test_a_part_that_broke_its_contract_is_told_and_its_error_handed_back() -> None:
    notices: list[ContractNotice] = []

    async def read(message: Message) -> None:
        notices.append(message.payload)

    async with Bus(FakeClock()) as bus:
        bus.subscribe(STATUS_CONTRACT, read, name="notices")
        error = bus.refuse("event.attic", "it may not publish that; add it to publishes")
        await bus.drain()
    assert str(error) == "it may not publish that; add it to publishes"
    assert [(each.component, each.message, each.severity) for each in notices] == [
        ("event.attic", str(error), "error")
    ]
