"""The guard works: a handler that blocks the event loop fails its test, a thread may block."""

import asyncio
import time
from pathlib import Path

import pytest
import structlog
from blockbuster import BlockingError
from tests.fixtures.loop_guard import LoopGuard

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message, Receipt
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.topics import DOORBELL_PRESSED

DOOR = DOORBELL_PRESSED.of("door")


def press() -> DoorbellEvent:
    return DoorbellEvent(doorbell="door", camera="door")


async def test_a_handler_that_sleeps_in_the_loop_is_remembered_though_the_bus_survives_it(
    loop_guard: LoopGuard,
) -> None:
    async def sleepy(_: Message) -> None:
        time.sleep(0.001)  # noqa: ASYNC251 - the very thing that must be caught

    with structlog.testing.capture_logs():
        async with Bus(FakeClock()) as bus:
            bus.subscribe(DOOR, sleepy, name="sleepy")
            await bus.publish(DOOR, press())
            await bus.drain()
            assert bus.status().failed == 1
    assert [str(error) for error in loop_guard.forgive()] == ["Blocking call to time.sleep"]


async def test_a_file_read_in_the_loop_is_caught(loop_guard: LoopGuard, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    errors: list[Exception] = []

    def read() -> None:
        file.read_text()

    Receipt(read, errors.append, 0)
    assert isinstance(errors[0], BlockingError)
    assert len(loop_guard.forgive()) == 1


async def test_a_synchronous_handler_may_block_because_it_runs_in_a_thread(
    loop_guard: LoopGuard,
) -> None:
    def sleepy(_: Message) -> None:
        time.sleep(0.001)

    async with Bus(FakeClock()) as bus:
        bus.subscribe(DOOR, sleepy, name="sleepy")
        await bus.publish(DOOR, press())
        await bus.drain()
        assert bus.status().delivered == 1
    assert loop_guard.blocked == []


async def test_the_tests_own_code_may_block(loop_guard: LoopGuard, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    await asyncio.sleep(0)
    assert loop_guard.blocked == []


async def test_a_blocked_loop_fails_the_test_at_its_end(loop_guard: LoopGuard) -> None:
    loop_guard.judge()
    Receipt(lambda: time.sleep(0.001), lambda _: None, 0)
    with pytest.raises(pytest.fail.Exception, match=r"was blocked: Blocking call to time\.sleep"):
        loop_guard.judge()
    loop_guard.judge()
