import asyncio

import pytest
import structlog
from structlog.testing import capture_logs

from spyoncino.modules.chores import Chores


@pytest.fixture
def chores() -> Chores:
    return Chores(structlog.get_logger("tests"))


async def test_finished_waits_for_tasks_and_for_what_they_start(chores: Chores) -> None:
    done: list[str] = []

    async def second() -> None:
        await asyncio.sleep(0)
        done.append("second")

    async def first() -> None:
        await asyncio.sleep(0)
        chores.start(second(), "second")
        done.append("first")

    chores.start(first(), "first")
    assert len(chores) == 1
    await chores.finished()
    assert done == ["first", "second"]
    assert len(chores) == 0


async def test_an_error_is_logged_and_counted(chores: Chores) -> None:
    async def broken() -> None:
        raise ValueError("wrong number")

    with capture_logs() as logs:
        chores.start(broken(), "sum")
        await chores.finished()
    assert (chores.failed_count, chores.last_error) == (1, "wrong number")
    assert [(line["event"], line["task"]) for line in logs] == [("background work failed", "sum")]


async def test_an_error_without_words_is_told_by_its_name(chores: Chores) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    chores.start(broken(), "sum")
    await chores.finished()
    assert chores.last_error == "ZeroDivisionError"


async def test_cancel_also_ends_what_a_cancelled_task_starts(chores: Chores) -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async def stubborn() -> None:
        try:
            await forever()
        finally:
            chores.start(forever(), "another")

    chores.start(stubborn(), "stubborn")
    await asyncio.sleep(0)
    await chores.cancel()
    assert len(chores) == 0
    assert chores.failed_count == 0


async def test_progress_returns_when_one_is_done_or_when_there_is_none(chores: Chores) -> None:
    await chores.progress()
    gate = asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    async def quick() -> None:
        await asyncio.sleep(0)

    chores.start(wait(), "wait")
    chores.start(quick(), "quick")
    await chores.progress()
    assert len(chores) == 1
    gate.set()
    await chores.finished()
