"""The mode of the house: on disk before it is told, changed from anywhere."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk
from spyoncino.core.message import Message
from spyoncino.core.modes import Modes, order_mode, read_mode, write_mode
from spyoncino.core.paths import DataFolder
from spyoncino.core.queues import Policy
from spyoncino.errors import RequestError, StorageError, UsageError
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.topics import CONTROL_COMMAND, MODE_ORDER, SYSTEM_MODE


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


class House:
    """A bus with the modes on it, and what was told."""

    def __init__(self, bus: Bus, modes: Modes) -> None:
        self.bus = bus
        self.modes = modes
        self.told: list[tuple[Mode, str]] = []

    async def hear(self, message: Message) -> None:
        self.told.append((message.payload.mode, message.payload.author))


@asynccontextmanager
async def house(folder: DataFolder) -> AsyncIterator[House]:
    async with Bus(SystemClock(), outbox=folder.outbox) as bus:
        built = House(bus, Modes(folder.mode, bus))
        bus.subscribe(SYSTEM_MODE, built.hear, name="ear", policy=Policy.BLOCK)
        await built.modes.start()
        yield built


async def test_a_new_house_is_at_home_and_says_so_when_asked(folder: DataFolder) -> None:
    async with house(folder) as built:
        answer = await built.bus.request(MODE_ORDER, ModeOrder())
        assert isinstance(answer, SystemMode)
        assert answer.mode is Mode.HOME
        assert built.told == []


async def test_a_mode_is_on_disk_when_it_is_told_and_holds_in_the_next_run(
    folder: DataFolder,
) -> None:
    async with house(folder) as built:
        order = ModeOrder(mode=Mode.AWAY, author="page")
        answer = await built.bus.request(MODE_ORDER, order)
        assert isinstance(answer, SystemMode)
        assert await asyncio.to_thread(read_mode, folder.mode) is Mode.AWAY
        await built.bus.drain()
        assert built.told == [(Mode.AWAY, "page")]
    async with house(folder) as again:
        await again.modes.tell()
        await again.bus.drain()
        assert again.told == [(Mode.AWAY, "start")]


async def test_a_command_to_the_system_changes_it_and_others_do_not(folder: DataFolder) -> None:
    def command(target: str, name: str, **arguments: str) -> ControlCommand:
        return ControlCommand(source="bot", target=target, command=name, arguments=arguments)

    async with house(folder) as built:
        for each in (
            command("door", "mode", mode="away"),
            command("system", "restart"),
            command("system", "mode", mode="holiday"),
            command("system", "mode"),
            command("system", "mode", mode="night"),
        ):
            await built.bus.publish(CONTROL_COMMAND, each)
        await built.bus.drain()
        assert built.told == [(Mode.NIGHT, "bot")]
        assert built.bus.status().dead_letters == 0


async def test_a_command_that_was_given_before_a_kill_is_obeyed_by_the_next_run(
    folder: DataFolder,
) -> None:
    async with house(folder) as built:
        await built.bus.drain()
    async with Bus(SystemClock(), outbox=folder.outbox) as bus:
        order = ControlCommand(target="system", command="mode", arguments={"mode": "away"})
        await bus.publish(CONTROL_COMMAND, order)
    async with house(folder) as again:
        await again.bus.drain()
        assert again.modes.mode is Mode.AWAY


async def test_where_the_file_is_damaged_privacy_holds(folder: DataFolder) -> None:
    await asyncio.to_thread(folder.mode.write_text, "{")
    async with house(folder) as built:
        assert built.modes.mode is Mode.PRIVACY
    with pytest.raises(StorageError, match="does not tell the mode"):
        await order_mode(folder, None)
    assert await order_mode(folder, "home") == "home"


async def test_a_mode_that_cannot_be_remembered_does_not_hold(folder: DataFolder) -> None:
    async with house(folder) as built:
        await asyncio.to_thread(folder.mode.with_suffix(".new").mkdir)
        with pytest.raises(RequestError, match="the former one holds"):
            await built.bus.request(MODE_ORDER, ModeOrder(mode=Mode.AWAY))
        assert built.modes.mode is Mode.HOME


def test_a_mode_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "mode.json"
    write_mode(path, Mode.NIGHT)
    assert json.loads(path.read_text()) == {"mode": "night"}
    assert [found.name for found in tmp_path.iterdir()] == ["mode.json"]


async def test_commands_reach_a_running_house_and_one_at_rest(folder: DataFolder) -> None:
    assert await order_mode(folder, None) == "home"
    assert await order_mode(folder, "away") == "away"
    with pytest.raises(UsageError, match="there are: home, away, night, privacy"):
        await order_mode(folder, "holiday")
    async with house(folder) as built:
        desk = ControlDesk(folder.socket)
        built.modes.register(desk)
        await desk.open()
        await asyncio.to_thread(folder.lock)
        try:
            assert await order_mode(folder, None) == "away"
            assert await order_mode(folder, "night") == "night"
        finally:
            folder.unlock()
            await desk.close()
        assert built.modes.mode is Mode.NIGHT
