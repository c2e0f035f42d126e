"""The pool as its users see it: jobs in, results out, figures, start and stop."""

import asyncio

import pytest
from tests.fixtures.pool_stage import (
    BROKEN,
    ECHO,
    NO_HEARTBEAT,
    Stage,
    pool_of,
    release_all,
    settle,
)

from spyoncino.clock import FakeClock
from spyoncino.errors import (
    JobRejectedError,
    ModelError,
    UsageError,
)
from spyoncino.runtime.inline_worker import InlineWorkers
from spyoncino.runtime.jobs import Job, Priority, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.pool_stats import PoolState


async def test_worker_pool_initialization() -> None:
    async with pool_of(2) as stage:
        stats = stage.pool.stats()

        assert stats.state is PoolState.RUNNING
        assert (stats.worker_count, stats.workers_ready, stats.restarts) == (2, 2, 0)
        assert [worker.worker_id for worker in stats.workers] == ["worker-1", "worker-2"]
        assert [worker.state for worker in stats.workers] == ["idle", "idle"]
    assert stage.pool.state is PoolState.STOPPED
    assert stage.alive == []


@pytest.mark.parametrize(
    ("workers", "tasks"), [(0, (ECHO,)), (1, ()), (1, (ECHO, ECHO))], ids=["none", "idle", "twice"]
)
def test_pool_without_workers_or_with_unclear_tasks_is_refused(
    workers: int, tasks: tuple[TaskSpec, ...]
) -> None:
    with pytest.raises(UsageError, match="at least one worker and tasks of unique kinds"):
        WorkerPool(tasks, workers, FakeClock())


async def test_frame_event_processing() -> None:
    async with pool_of(holds=False) as stage:
        result = await stage.pool.run(Job("echo", {"frame": 7}))

    assert (result.value, result.success, result.error) == ({"frame": 7}, True, "")
    assert result.metrics.attempts == 1
    assert result.metrics.worker_id == "worker-1"


async def test_payload_is_taken_as_it_was_when_the_job_was_accepted() -> None:
    async with pool_of() as stage:
        payload = [1]
        future = stage.pool.try_submit(Job("echo", payload))
        payload.append(2)
        stage.alive[0].release()

        assert (await future).value == [1]


async def test_job_of_an_unknown_kind_names_the_known_ones() -> None:
    async with pool_of() as stage:
        with pytest.raises(UsageError, match=r"'faces'; known kinds: echo, fail\."):
            await stage.pool.submit(Job("faces"))


async def test_payload_that_cannot_be_pickled_is_refused_at_once() -> None:
    async with pool_of() as stage:
        with pytest.raises(UsageError, match="cannot go to another process"):
            await stage.pool.submit(Job("echo", lambda: None))
        assert stage.pool.stats().pending_jobs == 0


async def test_queue_backlog_handling() -> None:
    limits = PoolLimits(max_queue_size=2, heartbeat_timeout_s=1e9)
    async with pool_of(limits=limits) as stage:
        running, older, younger = (stage.submit(number) for number in range(3))
        await settle()
        with pytest.raises(JobRejectedError, match="job queue is full"):
            await stage.pool.submit(Job("echo"))
        with pytest.raises(JobRejectedError, match="job queue is full"):
            stage.pool.try_submit(Job("echo"))
        press = stage.submit("press", priority=Priority.PRESS)
        await settle()
        with pytest.raises(JobRejectedError, match="make room for a more urgent job"):
            await younger
        await release_all(stage)
        assert [await running, await older, await press] == [0, 1, "press"]

        stats = stage.pool.stats()
        assert (stats.rejected, stats.evicted, stats.job_count) == (2, 1, 3)
        assert stats.shed_by_priority == {
            Priority.PRESS: 0,
            Priority.CONTINUOUS: 3,
            Priority.BACKGROUND: 0,
        }


async def test_lossless_pool_waits_for_room_and_drops_nothing() -> None:
    limits = PoolLimits(max_queue_size=1, heartbeat_timeout_s=1e9, job_timeout_s=1e9)
    slow_echo = TaskSpec("echo", "tests.fixtures.pool_tasks:build_echo")
    async with pool_of(tasks=(slow_echo,), limits=limits, lossless=True) as stage:
        jobs = [stage.submit(number, deadline_s=1.0) for number in range(10)]
        await settle()
        await stage.clock.advance(100.0)
        assert stage.pool.stats().queue_size == 1

        await release_all(stage)
        assert await asyncio.gather(*jobs) == list(range(10))
        assert stage.pool.stats().shed_by_priority[Priority.CONTINUOUS] == 0


