"""A real loop that is really blocked, by a limit so small that a test can wait for it."""

import asyncio
import time

import structlog
from structlog.testing import capture_logs

from spyoncino.core.loop_watch import BEAT_S, LOOK_S, LoopWatch
from spyoncino.schemas.status import HealthState

LIMIT_S = 0.2
LONG_ENOUGH_S = LIMIT_S + 2 * LOOK_S


def block_the_loop() -> None:
    until_s = time.monotonic() + LONG_ENOUGH_S
    while time.monotonic() < until_s:
        pass


async def test_a_blocked_loop_is_told_once_with_its_stack_and_task() -> None:
    with capture_logs() as lines:
        watch = LoopWatch(structlog.get_logger(), LIMIT_S)
        await watch.start()
        try:
            await asyncio.sleep(2 * BEAT_S)

            async def misbehave() -> None:
                block_the_loop()

            await asyncio.create_task(misbehave(), name="bus:process.slow")
            await asyncio.sleep(3 * BEAT_S)
        finally:
            await watch.stop()
    blocked, *rest = [line for line in lines if line["log_level"] in ("error", "warning")]
    assert blocked["task"] == "bus:process.slow"
    assert "block_the_loop" in blocked["stack"]
    assert [line["event"] for line in rest] == ["recovery: the main process goes on"]
    assert watch.blocks == 1
    assert watch.longest_s >= LIMIT_S
    assert watch.take_lag_s() >= LIMIT_S
    assert watch.take_lag_s() == 0.0
    health = await watch.health()
    assert health.state is HealthState.DEGRADED
    assert "bus:process.slow" in health.detail


async def test_a_loop_that_lives_is_well() -> None:
    watch = LoopWatch(structlog.get_logger(), blocked_s=60)
    await watch.start()
    await asyncio.sleep(2 * LOOK_S)
    await watch.stop()
    assert watch.blocks == 0
    assert (await watch.health()).state is HealthState.OK


async def test_a_process_that_was_stopped_as_a_whole_blocked_nothing() -> None:
    """Time jumps for the watching thread and the loop alike."""
    jump_s = [0.0]
    watch = LoopWatch(structlog.get_logger(), 60, lambda: time.monotonic() + jump_s[0])
    await watch.start()
    await asyncio.sleep(LOOK_S / 2)
    jump_s[0] = 1000.0
    await asyncio.sleep(2 * LOOK_S)
    await watch.stop()
    assert watch.blocks == 0


async def test_a_block_of_long_ago_is_forgotten() -> None:
    now_s = [0.0]
    watch = LoopWatch(structlog.get_logger(), LIMIT_S, lambda: time.monotonic() + now_s[0])
    await watch.start()
    await asyncio.sleep(2 * BEAT_S)
    block_the_loop()
    await watch.stop()
    now_s[0] = 1000.0
    assert watch.blocks == 1
    assert (await watch.health()).state is HealthState.OK
