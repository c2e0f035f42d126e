"""The rare turns of the critical class: files that refuse at the worst moment, orders given up."""

import asyncio
import sqlite3
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.bus_ear import Ear, turns
from tests.fixtures.durable_ear import DOOR, DurableEar, line_of, press, running

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.message import Message, is_recovered
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError
from spyoncino.persistence.outbox import OutboxFile
from spyoncino.persistence.press_journal import PressJournal
from spyoncino.schemas.base import Payload


def refused(*_: object) -> None:
    raise StorageError("the disk refused")


async def test_a_journal_that_cannot_be_opened_keeps_the_bus_from_starting(outbox: Path) -> None:
    await asyncio.to_thread(outbox.with_name("presses.journal").mkdir)
    with pytest.raises(StorageError, match="cannot be written"):
        await Bus(SystemClock(), outbox=outbox).start()


async def test_a_press_that_the_journal_refuses_is_delivered_all_the_same(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        monkeypatch.setattr(PressJournal, "append", refused)
        await bus.publish(DOOR, press("a"))
        monkeypatch.undo()
        monkeypatch.setattr(PressJournal, "finish", refused)
        await bus.publish(DOOR, press("b"))
        await bus.drain()
    assert listener.heard == ["a", "b"]


async def test_a_retry_that_the_file_refuses_leaves_the_letter_and_is_told(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(outbox) as bus:
        DurableEar({"a": [ValueError("broken")] * 3}).join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        (letter,) = await line_of(bus).dead_letters()
        monkeypatch.setattr("spyoncino.persistence.outbox.revive_dead_letter", refused)
        with pytest.raises(StorageError, match="refused"):
            await line_of(bus).retry_dead_letter(letter.number)
        assert len(await line_of(bus).dead_letters()) == 1


@pytest.mark.parametrize("is_refused", [False, True])
async def test_a_retry_whose_asker_has_gone_harms_nobody(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, is_refused: bool
) -> None:
    listener = DurableEar({"a": [ValueError("broken")] * 3})
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        (letter,) = await line_of(bus).dead_letters()
        if is_refused:
            monkeypatch.setattr("spyoncino.persistence.outbox.revive_dead_letter", refused)
        asked = asyncio.Event()
        revive = OutboxFile.revive

        def reviving(file: OutboxFile, number: int, seq: int) -> object:
            asked.set()
            return revive(file, number, seq)

        monkeypatch.setattr(OutboxFile, "revive", reviving)
        retrying = asyncio.create_task(line_of(bus).retry_dead_letter(letter.number))
        await asked.wait()
        retrying.cancel()
        await asyncio.wait({retrying})
        await bus.publish(DOOR, press("b"))
        await bus.drain()
    assert listener.heard == (["b"] if is_refused else ["a", "b"])


async def test_a_sweep_that_the_file_refuses_is_told_and_done_the_next_time(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.core.critical.SWEEP_S", 0.01)
    swept = asyncio.Event()
    collect = OutboxFile.collect
    refusals = 2

    def collecting(file: OutboxFile, live: dict[str, int], known: None = None) -> object:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise StorageError("the disk refused")
        swept.set()
        return collect(file, live, known)

    monkeypatch.setattr(OutboxFile, "collect", collecting)
    async with running(outbox):
        async with asyncio.timeout(10):
            await swept.wait()


async def test_room_for_a_thousand_messages_is_taken_beforehand(outbox: Path) -> None:
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.drain()
        for number in range(200):
            await bus.publish(DOOR, press(f"m{number}"))
        await bus.drain()
        assert bus.status().undurable == 0
    with closing(sqlite3.connect(outbox)) as connection:
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    assert free * size > 500_000
    assert len(listener.heard) == 200


async def test_a_publish_before_the_outbox_is_open_is_refused(outbox: Path) -> None:
    bus = Bus(SystemClock(), outbox=outbox)
    with pytest.raises(StorageError, match="not open"):
        await line_of(bus).retry_dead_letter(1)
    message = Message("event.created", Payload(), 0)
    with pytest.raises(StorageError, match="the outbox is not open"):
        await line_of(bus).publish(message, None)


async def test_an_answer_without_end_and_a_main_that_ends_are_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.core.control_desk.MAX_ANSWER_BYTES", 64)

    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 1000)
        await writer.drain()
        writer.close()

    async def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"result"')
        writer.close()

    async def mute(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    for name, serve, sentence in (
        ("a", endless, "too long"),
        ("b", mute, "ended before"),
        ("c", cut, "ended before"),
    ):
        server = await asyncio.start_unix_server(serve, tmp_path / name)
        async with server:
            with pytest.raises(StorageError, match=sentence):
                await ask_main(tmp_path / name, "x")


async def test_a_desk_that_was_never_opened_closes_and_refuses_no_socket_twice(
    tmp_path: Path,
) -> None:
    await ControlDesk(tmp_path / "socket").close()
    await asyncio.to_thread((tmp_path / "folder").mkdir)
    with pytest.raises(StorageError, match="cannot be made"):
        await ControlDesk(tmp_path / "folder").open()


async def test_an_idle_outbox_is_not_written_again_and_again(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[dict[str, int]] = []
    collect = OutboxFile.collect

    def noted(file: OutboxFile, live: Mapping[str, int]) -> "Future[int]":
        swept.append(dict(live))
        return collect(file, dict(live))

    monkeypatch.setattr("spyoncino.core.critical.SWEEP_S", 0.01)
    monkeypatch.setattr(OutboxFile, "collect", noted)
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await asyncio.sleep(0.2)
        idle = len(swept)
        await asyncio.sleep(0.2)
        assert len(swept) == idle
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        await asyncio.sleep(0.2)
        assert len(swept) > idle
    assert listener.heard == ["a"]


async def test_a_drain_waits_for_what_is_on_its_way_into_the_file(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write = threading.Event()
    commit = OutboxFile._commit

    def held_up(file: OutboxFile, *work: Any) -> None:
        may_write.wait(10)
        commit(file, *work)

    async with running(outbox) as bus:
        monkeypatch.setattr(OutboxFile, "_commit", held_up)
        publishing = asyncio.create_task(bus.publish(DOOR, press("a")))
        await turns()
        draining = asyncio.create_task(bus.drain())
        await turns()
        assert (line_of(bus).busy, draining.done()) == (True, False)
        may_write.set()
        await draining
        assert not line_of(bus).busy
        await publishing


async def test_a_bus_that_could_not_start_can_be_stopped(outbox: Path) -> None:
    await asyncio.to_thread(outbox.with_name("presses.journal").mkdir)
    bus = Bus(SystemClock(), outbox=outbox)
    with pytest.raises(StorageError, match="cannot be written"):
        await bus.start()
    await bus.stop()
    assert not any(thread.name == "outbox" for thread in threading.enumerate())


async def test_a_stop_waits_for_a_press_that_is_on_its_way_into_the_journal(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_sync = threading.Event(), threading.Event()
    append = PressJournal.append

    def held_up(journal: PressJournal, body: bytes) -> int:
        began.set()
        may_sync.wait(10)
        return append(journal, body)

    monkeypatch.setattr(PressJournal, "append", held_up)
    async with running(outbox) as bus:
        publishing = asyncio.create_task(bus.publish(DOOR, press("a")))
        await asyncio.to_thread(began.wait, 10)
        stopping = asyncio.create_task(bus.stop())
        await asyncio.wait({stopping}, timeout=0.1)
        assert not stopping.done()
        may_sync.set()
        await stopping
        assert publishing.done()
        await publishing
    async with running(outbox) as again:
        assert line_of(again).repeated == 0  # the press had left its journal


async def test_a_press_waits_for_room_in_the_queue_of_a_durable_subscriber(outbox: Path) -> None:
    ear = Ear()
    ear.gate.clear()
    async with running(outbox) as bus:
        bus.subscribe(DOOR, ear, name="ear", policy=Policy.BLOCK, capacity=1, durable=True)
        await bus.publish(DOOR, press("in hand"))
        await ear.entered.wait()
        await bus.publish(DOOR, press("in the queue"))
        outside = asyncio.create_task(bus.publish(DOOR, press("outside")))
        await asyncio.wait({outside}, timeout=0.1)
        assert not outside.done()
        ear.gate.set()
        await outside
        await bus.drain()
    assert [each.payload.event_id for each in ear.messages] == [
        "in hand",
        "in the queue",
        "outside",
    ]


async def test_what_a_former_run_published_is_told_apart_from_what_this_one_does(
    outbox: Path,
) -> None:
    heard: dict[str, bool] = {}

    async def hear(message: Message) -> None:
        heard[message.payload.event_id] = is_recovered()

    async with running(outbox) as bus:
        left = DurableEar().join(bus)
        await bus.drain()
        left.close()
        await left.wait_closed()
        await bus.publish(DOOR, press("of a former run"))
    async with running(outbox) as bus:
        bus.subscribe(DOOR, hear, name="listener", policy=Policy.BLOCK, durable=True)
        await bus.publish(DOOR, press("of this run", 1))
        await bus.drain()
    assert heard == {"of a former run": True, "of this run": False}
