"""Orders about dead letters, for a running main and for a data folder at rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict
from typing import Any

import structlog

from spyoncino.clock import SystemClock
from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.critical import CriticalLine
from spyoncino.core.paths import DataFolder
from spyoncino.persistence.outbox_rows import DeadLetter

LIST, RETRY, DROP = "dead_letters.list", "dead_letters.retry", "dead_letters.drop"


def register_dead_letters(desk: ControlDesk, line: CriticalLine) -> None:
    """Have the running main obey orders about its dead letters."""

    async def letters(_: dict[str, Any]) -> list[dict[str, Any]]:
        return [_plain(letter) for letter in await line.dead_letters()]

    async def retry(arguments: dict[str, Any]) -> int:
        return await _retried(line, arguments["numbers"])

    async def drop(arguments: dict[str, Any]) -> int:
        return await line.drop_dead_letters([int(number) for number in arguments["numbers"]])

    desk.register(LIST, letters)
    desk.register(RETRY, retry)
    desk.register(DROP, drop)


async def order_dead_letters(folder: DataFolder, order: str, numbers: list[int]) -> Any:
    """Give one of the orders to main, or carry it out when no main runs.

    Args:
        folder: The data folder.
        order: ``LIST``, ``RETRY`` or ``DROP``.
        numbers: Of the dead letters; for ``LIST`` none.

    Returns:
        For ``LIST`` one object for each dead letter, else how many there were.

    Raises:
        StorageError: Main does not answer, or the outbox cannot be opened.
    """
    if await asyncio.to_thread(lambda: folder.running_process) is not None:
        return await ask_main(folder.socket, order, numbers=numbers)
    if not await asyncio.to_thread(folder.outbox.exists):
        return [] if order == LIST else 0
    async with _line_at_rest(folder) as line:
        if order == LIST:
            return [_plain(letter) for letter in await line.dead_letters()]
        if order == RETRY:
            return await _retried(line, numbers)
        return await line.drop_dead_letters(numbers)


@asynccontextmanager
async def _line_at_rest(folder: DataFolder) -> AsyncIterator[CriticalLine]:
    """The outbox of a folder on which no main runs; none can start meanwhile."""
    log = structlog.get_logger("spyoncino.dead_letters")
    line = CriticalLine(folder.outbox, SystemClock(), log, lambda _message, _settled: [])
    with ExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, folder)
        await line.start()
        try:
            yield line
        finally:
            await line.stop()


async def _retried(line: CriticalLine, numbers: list[Any]) -> int:
    return sum([await line.retry_dead_letter(int(number)) for number in numbers])


def _plain(letter: DeadLetter) -> dict[str, Any]:
    return {**asdict(letter), "body": letter.body.decode()}
