"""Critical messages in their order: dead letters that come back, topics that are gone, troubles."""

import asyncio
import sqlite3
import threading
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest
import structlog
from tests.fixtures.durable_ear import AT_ONCE, DOOR, DurableEar, line_of, press, running

from spyoncino.clock import FakeClock, SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.critical import COMPLAIN_EVERY_NS
from spyoncino.core.message import Message, is_recovered
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError
from spyoncino.persistence.outbox import OutboxFile
from spyoncino.schemas.topics import CONTROL_COMMAND


async def leave(outbox: Path, *names: str) -> None:
    """A run that ends before "listener" has heard these presses."""
    async with running(outbox) as bus:
        left = DurableEar().join(bus)
        await bus.drain()
        left.close()
        for name in names:
            await bus.publish(DOOR, press(name))


async def test_a_message_of_a_topic_that_nobody_declares_any_more_is_given_all_the_same(
    outbox: Path,
) -> None:
    heard: list[tuple[str, str]] = []

    async def hear(message: Message) -> None:
        heard.append((message.topic, message.payload.event_id))

    await leave(outbox, "a")
    with sqlite3.connect(outbox) as connection:
        connection.execute("UPDATE messages SET topic = 'plugin.gone.told'")
    connection.close()
    async with running(outbox) as bus:
        bus.subscribe("plugin.#", hear, name="listener", policy=Policy.BLOCK, durable=True)
        await bus.drain()
        assert await line_of(bus).dead_letters() == []
    assert heard == [("plugin.gone.told", "a")]