async def test_pool_whose_tasks_cannot_be_built_says_why_and_leaves_nothing() -> None:
    stage = Stage(2, (ECHO, BROKEN), NO_HEARTBEAT, holds=False, lossless=False)

    with pytest.raises(ModelError, match=r"nanodet\.onnx was altered"):
        await stage.pool.start()

    assert stage.pool.state is PoolState.STOPPED
    assert stage.alive == []


async def test_factory_that_cannot_be_imported_is_told_by_name() -> None:
    spec = TaskSpec("echo", "tests.fixtures.pool_tasks:build_nothing")
    stage = Stage(1, (spec,), NO_HEARTBEAT, holds=False, lossless=False)

    with pytest.raises(
        Exception, match=r"'tests.fixtures.pool_tasks:build_nothing' cannot be imported"
    ):
        await stage.pool.start()


async def test_drain_of_a_pool_without_jobs_returns_at_once() -> None:
    async with pool_of() as stage, asyncio.timeout(1.0):
        await stage.pool.drain()


async def test_drain_waits_for_everything_that_is_open() -> None:
    async with pool_of() as stage:
        jobs = [stage.submit(number) for number in range(3)]
        await settle()
        drained = asyncio.create_task(stage.pool.drain())
        await settle()
        assert not drained.done()

        await release_all(stage)
        await drained
        assert all(job.done() for job in jobs)


async def test_graceful_shutdown() -> None:
    async with pool_of(holds=False) as stage:
        worker = stage.alive[0]
        worker.holds = True
        running, waiting = stage.submit("running"), stage.submit("waiting")
        between = stage.fail("disk", priority=Priority.BACKGROUND)
        await settle()
        stopping = asyncio.create_task(stage.pool.stop())
        await settle()
        for cancelled in (waiting, between):
            with pytest.raises(JobRejectedError, match="pool is stopped"):
                await cancelled
        worker.release()
        await stopping

        assert await running == "running"
        assert stage.alive == []
        assert stage.pool.stats().queue_size == 0


async def test_stopped_pool_takes_no_job_and_may_be_stopped_again() -> None:
    async with pool_of() as stage:
        await stage.pool.stop()
        await stage.pool.stop()

        with pytest.raises(JobRejectedError, match="pool is stopped"):
            await stage.pool.submit(Job("echo"))
        with pytest.raises(JobRejectedError, match="pool is stopped"):
            stage.pool.try_submit(Job("echo"))


async def test_pool_that_was_not_started_takes_no_job() -> None:
    pool = WorkerPool((ECHO,), 1, FakeClock(), launcher=InlineWorkers())

    with pytest.raises(JobRejectedError, match="start it first"):
        await pool.submit(Job("echo"))


async def test_pool_can_be_started_again() -> None:
    async with pool_of(holds=False) as stage:
        await stage.pool.stop()
        await stage.pool.start()

        assert await stage.pool.submit(Job("echo", 3)) == 3


async def test_pool_is_a_context_manager() -> None:
    async with WorkerPool((ECHO,), 1, FakeClock(), launcher=InlineWorkers()) as pool:
        assert await pool.submit(Job("echo", "in")) == "in"

    assert pool.state is PoolState.STOPPED


async def test_figures_cover_rate_busy_share_and_quantiles() -> None:
    async with pool_of() as stage:
        assert stage.pool.stats().workers[0].busy_share == 0.0
        for _ in range(5):
            stage.submit(1)
            await settle()
            await stage.clock.advance(0.5)
            await release_all(stage)
            await stage.clock.advance(0.5)

        stats = stage.pool.stats()
        assert stats.job_count == 5
        assert stats.job_rate == pytest.approx(1.0, rel=0.05)
        assert stats.workers[0].busy_share == pytest.approx(0.5, abs=0.06)
        assert stats.total.p50_ms == pytest.approx(500, rel=0.05)
        assert stats.total.max_ms >= stats.total.p99_ms >= stats.total.p95_ms
        assert stats.avg_processing_time_ms >= 0.0


async def test_pressure_is_the_age_of_what_waits_and_what_was_shed() -> None:
    async with pool_of(limits=PoolLimits()) as stage:
        jobs = [stage.submit("runs")]
        await settle()
        jobs += [stage.submit("waits"), stage.submit("clip", priority=Priority.BACKGROUND)]
        await settle()
        await stage.clock.advance(0.5)
        pressure = stage.pool.pressure()
        assert (pressure.continuous_wait_s, pressure.background_wait_s) == (0.5, 0.5)
        assert pressure.continuous_shed == 0
        for job in jobs:
            job.cancel()
