"""Critical messages when something goes wrong at the worst moment: none is lost or reordered."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.fixtures.durable_ear import AT_ONCE, DOOR, DurableEar, line_of, press, running

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.critical import CriticalLine
from spyoncino.core.durable_place import Patience
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.errors import DamagedFileError, StorageError, UsageError, WiringError
from spyoncino.persistence.outbox import OutboxFile
from spyoncino.persistence.outbox_rows import OutboxEntry
from spyoncino.persistence.press_journal import PressJournal
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.topics import CONTROL_COMMAND, DOORBELL_PRESSED


async def leave_unhandled(outbox: Path, *names: str) -> None:
    """A run of "listener" that ends before it handles these presses."""
    async with running(outbox) as bus:
        DurableEar().join(bus).close()
        subscription = DurableEar().join(bus)
        await bus.drain()
        subscription.close()
        await subscription.wait_closed()
        for second, name in enumerate(names):
            await bus.publish(DOOR, press(name, second))


def refuse_first(
    monkeypatch: pytest.MonkeyPatch, method: str, times: int, error: Exception
) -> None:
    """Have a question to the outbox refused a few times."""
    ask = getattr(OutboxFile, method)
    left = [error] * times

    def refusing(self: OutboxFile, *arguments: object) -> object:
        if not left:
            return ask(self, *arguments)
        answer: Future[object] = Future()
        answer.set_exception(left.pop())
        return answer

    monkeypatch.setattr(OutboxFile, method, refusing)


@pytest.mark.parametrize("method", ["begin", "between"])
async def test_a_locked_outbox_at_the_start_costs_no_missed_message(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    await leave_unhandled(outbox, "a", "b")
    refuse_first(monkeypatch, method, 3, StorageError("locked"))
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("c"))
        await bus.drain()
    assert listener.heard == ["a", "b", "c"]


async def test_a_handler_whose_inner_work_is_cancelled_gets_the_message_again(
    outbox: Path,
) -> None:
    listener = DurableEar({"a": [asyncio.CancelledError("the job was given up")]})
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.publish(DOOR, press("b"))
        await bus.drain()
    assert listener.heard == ["a", "b"]


@pytest.mark.parametrize("failures", [1, 2, 1_025, 10**6])
def test_pauses_end_at_the_longest_however_often_it_failed(failures: int) -> None:
    assert 0 < Patience().pause_s(failures) <= Patience().longest_pause_s


async def test_a_dead_letter_can_fail_and_be_retried_any_number_of_times(outbox: Path) -> None:
    listener = DurableEar({"a": [ValueError("broken")] * 9})
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        for _ in range(3):
            await bus.drain()
            (letter,) = await line_of(bus).dead_letters()
            assert await line_of(bus).retry_dead_letter(letter.number)
        await bus.drain()
        assert await line_of(bus).dead_letters() == []
    assert listener.heard == ["a"]


async def test_a_dead_letter_that_cannot_be_read_is_refused_and_stays(outbox: Path) -> None:
    async with running(outbox) as bus:
        DurableEar({"a": [ValueError("broken")] * 3}).join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        with sqlite3.connect(outbox) as connection:
            connection.execute("UPDATE dead_letters SET body = '{}'")
        (letter,) = await line_of(bus).dead_letters()
        with pytest.raises(UsageError, match="cannot be read by this version"):
            await line_of(bus).retry_dead_letter(letter.number)
        assert len(await line_of(bus).dead_letters()) == 1


async def test_a_dead_letter_retried_while_its_subscriber_catches_up_is_not_skipped(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(outbox) as bus:
        DurableEar({"a": [ValueError("broken")] * 3}).join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
    refuse_first(monkeypatch, "begin", 2, StorageError("locked"))
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        (letter,) = await line_of(bus).dead_letters()
        assert await line_of(bus).retry_dead_letter(letter.number)
        await bus.publish(DOOR, press("b"))
        await bus.drain()
    assert listener.heard == ["a", "b"]


async def test_a_dead_letter_is_kept_when_the_file_refuses_it_at_first(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_first(monkeypatch, "bury", 2, StorageError("full"))
    listener = DurableEar({"a": [ValueError("broken")] * 3})
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.publish(DOOR, press("b"))
        await bus.drain()
        assert [letter.event_id for letter in await line_of(bus).dead_letters()] == ["a"]
    assert listener.heard == ["b"]


async def test_the_oldest_dead_letters_give_way_to_the_newest(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.persistence.outbox_rows.MAX_DEAD_LETTERS", 2)
    listener = DurableEar({name: [ValueError("broken")] * 3 for name in "abc"})
    async with running(outbox) as bus:
        listener.join(bus)
        for name in "abc":
            await bus.publish(DOOR, press(name))
        await bus.drain()
        letters = await line_of(bus).dead_letters()
    assert [letter.event_id for letter in letters] == ["b", "c"]


async def test_a_subscriber_that_leaves_while_the_file_looks_for_its_place_harms_nobody(
    outbox: Path,
) -> None:
    listener = DurableEar()
    async with running(outbox) as bus:
        leaving = DurableEar().join(bus, "leaving")
        await asyncio.sleep(0)  # it has asked
        leaving.close()
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
    assert listener.heard == ["a"]


async def test_two_durable_subscribers_of_one_name_are_refused(outbox: Path) -> None:
    async with running(outbox) as bus:
        first = DurableEar().join(bus)
        with pytest.raises(WiringError, match="runs already"):
            DurableEar().join(bus)
        first.close()
        DurableEar().join(bus)


async def test_a_successor_hears_what_its_predecessor_had_in_hand(outbox: Path) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    async def slow(_: Message) -> None:
        begun.set()
        await gate.wait()

    listener = DurableEar()
    async with running(outbox) as bus:
        first = bus.subscribe(DOOR, slow, name="listener", policy=Policy.BLOCK, durable=True)
        for name in "abc":
            await bus.publish(DOOR, press(name))
        await begun.wait()
        first.close()
        listener.join(bus)
        await bus.publish(DOOR, press("d"))
        gate.set()
        await bus.drain()
    assert listener.heard[-3:] == ["b", "c", "d"]
    assert bus.status().dropped == 0


async def test_a_subscriber_that_is_closed_while_it_retries_ends_and_keeps_its_message(
    outbox: Path,
) -> None:
    failing = DurableEar({"a": [StorageError("full")] * 10_000})
    async with running(outbox) as bus:
        subscription = failing.join(bus)
        await bus.publish(DOOR, press("a"))
        await asyncio.sleep(0.01)
        subscription.close()
        await subscription.wait_closed()
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.drain()
    assert listener.heard == ["a"]


async def test_a_failing_on_settled_holds_up_nobody(outbox: Path) -> None:
    def raising() -> None:
        raise ValueError("a fault of the publisher")

    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await asyncio.gather(
            bus.publish(DOOR, press("a"), on_settled=raising), bus.publish(DOOR, press("b"))
        )
        await bus.drain()
    assert listener.heard == ["a", "b"]


async def test_what_nobody_keeps_does_not_grow_the_file(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.persistence.outbox.KEPT_HANDLED", 2)
    async with running(outbox) as bus:
        for number in range(20):
            await bus.publish(DOOR, press(f"m{number}"))
        await line_of(bus).forget_all_but(set())
        with sqlite3.connect(outbox) as connection:
            assert connection.execute("SELECT count(*) FROM messages").fetchone() == (2,)


async def test_a_cancelled_press_takes_no_place_in_the_journal_for_ever(outbox: Path) -> None:
    async with running(outbox) as bus:
        for number in range(5):
            publishing = asyncio.create_task(bus.publish(DOOR, press(f"m{number}")))
            await asyncio.sleep(0)
            publishing.cancel()
            await asyncio.wait({publishing})
    assert PressJournal(outbox.with_name("presses.journal")).open() == []


async def test_a_publish_during_the_stop_succeeds_and_its_message_is_kept(outbox: Path) -> None:
    bus = Bus(SystemClock(), outbox=outbox, patience=AT_ONCE)
    await bus.start()
    DurableEar().join(bus)
    await bus.drain()
    publishing = asyncio.create_task(bus.publish(DOOR, press("a")))
    await asyncio.sleep(0)
    await bus.stop()
    await publishing
    listener = DurableEar()
    async with running(outbox) as again:
        listener.join(again)
        await again.drain()
    assert listener.heard == ["a"]


async def crashed_copy(outbox: Path, folder: Path) -> Path:
    """The files as a kill at this moment would leave them."""

    def copy() -> None:
        folder.mkdir()
        for path in outbox.parent.glob("*"):
            if path.is_file() and not path.name.endswith("-shm"):
                shutil.copy(path, folder / path.name)

    await asyncio.to_thread(copy)
    return folder / outbox.name


@asynccontextmanager
async def refusing_disk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(
            "spyoncino.persistence.outbox._INSERT", "INSERT INTO nowhere VALUES (?,?,?,?)"
        )
        yield


async def test_presses_that_only_the_journal_has_come_back_in_the_order_they_were_made(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(outbox) as bus:
        DurableEar().join(bus).close()
        subscription = DurableEar().join(bus)
        await bus.drain()
        subscription.close()
        await subscription.wait_closed()
        async with refusing_disk(monkeypatch):
            for second, name in enumerate("abc"):
                await bus.publish(DOOR, press(name, second))
            copy = await crashed_copy(outbox, tmp_path / "crashed")
    listener = DurableEar()
    async with running(copy) as again:
        listener.join(again)
        await asyncio.sleep(0.2)
        await again.drain()
    assert listener.heard == ["a", "b", "c"]
    assert PressJournal(copy.with_name("presses.journal")).open() == []


async def test_a_recovery_that_finds_a_full_disk_leaves_the_press_in_the_journal(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(outbox) as bus, refusing_disk(monkeypatch):
        await bus.publish(DOOR, press("a"))
        copy = await crashed_copy(outbox, tmp_path / "first")
    async with refusing_disk(monkeypatch), running(copy):
        await asyncio.sleep(0.2)
        copy = await crashed_copy(copy, tmp_path / "second")
    (left,) = PressJournal(copy.with_name("presses.journal")).open()
    assert b'"a"' in left.body


async def test_a_press_of_another_shape_in_the_journal_is_told_and_let_go(outbox: Path) -> None:
    journal = PressJournal(outbox.with_name("presses.journal"))
    journal.open()
    journal.append(b"doorbell.door.pressed {}")
    journal.close()
    async with running(outbox):
        await asyncio.sleep(0.1)
    assert PressJournal(outbox.with_name("presses.journal")).open() == []


async def test_a_message_that_found_no_room_is_written_when_there_is_some(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = ControlCommand(target="door", command="wake", event_id="late")
    async with running(outbox) as bus:
        DurableEar().join(bus)
        await bus.drain()
        async with refusing_disk(monkeypatch):
            await bus.publish(CONTROL_COMMAND, command)
        await bus.publish(DOOR, press("a"))
        copy = await crashed_copy(outbox, tmp_path / "crashed")
        assert bus.status().undurable == 1
    with sqlite3.connect(copy) as connection:
        found = connection.execute("SELECT event_id FROM messages ORDER BY seq").fetchall()
    assert found == [("late",), ("a",)]


def damage_the_middle(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


async def test_a_damaged_outbox_is_put_aside_and_a_new_one_begun(outbox: Path) -> None:
    await leave_unhandled(outbox, "a")
    await asyncio.to_thread(damage_the_middle, outbox)
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("b"))
        await bus.drain()
        assert bus.status().undurable == 0
    assert listener.heard == ["b"]
    assert len(list(outbox.parent.glob("outbox.db.damaged-*"))) == 1


async def test_an_outbox_that_is_damaged_while_it_is_open_holds_up_nothing_new(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave_unhandled(outbox, "a")
    damaged = DamagedFileError("the file is damaged")
    refuse_first(monkeypatch, "between", 1, damaged)
    refuse_first(monkeypatch, "bury", 1, damaged)
    listener = DurableEar({"c": [ValueError("broken")] * 3})
    async with running(outbox) as bus:
        listener.join(bus)
        for name in "bcd":
            await bus.publish(DOOR, press(name))
        await bus.drain()
    assert listener.heard == ["b", "d"]


async def test_sweeps_never_move_a_subscriber_past_what_it_has_not_handled(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.core.critical.SWEEP_S", 0.001)
    monkeypatch.setattr("spyoncino.persistence.outbox.KEPT_HANDLED", 0)
    await leave_unhandled(outbox, *(f"old {number}" for number in range(300)))
    listener, other = DurableEar(), DurableEar()

    async def slowly(message: Message) -> None:
        await asyncio.sleep(0.001)
        await listener.handle(message)

    async with running(outbox) as bus:
        other.join(bus, "other")
        bus.subscribe(DOOR, slowly, name="listener", policy=Policy.BLOCK, durable=True)
        for number in range(50):
            await bus.publish(DOOR, press(f"new {number}"))
        await bus.stop(timeout_s=0.01)
    async with running(outbox) as bus:
        bus.subscribe(DOOR, slowly, name="listener", policy=Policy.BLOCK, durable=True)
        await bus.drain()
    wanted = [f"old {number}" for number in range(300)] + [f"new {number}" for number in range(50)]
    assert list(dict.fromkeys(listener.heard)) == wanted
    assert len(listener.heard) <= len(wanted) + 1


def test_an_outbox_that_is_closed_says_so(outbox: Path) -> None:
    file = OutboxFile(outbox, lambda _entries, _error: None)
    file.open()
    file.close()
    with pytest.raises(StorageError, match="is not open"):
        file.dead_letters().result(1)


async def test_one_payload_on_two_topics_is_two_messages(outbox: Path) -> None:
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        payload = press("a")
        await bus.publish(DOOR, payload)
        await bus.publish(DOORBELL_PRESSED.of("garden"), payload)
        await bus.drain()
        assert line_of(bus).repeated == 0
    assert listener.heard == ["a", "a"]


async def test_a_press_that_no_disk_keeps_is_passed_on_but_not_promised(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("no space")

    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        monkeypatch.setattr(PressJournal, "append", full)
        monkeypatch.setattr(OutboxFile, "append", _refused(line_of(bus)))
        with pytest.raises(StorageError, match="passed on, but cannot be kept"):
            await bus.publish(DOOR, press("a"))
        await bus.drain()
    assert listener.heard == ["a"]


def _refused(line: CriticalLine) -> Callable[[OutboxFile, OutboxEntry], None]:
    def append(_: OutboxFile, entry: OutboxEntry) -> None:
        line._on_written([entry], StorageError("no space"))

    return append