@pytest.fixture
async def swept(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a sweep of the outbox, of which there are many a second, is through."""
    event, collect = asyncio.Event(), OutboxFile.collect
    loop = asyncio.get_running_loop()

    def collecting(file: OutboxFile, live: dict[str, int]) -> "Future[int]":
        sweeping = collect(file, live)
        sweeping.add_done_callback(lambda _: loop.call_soon_threadsafe(event.set))
        return sweeping

    monkeypatch.setattr("spyoncino.core.critical.SWEEP_S", 0.01)
    monkeypatch.setattr("spyoncino.persistence.outbox.KEPT_HANDLED", 2)
    monkeypatch.setattr(OutboxFile, "collect", collecting)
    return event


async def test_sweeps_leave_a_subscriber_that_has_closed_where_it_stood(
    outbox: Path, swept: asyncio.Event
) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    async def slow(_: Message) -> None:
        begun.set()
        await gate.wait()

    listener = DurableEar()
    async with running(outbox) as bus, asyncio.timeout(60):
        first = bus.subscribe(DOOR, slow, name="listener", policy=Policy.BLOCK, durable=True)
        for name in "abc":
            await bus.publish(DOOR, press(name))
        await begun.wait()
        first.close()
        gate.set()
        await first.wait_closed()
        for name in "de":  # the first sweep may have begun before it closed
            swept.clear()
            await bus.publish(DOOR, press(name))
            await swept.wait()
        listener.join(bus)
        await bus.drain()
    assert listener.heard == ["b", "c", "d", "e"]


async def test_a_subscriber_that_takes_nothing_of_what_is_published_holds_none_of_it_back(
    outbox: Path, swept: asyncio.Event
) -> None:
    async with running(outbox) as bus, asyncio.timeout(60):
        bus.subscribe(
            CONTROL_COMMAND, DurableEar().handle, name="idle", policy=Policy.BLOCK, durable=True
        )
        await bus.drain()
        for number in range(20):
            await bus.publish(DOOR, press(f"m{number}"))
        for name in ("last", "very last"):  # the first sweep may have begun before it
            swept.clear()
            await bus.publish(DOOR, press(name))
            await swept.wait()
        with closing(sqlite3.connect(outbox)) as connection:
            (left,) = connection.execute("SELECT count(*) FROM messages").fetchone()
    assert left <= 4


async def test_a_dead_letter_retried_while_its_subscriber_is_away_waits_for_its_return(
    outbox: Path,
) -> None:
    listener = DurableEar()
    async with running(outbox) as bus:
        left = DurableEar({"a": [ValueError("broken")] * 3}).join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        left.close()
        (letter,) = await line_of(bus).dead_letters()
        assert await line_of(bus).retry_dead_letter(letter.number)
        listener.join(bus)
        await bus.drain()
    assert listener.heard == ["a"]


async def test_what_is_published_after_a_retry_comes_after_it(outbox: Path) -> None:
    listener = DurableEar({"a": [ValueError("broken")] * 3})
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        (letter,) = await line_of(bus).dead_letters()
        assert await line_of(bus).retry_dead_letter(letter.number)
        for name in "bc":
            await bus.publish(DOOR, press(name))
        await bus.drain()
        assert line_of(bus).repeated == 0
    assert listener.heard == ["a", "b", "c"]


async def test_a_retried_letter_tells_of_the_past_and_what_was_missed_in_this_run_does_not(
    outbox: Path,
) -> None:
    heard: list[tuple[str, bool]] = []

    async def hear(message: Message) -> None:
        heard.append((message.payload.event_id, is_recovered()))
        if len(heard) <= AT_ONCE.attempts:
            raise ValueError("broken")

    async with running(outbox) as bus:
        away = DurableEar().join(bus)
        await bus.drain()
        away.close()
        await bus.publish(DOOR, press("first of this run"))
        bus.subscribe(DOOR, hear, name="listener", policy=Policy.BLOCK, durable=True)
        await bus.drain()
        (letter,) = await line_of(bus).dead_letters()
        assert await line_of(bus).retry_dead_letter(letter.number)
        await bus.drain()
    name = "first of this run"
    assert heard == [(name, False)] * AT_ONCE.attempts + [(name, True)]


async def test_a_bus_whose_journal_cannot_be_opened_leaves_no_writer_behind(outbox: Path) -> None:
    await asyncio.to_thread(outbox.with_name("presses.journal").mkdir)
    with pytest.raises(StorageError, match="cannot be written"):
        await Bus(SystemClock(), outbox=outbox).start()
    assert not any(thread.name == "outbox" for thread in threading.enumerate())


async def test_a_damaged_outbox_is_told_with_the_name_it_has_now(outbox: Path) -> None:
    await asyncio.to_thread(outbox.write_bytes, b"no database at all, but long enough" * 80)
    with structlog.testing.capture_logs() as lines:
        async with running(outbox):
            pass
    (line,) = [line for line in lines if line["event"].startswith("outbox is damaged")]
    (aside,) = outbox.parent.glob("outbox.db.damaged-*")
    assert (line["log_level"], line["aside"]) == ("error", aside.name)
    assert line["error"]


async def test_a_disk_that_refuses_messages_is_told_once_in_ten_seconds_with_the_reason(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    with structlog.testing.capture_logs() as lines:
        async with Bus(clock, outbox=outbox) as bus:
            with monkeypatch.context() as patch:
                patch.setattr(
                    "spyoncino.persistence.outbox._INSERT", "INSERT INTO nowhere VALUES (?,?,?,?)"
                )
                for name in "abc":
                    await bus.publish(DOOR, press(name))
                await clock.advance(COMPLAIN_EVERY_NS / 1e9)
                await bus.publish(DOOR, press("d"))
    told = [line for line in lines if line["event"] == "critical messages are not safe on disk"]
    assert [(line["log_level"], line["repeats"]) for line in told] == [("error", 0), ("error", 2)]
    assert "nowhere" in told[0]["error"]


async def test_a_sweep_that_the_file_refuses_is_told(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = asyncio.Event()

    def refused(*_: object) -> None:
        told.set()
        raise StorageError("the disk refused")

    monkeypatch.setattr("spyoncino.core.critical.SWEEP_S", 0.01)
    monkeypatch.setattr(OutboxFile, "collect", refused)
    with structlog.testing.capture_logs() as lines:
        async with running(outbox):
            async with asyncio.timeout(60):
                await told.wait()
    (line,) = [line for line in lines if line["event"] == "the outbox was not swept"]
    assert line["error"] == "the disk refused"


async def test_what_a_publisher_raises_when_its_repeat_is_settled_is_told(outbox: Path) -> None:
    def raising() -> None:
        raise ValueError("a fault of the publisher")

    async with running(outbox) as bus:
        await bus.publish(DOOR, press("a"))
        with structlog.testing.capture_logs() as lines:
            await bus.publish(DOOR, press("a"), on_settled=raising)
    (line,) = [line for line in lines if line["event"] == "on_settled of a publisher failed"]
    assert line["log_level"] == "error"
    assert isinstance(line["exc_info"], ValueError)
