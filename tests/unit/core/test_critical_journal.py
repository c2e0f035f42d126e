"""Presses and their journal: who leaves it when, who never shares a slot, what is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
import structlog
from tests.fixtures.durable_ear import DOOR, DurableEar, line_of, press, running

from spyoncino.core.message import Message, is_recovered
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError
from spyoncino.persistence.outbox_rows import OutboxEntry
from spyoncino.persistence.press_journal import PressJournal
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.topics import CONTROL_COMMAND

NEVER_S = 3600.0


def journal_of(outbox: Path) -> Path:
    return outbox.with_name("presses.journal")


def kept(outbox: Path) -> list[str]:
    """Ids of the presses that a kill at this moment would leave in the journal, in slot order."""
    with closing(PressJournal(journal_of(outbox))) as journal:
        presses = journal.open()
    bodies = [each.body.partition(b" ")[2] for each in presses]
    return sorted(DoorbellEvent.model_validate_json(body).event_id for body in bodies)


def leave_in_journal(outbox: Path, *names: str) -> None:
    """What a run leaves that was killed before its presses came into the outbox."""
    with closing(PressJournal(journal_of(outbox))) as journal:
        journal.open()
        for second, name in enumerate(names):
            journal.append(
                f"{DOOR.name} ".encode() + press(name, second).model_dump_json().encode()
            )


@asynccontextmanager
async def refusing_disk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(
            "spyoncino.persistence.outbox._INSERT", "INSERT INTO nowhere VALUES (?,?,?,?)"
        )
        yield


@pytest.fixture
async def finished(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a press has left the journal."""
    loop, event, finish = asyncio.get_running_loop(), asyncio.Event(), PressJournal.finish

    def finishing(journal: PressJournal, slot: int) -> None:
        finish(journal, slot)
        loop.call_soon_threadsafe(event.set)

    monkeypatch.setattr(PressJournal, "finish", finishing)
    return event


async def test_a_press_that_the_outbox_has_leaves_the_journal_before_its_publish_returns(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.core.critical.SWEEP_S", NEVER_S)
    async with running(outbox) as bus:
        await bus.publish(DOOR, press("a"))
        assert kept(outbox) == []


async def test_presses_that_only_the_journal_has_never_share_a_slot(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot that were freed twice would be given to two of them."""
    async with running(outbox) as bus:
        for name in ("safe", "safe too"):
            await bus.publish(DOOR, press(name))
        async with refusing_disk(monkeypatch):
            for name in "abc":
                await bus.publish(DOOR, press(name))
            assert kept(outbox) == ["a", "b", "c"]


async def test_a_press_leaves_the_journal_with_the_sweep_after_the_outbox_has_it(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, finished: asyncio.Event
) -> None:
    monkeypatch.setattr("spyoncino.core.critical.SWEEP_S", 0.01)
    async with running(outbox) as bus:
        async with refusing_disk(monkeypatch):
            await bus.publish(DOOR, press("a"))
            assert kept(outbox) == ["a"]
        await bus.publish(CONTROL_COMMAND, ControlCommand(target="door", command="wake"))
        async with asyncio.timeout(60):
            await finished.wait()
        assert kept(outbox) == []


async def test_a_press_of_a_killed_run_is_told_and_leaves_the_journal_with_the_sweep(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, finished: asyncio.Event
) -> None:
    monkeypatch.setattr("spyoncino.core.critical.SWEEP_S", 0.01)
    leave_in_journal(outbox, "a")
    with structlog.testing.capture_logs() as lines:
        async with running(outbox), asyncio.timeout(60):
            await finished.wait()
            assert kept(outbox) == []
    (line,) = [line for line in lines if line["event"].startswith("recovery")]
    assert (line["log_level"], line["topic"]) == ("warning", DOOR.name)


async def test_a_press_of_a_killed_run_is_known_as_one_of_the_past(outbox: Path) -> None:
    heard: dict[str, bool] = {}
    has_heard = asyncio.Event()

    async def hear(message: Message) -> None:
        heard[message.payload.event_id] = is_recovered()
        has_heard.set()

    async with running(outbox) as bus:  # who subscribed before
        left = DurableEar().join(bus)
        await bus.drain()
        left.close()
    leave_in_journal(outbox, "old")
    async with running(outbox) as bus:
        bus.subscribe(DOOR, hear, name="listener", policy=Policy.BLOCK, durable=True)
        async with asyncio.timeout(60):
            await has_heard.wait()
        await bus.publish(DOOR, press("new"))
        await bus.drain()
    assert heard == {"old": True, "new": False}


async def test_a_journal_that_refuses_is_told_with_the_reason(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise StorageError("the disk refused")

    for method, sentence in (
        ("append", "a press is not in its journal"),
        ("finish", "a press stays in its journal"),
    ):
        with structlog.testing.capture_logs() as lines:
            async with running(outbox) as bus:
                with monkeypatch.context() as patch:
                    patch.setattr(PressJournal, method, refused)
                    await bus.publish(DOOR, press(method))
        (line,) = [line for line in lines if line["event"] == sentence]
        assert (line["log_level"], line["error"]) == ("error", "the disk refused")


async def test_a_press_in_the_journal_that_cannot_be_read_is_told_with_what_it_was(
    outbox: Path, finished: asyncio.Event
) -> None:
    with closing(PressJournal(journal_of(outbox))) as journal:
        journal.open()
        journal.append(b'doorbell.door.pressed {"bell": 1}')
    with structlog.testing.capture_logs() as lines:
        async with running(outbox), asyncio.timeout(60):
            await finished.wait()
    (line,) = [line for line in lines if line["event"] == "a press in the journal cannot be read"]
    assert line["body"] == '{"bell": 1}'


async def test_a_bus_that_has_stopped_holds_neither_outbox_nor_journal_open(outbox: Path) -> None:
    def held() -> set[str]:
        found = set()
        for descriptor in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # that of this very look
                found.add(descriptor.readlink())
        return {path.name for path in found if path.is_relative_to(outbox.parent)}

    async with running(outbox) as bus:
        await bus.publish(DOOR, press("a"))
        assert {"outbox.db", "presses.journal"} <= held()
    assert held() == set()


async def test_a_press_that_is_done_is_let_go(outbox: Path) -> None:
    async with running(outbox) as bus:
        await bus.publish(DOOR, press("a"))
        await asyncio.sleep(0)
        assert line_of(bus)._presses == set()


async def test_a_press_that_is_written_while_the_sweep_looks_leaves_the_journal_with_the_next(
    outbox: Path,
) -> None:
    class Late(OutboxEntry):
        """The writer's thread has it in the file after somebody asked for the first time."""

        asked = 0

        @property
        def is_written(self) -> bool:
            self.asked += 1
            return self.asked > 1

        @is_written.setter
        def is_written(self, _: bool) -> None:
            return

    async with running(outbox) as bus:
        line = line_of(bus)
        body = f"{DOOR.name} ".encode() + press("a").model_dump_json().encode()
        slot = await asyncio.to_thread(line._journal.append, body)
        line._unsafe.append((Late(1, DOOR.name, "a", b""), slot))
        for left in (["a"], []):
            await line._finish_presses()
            assert kept(outbox) == left
