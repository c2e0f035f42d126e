"""The mode of the house: home, away, night or privacy. One home, on disk before it is told.

It is changed by a question on the bus (the page, modules), by a ``ControlCommand`` to ``system``
(plug-ins), by an order at the control desk (commands), and by a command on a data folder at rest.
"""

import asyncio
import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog

from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError, UsageError
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.topics import CONTROL_COMMAND, MODE_ORDER, SYSTEM_MODE

NAME = "system.modes"
"""Under this name it has its place in the outbox: a command given before a crash is obeyed."""

ORDER = "mode.change"
TARGET, COMMAND = "system", "mode"


class Modes:
    """Knows the mode, changes it and tells everybody.

    Args:
        path: The file that remembers it.
        bus: Where it is told and asked for.
    """

    def __init__(self, path: Path, bus: Bus) -> None:
        self._path = path
        self._bus = bus
        self._changing = asyncio.Lock()
        self._log = structlog.get_logger("spyoncino.modes")
        self.mode = Mode.HOME

    async def start(self) -> None:
        """Read the mode and answer questions about it; on a started bus.

        Where the file cannot be read, privacy holds: another guess could show what is not to be
        seen.
        """
        try:
            self.mode = await asyncio.to_thread(read_mode, self._path)
        except StorageError as error:
            self.mode = Mode.PRIVACY
            self._log.error("the mode is unknown, privacy holds", error=str(error))
        self._bus.answer(MODE_ORDER, self._answer, name=NAME)
        self._bus.subscribe(
            CONTROL_COMMAND,
            self._obey,
            name=NAME,
            policy=Policy.BLOCK,
            durable=True,
        )

    async def tell(self, author: str = "start") -> SystemMode:
        """Publish the mode that holds."""
        told = SystemMode(source=NAME, mode=self.mode, author=author)
        await self._bus.publish(SYSTEM_MODE, told)
        return told

    async def change(self, mode: Mode, author: str) -> SystemMode:
        """Have a mode hold from here on; it is on disk when it is told.

        Raises:
            StorageError: It cannot be remembered; the former one holds.
        """
        async with self._changing:
            if mode is not self.mode:
                await asyncio.to_thread(write_mode, self._path, mode)
                self._log.info("mode changed", mode=mode.value, before=self.mode.value, by=author)
                self.mode = mode
            return await self.tell(author)

    def register(self, desk: ControlDesk) -> None:
        """Have the desk take orders about the mode."""

        async def order(arguments: dict[str, Any]) -> str:
            if arguments["mode"] is not None:
                await self.change(mode_named(arguments["mode"]), "cli")
            return self.mode.value

        desk.register(ORDER, order)

    async def _answer(self, order: ModeOrder) -> SystemMode:
        if order.mode is None:
            return SystemMode(source=NAME, mode=self.mode, author="asked")
        return await self.change(order.mode, order.author)

    async def _obey(self, message: Message) -> None:
        command: ControlCommand = message.payload
        if (command.target, command.command) != (TARGET, COMMAND):
            return
        try:
            mode = mode_named(command.arguments.get("mode"))
        except UsageError as error:
            self._log.error("a command was not obeyed", source=command.source, error=str(error))
            return
        await self.change(mode, command.source or "bus")


def mode_named(name: object) -> Mode:
    """The mode of this name.

    Raises:
        UsageError: There is none.
    """
    try:
        return Mode(str(name))
    except ValueError as error:
        raise UsageError(f"there is no mode {name!r}; there are: {', '.join(Mode)}") from error


def read_mode(path: Path) -> Mode:
    """The mode that a file remembers; home when there is no file.

    Raises:
        StorageError: It cannot be read or holds no mode.
    """
    try:
        return mode_named(json.loads(path.read_text())["mode"])
    except FileNotFoundError:
        return Mode.HOME
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        raise StorageError(
            f"{path} does not tell the mode ({error}); delete it and choose one with "
            "`spyoncino mode`"
        ) from error


def write_mode(path: Path, mode: Mode) -> None:
    """Remember a mode, whole or not at all, also through a power cut.

    Raises:
        StorageError: The disk refused.
    """
    draft = path.with_suffix(".new")
    try:
        with draft.open("w") as file:
            json.dump({"mode": mode.value}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageError(
            f"the mode cannot be remembered in {path} ({error.strerror}); the former one holds"
        ) from error


async def order_mode(folder: DataFolder, mode: str | None) -> str:
    """Choose a mode, or ask for it, whether main runs or not.

    Args:
        folder: The data folder.
        mode: Name of a mode; ``None`` only asks.

    Returns:
        Name of the mode that holds now.

    Raises:
        UsageError: There is no such mode.
        StorageError: Main does not answer, or the disk refused.
    """
    wanted = None if mode is None else mode_named(mode)
    if await asyncio.to_thread(lambda: folder.running_process) is not None:
        return str(await ask_main(folder.socket, ORDER, mode=wanted))
    if wanted is None:
        return (await asyncio.to_thread(read_mode, folder.mode)).value

    def write() -> None:
        with ExitStack() as stack:
            stack.enter_context(folder)
            write_mode(folder.mode, wanted)

    await asyncio.to_thread(write)
    return wanted.value
