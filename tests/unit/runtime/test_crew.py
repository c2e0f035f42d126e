"""Workers that die, hang, fall silent or never start, and what replaces them."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.fixtures.pool_stage import (
    ECHO,
    KILLED,
    NO_HEARTBEAT,
    Stage,
    pool_of,
    release_all,
    settle,
)

from spyoncino.clock import FakeClock
from spyoncino.errors import (
    JobError,
    JobFailedError,
    JobRejectedError,
)
from spyoncino.runtime.inline_worker import InlineWorker, InlineWorkers
from spyoncino.runtime.jobs import Job, Priority, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.pool_stats import PoolState
from spyoncino.runtime.worker_link import WorkerListener
from spyoncino.runtime.worker_messages import Heartbeat, JobDone, Ready


async def test_worker_pool_load_balancing() -> None:
    async with pool_of(3) as stage:
        for number in range(6):
            stage.submit(number)
        await settle()

        assert [len(worker.held) for worker in stage.alive] == [1, 1, 1]
        assert stage.pool.stats().in_flight == 3
        assert stage.pool.stats().queue_size == 3
        for worker in stage.alive * 2:
            worker.release()
        assert [worker.jobs_done for worker in stage.pool.stats().workers] == [2, 2, 2]


async def test_error_handling_and_recovery() -> None:
    async with pool_of(2) as stage:
        press = stage.submit("press", priority=Priority.PRESS)
        await settle()
        lost = stage.alive[0].held[0].job_id
        stage.alive[0].die(KILLED)

        assert stage.pool.stats().state is PoolState.DEGRADED
        assert stage.alive[0].held[0].job_id == lost  # on the other worker, at once
        await settle()
        assert stage.pool.stats().state is PoolState.RUNNING
        assert stage.pool.stats().restarts == 1
        await release_all(stage)
        assert await press == "press"


async def test_retried_job_prefers_another_worker() -> None:
    async with pool_of(2) as stage:
        job = stage.fail("disk", retry_delay_s=1.0)
        await settle()
        stage.alive[0].release()
        await stage.clock.advance(1.0)

        assert [len(worker.held) for worker in stage.alive] == [0, 1]
        job.cancel()


async def test_hung_job_is_ended_by_the_hard_limit_of_its_kind() -> None:
    async with pool_of() as stage:
        job = stage.submit("press", priority=Priority.PRESS)
        await stage.clock.advance(4.9)
        assert stage.pool.stats().restarts == 0
        await stage.clock.advance(0.3)
        assert stage.pool.stats().restarts == 1
        assert len(stage.launcher.started) == 2
        assert len(stage.alive) == 1

        await release_all(stage)
        assert await job == "press"


async def test_silent_worker_is_replaced_and_a_beating_one_is_not() -> None:
    async with pool_of(2, limits=PoolLimits()) as stage:
        silent, beating = stage.alive
        for _ in range(6):
            beating.say(Heartbeat(50_000_000))
            await stage.clock.advance(0.5)

        assert not silent.is_alive
        assert beating.is_alive
        second = stage.pool.stats().workers[1]
        assert (second.restarts, second.pss_bytes) == (0, 50_000_000)


async def test_beat_without_a_measurement_keeps_the_last_one() -> None:
    async with pool_of() as stage:
        stage.alive[0].say(Heartbeat(7))
        stage.alive[0].say(Heartbeat())

        assert stage.pool.stats().workers[0].pss_bytes == 7


async def test_an_idle_worker_that_leaks_is_replaced_and_a_busy_one_may_finish() -> None:
    async with pool_of(2, limits=PoolLimits(worker_memory_bytes=100)) as stage:
        job = stage.submit("long")
        await settle()
        busy, idle = stage.alive
        for worker in (busy, idle):
            worker.say(Heartbeat(200))
        await stage.clock.advance(0.2)

        assert (busy.is_alive, idle.is_alive) == (True, False)
        busy.release()
        assert await job == "long"
        await stage.clock.advance(0.2)
        assert not busy.is_alive
        assert stage.pool.stats().restarts == 2


async def test_a_model_that_needs_more_from_the_start_is_no_leak() -> None:
    async with pool_of(limits=PoolLimits(worker_memory_bytes=100)) as stage:
        (worker,) = stage.alive
        worker.say(Ready(0.0, 150))
        worker.say(Heartbeat(220))
        await stage.clock.advance(0.2)
        assert worker.is_alive


async def test_pool_that_was_suspended_itself_blames_no_worker() -> None:
    async with pool_of(limits=PoolLimits()) as stage:
        await stage.clock.advance(0.1)
        stage.clock.suspended_ns += 3600 * 10**9
        await stage.clock.advance(0.2)

        assert stage.pool.stats().restarts == 0


async def test_supervisor_that_is_a_little_late_still_judges() -> None:
    async with pool_of(limits=PoolLimits()) as stage:
        for _ in range(6):
            await stage.clock.advance(0.1)
            stage.clock.suspended_ns += 500_000_000

        await stage.clock.advance(0.1)
        assert stage.pool.stats().restarts == 1


async def test_what_a_replaced_worker_says_comes_too_late() -> None:
    async with pool_of() as stage:
        job = stage.submit("again", priority=Priority.PRESS)
        await settle()
        hung = stage.alive[0]
        lost = hung.held[0].job_id
        await stage.clock.advance(5.1)
        hung.is_alive = True
        hung.say(JobDone(lost))
        hung.is_alive = False
        await stage.clock.advance(0.1)
        assert not job.done()
        await release_all(stage)
        assert await job == "again"


async def test_answer_to_a_job_that_the_worker_does_not_have_is_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with pool_of() as stage:
        stage.alive[0].say(JobDone("nobody-1"))
        job = stage.submit("mine")
        await settle()
        stage.alive[0].say(JobDone("nobody-2"))

        await release_all(stage)
        assert await job == "mine"
    assert "nobody-1" in caplog.text
    assert "nobody-2" in caplog.text


async def test_worker_that_fails_too_many_jobs_in_a_row_is_replaced() -> None:
    limits = PoolLimits(worker_restart_threshold=3, heartbeat_timeout_s=1e9)
    async with pool_of(limits=limits, holds=False) as stage:
        for _ in range(3):
            await stage.pool.run(Job("fail", "disk", max_retries=0))
        await stage.clock.advance(0.1)

        assert stage.pool.stats().restarts == 1


async def test_stale_frames_are_not_held_against_the_worker() -> None:
    limits = PoolLimits(worker_restart_threshold=3, heartbeat_timeout_s=1e9)
    async with pool_of(limits=limits, holds=False) as stage:
        for _ in range(5):
            await stage.pool.run(Job("fail", "stale"))
        await stage.clock.advance(0.1)

        assert stage.pool.stats().restarts == 0


async def test_fruitless_restarts_wait_longer_and_longer_until_the_worker_is_given_up() -> None:
    limits = PoolLimits(heartbeat_timeout_s=1e9, give_up_after=4, restart_delay_s=1.0)
    async with pool_of(limits=limits) as stage:
        job = stage.submit(priority=Priority.BACKGROUND, max_retries=10)
        for pause_s in (0.0, 1.0, 2.0, 4.0):
            await settle()
            stage.alive[0].die(KILLED)
            assert (stage.alive == []) == (pause_s > 0)
            await stage.clock.advance(max(pause_s - 0.2, 0.0))
            assert (stage.alive == []) == (pause_s > 0)
            await stage.clock.advance(0.4)
            assert len(stage.alive) == 1
        await settle()
        stage.alive[0].die(KILLED)

        assert stage.pool.stats().state is PoolState.FAILED
        with pytest.raises(JobFailedError, match="No worker is left"):
            await job
        with pytest.raises(JobFailedError, match="No worker is left"):
            await stage.pool.submit(Job("echo"))
        with pytest.raises(JobRejectedError, match="No worker is left"):
            stage.pool.try_submit(Job("echo"))

        await stage.clock.advance(60.1)
        await settle()
        assert stage.pool.stats().state is PoolState.RUNNING
        healed = stage.submit("healed")
        await settle()
        await release_all(stage)
        assert await healed == "healed"


async def test_pool_whose_processes_die_at_start_says_so() -> None:
    stage = Stage(1, (ECHO,), NO_HEARTBEAT, holds=False, lossless=False)
    starting = asyncio.create_task(stage.pool.start())
    await asyncio.sleep(0)
    stage.launcher.started[0].die("ended with exit code 9")

    with pytest.raises(JobError, match="No worker process could be started: its process ended"):
        await starting


async def test_pool_runs_with_fewer_workers_when_some_cannot_start() -> None:
    stage = Stage(2, (ECHO,), NO_HEARTBEAT, holds=False, lossless=False)
    starting = asyncio.create_task(stage.pool.start())
    await asyncio.sleep(0)
    stage.launcher.started[1].die("ended with exit code 9")
    await starting

    assert stage.pool.stats().state is PoolState.DEGRADED
    assert await stage.pool.submit(Job("echo", 5)) == 5
    await stage.clock.advance(0.1)
    await settle()
    assert stage.pool.stats().state is PoolState.RUNNING
    await stage.pool.stop()


class FirstComesFirst(InlineWorkers):
    """The first worker is ready a moment later, the others take their time."""

    def launch(
        self, name: str, tasks: Sequence[TaskSpec], limits: PoolLimits, listener: WorkerListener
    ) -> InlineWorker:
        worker = super().launch(name, tasks, limits, listener)
        self.is_slow = True
        return worker


async def test_pool_may_be_used_when_one_worker_is_ready_and_starts_until_all_are() -> None:
    launcher = FirstComesFirst()
    pool = WorkerPool([ECHO], 2, FakeClock(), limits=NO_HEARTBEAT, launcher=launcher)

    await pool.start(minimum=1)

    assert pool.stats().state is PoolState.STARTING
    assert pool.stats().workers_ready == 1
    assert await pool.submit(Job("echo", 5)) == 5
    launcher.started[1].build([ECHO])
    assert pool.stats().state is PoolState.RUNNING
    await pool.stop()


async def test_a_late_worker_that_cannot_start_leaves_the_pool_degraded() -> None:
    launcher = FirstComesFirst()
    pool = WorkerPool([ECHO], 2, FakeClock(), limits=NO_HEARTBEAT, launcher=launcher)
    await pool.start(minimum=1)

    launcher.started[1].die("ended with exit code 9")

    assert pool.stats().state is PoolState.DEGRADED
    await pool.stop()


async def test_worker_that_is_not_ready_in_time_is_replaced() -> None:
    async with pool_of(limits=PoolLimits(start_timeout_s=1.0)) as stage:
        stage.launcher.is_slow = True
        stage.alive[0].die("ended with exit code 1")
        assert stage.pool.stats().workers[0].state == "starting"
        stage.launcher.is_slow = False
        await stage.clock.advance(1.3)

        assert stage.pool.stats().restarts == 2
        assert stage.pool.stats().state is PoolState.RUNNING


async def test_worker_that_does_not_end_is_killed_and_its_job_cancelled() -> None:
    async with pool_of() as stage:
        await stage.clock.advance(100.0)
        stage.alive[0].ignores_stop = True
        job = stage.submit("never")
        await settle()
        stopping = asyncio.create_task(stage.pool.stop(timeout_s=2.0))
        await settle()
        await stage.clock.advance(1.7)
        assert not stopping.done()
        await stage.clock.advance(0.3)
        await stopping

        assert stage.alive == []
        with pytest.raises((JobRejectedError, JobFailedError)):
            await job


async def test_stop_ends_in_time_even_when_a_worker_cannot_be_killed() -> None:
    async with pool_of() as stage:
        await stage.clock.advance(100.0)
        immortal = stage.alive[0]
        immortal.ignores_stop = immortal.ignores_kill = True
        job = stage.submit("never")
        await settle()
        stopping = asyncio.create_task(stage.pool.stop(timeout_s=2.0))
        await settle()
        await stage.clock.advance(1.8)
        assert not stopping.done()
        await stage.clock.advance(2.2)
        await stopping

        with pytest.raises(JobRejectedError, match="pool is stopped"):
            await job
