"""The socket between commands and the running main."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.errors import StorageError, UsageError


@asynccontextmanager
async def desk_at(path: Path) -> AsyncIterator[ControlDesk]:
    desk = ControlDesk(path)

    async def double(arguments: dict[str, Any]) -> int:
        return int(arguments["number"]) * 2

    async def refuse(_: dict[str, Any]) -> None:
        raise UsageError("not on a Sunday")

    async def forever(_: dict[str, Any]) -> None:
        await asyncio.Event().wait()

    for name, order in (("double", double), ("refuse", refuse), ("forever", forever)):
        desk.register(f"test.{name}", order)
    await desk.open()
    try:
        yield desk
    finally:
        await desk.close()


async def test_an_order_is_obeyed_and_answered(tmp_path: Path) -> None:
    async with desk_at(tmp_path / "socket"):
        assert await ask_main(tmp_path / "socket", "test.double", number=21) == 42


async def test_a_path_of_any_length_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    await asyncio.to_thread(folder.mkdir)
    async with desk_at(folder / "socket"):
        assert await ask_main(folder / "socket", "test.double", number=1) == 2


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ("test.refuse", "not on a Sunday"),
        ("test.unknown", "no order 'test.unknown'"),
        ("test.double", "wrong arguments"),
    ],
)
async def test_a_refusal_is_the_sentence_of_main(tmp_path: Path, order: str, sentence: str) -> None:
    async with desk_at(tmp_path / "socket"):
        with pytest.raises(UsageError, match=sentence):
            await ask_main(tmp_path / "socket", order)


async def test_without_a_main_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="start `spyoncino run`"):
        await ask_main(tmp_path / "socket", "test.double", number=1)


async def test_only_its_owner_may_open_it_and_it_goes_with_main(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with desk_at(path):
        mode = (await asyncio.to_thread(path.stat)).st_mode
        assert stat.S_ISSOCK(mode)
        assert mode & 0o777 == 0o600
    assert not await asyncio.to_thread(path.exists)


async def test_a_socket_of_a_killed_run_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    await asyncio.to_thread(path.touch)
    async with desk_at(path):
        assert await ask_main(path, "test.double", number=2) == 4


async def test_nonsense_is_answered_and_a_line_without_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with desk_at(path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"nonsense\n")
        assert b"one line of JSON" in await reader.readline()
        writer.write(b"x" * 1_100_000)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        assert await ask_main(path, "test.double", number=3) == 6


async def test_closing_gives_up_orders_that_never_end(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with desk_at(path):
        asking = asyncio.create_task(ask_main(path, "test.forever"))
        await asyncio.sleep(0.05)
    with pytest.raises(StorageError, match="ended before it answered"):
        await asking


async def test_an_order_has_one_home(tmp_path: Path) -> None:
    async with desk_at(tmp_path / "socket") as desk:
        with pytest.raises(UsageError, match="registered twice"):
            desk.register("test.double", desk._orders["test.double"])
