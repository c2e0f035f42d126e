"""``dead-letters``: seen, given again or deleted, whether main runs or not."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spyoncino.cli.app import app
from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk
from spyoncino.core.dead_letters import register_dead_letters
from spyoncino.core.durable_place import Patience
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.core.queues import Policy
from spyoncino.errors import UsageError
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.topics import DOORBELL_PRESSED

ONCE = Patience(attempts=1, first_pause_s=0.001)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """A data folder with two dead letters."""
    monkeypatch.setenv("COLUMNS", "200")
    data = DataFolder(tmp_path / "data")
    data.prepare()

    async def refuse(_: Message) -> None:
        raise ValueError("the hall is closed")

    async def fill() -> None:
        async with Bus(SystemClock(), outbox=data.outbox, patience=ONCE) as bus:
            bus.subscribe("doorbell.#", refuse, name="hall", policy=Policy.BLOCK, durable=True)
            for name in ("a", "b"):
                press = DoorbellEvent(doorbell="door", camera="door", event_id=name)
                await bus.publish(DOORBELL_PRESSED.of("door"), press)
            await bus.drain()

    asyncio.run(fill())
    return data


def said(folder: DataFolder, *words: str) -> str:
    arguments = ["--data", str(folder.root), "dead-letters", *words]
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def numbers(folder: DataFolder) -> list[int]:
    return [json.loads(line)["number"] for line in said(folder, "list", "--json").splitlines()]


def heard_by_the_hall(folder: DataFolder) -> list[str]:
    """What the hall gets when it runs again."""
    heard: list[str] = []

    async def hear(message: Message) -> None:
        heard.append(message.payload.event_id)

    async def run() -> None:
        async with Bus(SystemClock(), outbox=folder.outbox) as bus:
            bus.subscribe("doorbell.#", hear, name="hall", policy=Policy.BLOCK, durable=True)
            await bus.drain()

    asyncio.run(run())
    return heard


def test_the_list_says_what_for_whom_and_why(folder: DataFolder) -> None:
    told = said(folder, "list")
    assert told.count("doorbell.door.pressed") == 2
    assert "ValueError: the hall is closed" in told
    assert "hall" in told


def test_without_any_it_says_so(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert "every critical message was handled" in said(folder, "list")


def test_what_is_given_again_reaches_its_part_at_the_next_start(folder: DataFolder) -> None:
    first, second = numbers(folder)
    assert "1 given again" in said(folder, "retry", str(second))
    assert numbers(folder) == [first]
    assert heard_by_the_hall(folder) == ["b"]


def test_all_are_deleted_at_once(folder: DataFolder) -> None:
    assert "2 deleted" in said(folder, "drop", "--all")
    assert numbers(folder) == []
    assert heard_by_the_hall(folder) == []


@pytest.mark.parametrize("words", [("retry",), ("drop", "1", "--all")])
def test_which_ones_must_be_said(folder: DataFolder, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="name the numbers"):
        said(folder, *words)


def test_a_number_that_is_none_is_told(folder: DataFolder) -> None:
    with pytest.raises(UsageError, match="1 of these numbers are no dead letters; 1 were"):
        said(folder, "drop", "1", "99")


def test_while_main_runs_main_is_asked(folder: DataFolder) -> None:
    with _main_of(folder):
        first, second = numbers(folder)
        assert "1 deleted" in said(folder, "drop", str(first))
        assert "1 given again" in said(folder, "retry", str(second))
        assert numbers(folder) == []


@contextmanager
def _main_of(folder: DataFolder) -> Iterator[None]:
    """A main with nothing but its outbox and its desk, in a thread."""
    up, over = threading.Event(), threading.Event()

    async def run() -> None:
        async with Bus(SystemClock(), outbox=folder.outbox) as bus:
            assert bus.critical is not None
            desk = ControlDesk(folder.socket)
            register_dead_letters(desk, bus.critical)
            await desk.open()
            up.set()
            await asyncio.to_thread(over.wait)
            await desk.close()

    with folder:
        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        assert up.wait(10)
        try:
            yield
        finally:
            over.set()
            thread.join(10)
