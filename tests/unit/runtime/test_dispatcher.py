"""The life of a job: order, background jobs, expiry, retries, withdrawal."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.fixtures.pool_stage import (
    KILLED,
    pool_of,
    release_all,
    settle,
)

from spyoncino.errors import (
    JobExpiredError,
    JobFailedError,
    StaleFrameError,
)
from spyoncino.runtime.job_queue import OVERTAKEN_AT_MOST
from spyoncino.runtime.jobs import Job, Outcome, Priority
from spyoncino.runtime.pool_limits import PoolLimits


async def test_press_overtakes_everything_that_waits() -> None:
    async with pool_of() as stage:
        done: list[str] = []

        def note(name: str) -> Callable[[asyncio.Future[Any]], None]:
            return lambda _: done.append(name)

        for name, priority in (
            ("running", Priority.CONTINUOUS),
            ("background", Priority.BACKGROUND),
            ("continuous", Priority.CONTINUOUS),
            ("press", Priority.PRESS),
        ):
            future = stage.pool.try_submit(Job("echo", name, priority=priority))
            future.add_done_callback(note(name))
        await release_all(stage)

    assert done == ["running", "press", "continuous", "background"]


async def test_background_jobs_leave_one_worker_to_the_others() -> None:
    async with pool_of(2) as stage:
        for _ in range(3):
            stage.submit(priority=Priority.BACKGROUND)
        await settle()
        assert stage.pool.stats().in_flight == 1

        stage.submit(priority=Priority.PRESS)
        await settle()
        assert stage.pool.stats().in_flight == 2
        await release_all(stage)


async def test_an_old_background_job_that_may_not_run_holds_up_nobody() -> None:
    async with pool_of(2, limits=PoolLimits(max_queue_size=500, heartbeat_timeout_s=1e9)) as stage:
        stage.submit(priority=Priority.BACKGROUND)
        waiting = stage.submit("old", priority=Priority.BACKGROUND)
        await settle()
        frames = [stage.submit() for _ in range(2 * OVERTAKEN_AT_MOST)]
        await settle()
        frame_worker = stage.alive[1]
        while frame_worker.held:
            frame_worker.release()
            await settle()

        assert all(frame.done() for frame in frames)
        assert not waiting.done()
        await release_all(stage)


async def test_background_jobs_take_every_worker_of_a_lossless_pool() -> None:
    async with pool_of(2, lossless=True) as stage:
        for _ in range(2):
            stage.submit(priority=Priority.BACKGROUND)
        await settle()

        assert stage.pool.stats().in_flight == 2
        await release_all(stage)


async def test_shed_jobs_are_warned_of_only_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = PoolLimits(max_queue_size=1, heartbeat_timeout_s=1e9)
    async with pool_of(limits=limits) as stage:
        stage.submit(), stage.submit()
        await settle()
        for _ in range(5):
            await stage.pool.run(Job("echo"))
        assert caplog.text.count("job queue is full") == 1
        await release_all(stage)


async def test_continuous_job_expires_in_the_queue_and_a_press_does_not() -> None:
    async with pool_of(limits=PoolLimits(heartbeat_timeout_s=1e9, job_timeout_s=1e6)) as stage:
        stage.fail("disk")  # holds the only worker, and this kind of job may take long
        await settle()
        frame = stage.submit(priority=Priority.CONTINUOUS)
        hasty = stage.submit(priority=Priority.BACKGROUND, deadline_s=1.0)
        patient = stage.submit("clip", priority=Priority.BACKGROUND)
        press = stage.submit("press", priority=Priority.PRESS, deadline_s=1.0)
        await settle()

        await stage.clock.advance(1.2)
        with pytest.raises(JobExpiredError, match=r"dropped after 1\.\d s in the queue"):
            await hasty
        assert not frame.done()
        await stage.clock.advance(30.0)
        with pytest.raises(JobExpiredError):
            await frame
        assert stage.pool.stats().expired == 2

        await release_all(stage)
        assert (await press, await patient) == ("press", "clip")


async def test_job_that_expired_since_the_last_tick_is_not_started() -> None:
    limits = PoolLimits(heartbeat_timeout_s=1e9, tick_s=60.0)
    async with pool_of(limits=limits) as stage:
        first = stage.submit("first")
        late = stage.submit(deadline_s=1.0)
        await settle()
        await stage.clock.advance(2.0)

        stage.alive[0].release()
        with pytest.raises(JobExpiredError):
            await late
        assert await first == "first"
        assert stage.alive[0].held == []


async def test_task_that_fails_is_retried_with_doubling_delay() -> None:
    async with pool_of(holds=False) as stage:
        await stage.clock.advance(100.0)
        job = stage.fail("disk", retry_delay_s=2.0, max_retries=3)
        await settle()
        retried_at: list[float] = []
        for tenth in range(160):
            if stage.pool.stats().retried > len(retried_at):
                retried_at.append(tenth / 10)
            await stage.clock.advance(0.1)

        # Attempts begin at 0, 2, 6 and 14 s; each of the first three plans the next.
        assert retried_at == [0.0, pytest.approx(2.1, abs=0.11), pytest.approx(6.1, abs=0.11)]
        with pytest.raises(JobFailedError, match=r"'fail' failed after 4 attempts: The disk"):
            await job
        assert stage.pool.stats().job_errors == 1
        assert stage.pool.stats().error_rate == 1.0


async def test_wait_between_retries_has_a_ceiling() -> None:
    limits = PoolLimits(heartbeat_timeout_s=1e9, max_retry_delay_s=3.0)
    async with pool_of(limits=limits, holds=False) as stage:
        job = stage.fail("disk", retry_delay_s=2.0, max_retries=4)
        await stage.clock.advance(2.0 + 3.0 + 3.0 + 2.5)
        assert not job.done()
        await stage.clock.advance(1.0)
        with pytest.raises(JobFailedError, match="after 5 attempts"):
            await job


async def test_result_that_cannot_be_read_is_not_asked_for_again() -> None:
    async with pool_of(holds=False) as stage:
        result = await stage.pool.run(Job("fail", "unreadable"))

    assert (result.outcome, result.metrics.attempts) == (Outcome.FAILED, 1)


async def test_result_tells_how_long_the_job_waited_and_took() -> None:
    async with pool_of() as stage:
        await stage.clock.advance(50.0)
        first, second = (stage.pool.try_submit(Job("echo", number)) for number in range(2))
        await stage.clock.advance(0.5)
        stage.alive[0].release()
        await stage.clock.advance(0.25)
        stage.alive[0].release()

        assert (await first).metrics.waited_ms == 0.0
        assert (await first).metrics.total_ms == pytest.approx(500.0)
        assert (await second).metrics.waited_ms == pytest.approx(500.0)
        assert (await second).metrics.total_ms == pytest.approx(750.0)


async def test_error_that_retrying_cannot_help_fails_at_once() -> None:
    async with pool_of(holds=False) as stage:
        with pytest.raises(JobFailedError, match="after 1 attempt: Slot 3") as caught:
            await stage.pool.submit(Job("fail", "stale"))

        assert isinstance(caught.value.__cause__, StaleFrameError)
        assert stage.pool.stats().retried == 0


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("silent", "ValueError"),
        ("unpicklable", "cannot go to another process"),
        ("huge", "too large"),
        ("unreadable", "its result cannot be read"),
    ],
)
async def test_every_way_to_fail_ends_in_a_sentence(how: str, sentence: str) -> None:
    async with pool_of(holds=False) as stage:
        result = await stage.pool.run(Job("fail", how, max_retries=0))

    assert (result.outcome, result.success) == (Outcome.FAILED, False)
    assert sentence in result.error


async def test_press_is_retried_at_once_and_then_until_patience_ends() -> None:
    limits = PoolLimits(heartbeat_timeout_s=1e9, press_patience_s=60.0, max_retry_delay_s=8.0)
    async with pool_of(limits=limits, holds=False) as stage:
        await stage.clock.advance(100.0)
        press = stage.fail("disk", priority=Priority.PRESS, max_retries=1)
        await settle()
        assert stage.pool.stats().retried == 2  # the first was at once, the second is planned
        await stage.clock.advance(50.0)
        assert not press.done()
        assert stage.pool.stats().retried > 5

        await stage.clock.advance(20.0)
        with pytest.raises(JobFailedError, match="The disk is full"):
            await press


async def test_deadline_of_a_press_is_the_patience_for_its_retries() -> None:
    async with pool_of(holds=False) as stage:
        await stage.clock.advance(100.0)
        press = stage.fail("disk", priority=Priority.PRESS, max_retries=0, deadline_s=5.0)
        await stage.clock.advance(4.0)
        assert not press.done()
        await stage.clock.advance(6.0)
        with pytest.raises(JobFailedError):
            await press


async def test_lossless_pool_retries_a_press_no_oftener_than_asked() -> None:
    async with pool_of(holds=False, lossless=True) as stage:
        result = await stage.pool.run(Job("fail", "disk", Priority.PRESS, max_retries=0))

    assert result.metrics.attempts == 1


async def test_waiting_callers_of_a_lossless_pool_hear_that_no_worker_is_left() -> None:
    limits = PoolLimits(heartbeat_timeout_s=1e9, give_up_after=0, max_queue_size=1)
    async with pool_of(limits=limits, lossless=True) as stage:
        jobs = [stage.submit(number) for number in range(4)]
        await settle()
        stage.alive[0].die(KILLED)

        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert [type(result) for result in results] == [JobFailedError] * 4
        assert stage.pool.stats().queue_size == 0
        refused = await stage.pool.run(Job("echo"))
        assert refused.outcome is Outcome.FAILED


async def test_cancelled_caller_withdraws_a_waiting_job() -> None:
    async with pool_of() as stage:
        running, waiting = stage.submit("running"), stage.submit("waiting")
        await settle()
        waiting.cancel()
        await settle()

        assert stage.pool.stats().queue_size == 0
        assert stage.pool.stats().cancelled == 1
        await release_all(stage)
        assert await running == "running"


async def test_cancelled_caller_lets_a_running_job_end_unheard() -> None:
    async with pool_of() as stage:
        running = stage.submit("running")
        await settle()
        running.cancel()
        await settle()
        await stage.pool.drain()
        await release_all(stage)

        assert stage.pool.stats().job_count == 0
        assert stage.pool.stats().workers[0].state == "idle"


async def test_withdrawn_job_is_neither_retried_nor_started() -> None:
    async with pool_of() as stage:
        lost = stage.submit("lost")
        await settle()
        lost.cancel()
        await settle()
        stage.alive[0].die(KILLED)
        await settle()
        assert stage.pool.stats().retried == 0

        between = stage.fail("disk")
        await stage.clock.advance(0.1)
        await settle()
        stage.alive[0].release()
        between.cancel()
        await stage.clock.advance(1.1)
        assert stage.alive[0].held == []


async def test_job_that_is_withdrawn_in_the_moment_of_dispatch_is_passed_over() -> None:
    async with pool_of() as stage:
        first = stage.pool.try_submit(Job("echo", 1))
        second = stage.pool.try_submit(Job("echo", 2))
        second.cancel()
        stage.alive[0].release()

        assert (await first).value == 1
        assert stage.alive[0].held == []


async def test_caller_that_waits_for_room_can_be_cancelled() -> None:
    limits = PoolLimits(max_queue_size=1, heartbeat_timeout_s=1e9)
    async with pool_of(limits=limits, lossless=True) as stage:
        jobs = [stage.submit(number) for number in range(3)]
        await settle()
        jobs[2].cancel()
        await settle()
        assert stage.pool.stats().pending_jobs == 2

        await release_all(stage)
        assert [await jobs[0], await jobs[1]] == [0, 1]


async def test_job_that_fails_while_the_pool_stops_is_not_retried() -> None:
    async with pool_of() as stage:
        failing = stage.fail("disk")
        await settle()
        worker = stage.alive[0]
        stopping = asyncio.create_task(stage.pool.stop())
        await settle()
        worker.release()
        await stopping

        with pytest.raises(JobFailedError, match="after 1 attempt"):
            await failing
