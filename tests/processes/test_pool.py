"""The pool with real spawned workers: killed, stopped, dying at start, outliving nobody."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from spyoncino.clock import SystemClock
from spyoncino.errors import JobError, JobFailedError, ModelError
from spyoncino.runtime.jobs import Job, Priority, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.pool_stats import PoolState

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

ROOT = Path(__file__).resolve().parents[2]
TASKS = "tests.fixtures.pool_tasks"
ECHO = TaskSpec("echo", f"{TASKS}:build_echo")
WHO = TaskSpec("who", f"{TASKS}:build_who")
FAILING = TaskSpec("fail", f"{TASKS}:build_failing")
QUICK = PoolLimits(heartbeat_interval_s=0.1, heartbeat_timeout_s=1.0, stop_timeout_s=5.0)
PATIENCE_S = 20.0


@asynccontextmanager
async def pool_of(
    workers: int = 1, *tasks: TaskSpec, limits: PoolLimits = QUICK
) -> AsyncIterator[WorkerPool]:
    """A started pool of real processes."""
    async with WorkerPool(
        tasks or (ECHO, WHO, FAILING), workers, SystemClock(), limits=limits
    ) as pool:
        yield pool


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens outside the loop."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - no event tells what another process does
            await asyncio.sleep(0.01)


def pids(pool: WorkerPool) -> list[int]:
    """The worker processes of now."""
    return [worker.pid for worker in pool.stats().workers]


async def test_worker_pool_load_balancing() -> None:
    async with pool_of(2) as pool:
        jobs = [pool.submit(Job("who", 0.05)) for _ in range(6)]

        assert sorted(set(await asyncio.gather(*jobs))) == sorted(pids(pool))


async def test_killed_worker_is_replaced_and_its_press_done_elsewhere() -> None:
    async with pool_of(2) as pool:
        first = asyncio.create_task(pool.submit(Job("who", 0.5, Priority.PRESS)))
        await until(lambda: pool.stats().in_flight == 1)
        victim = next(worker.pid for worker in pool.stats().workers if worker.state == "busy")
        os.kill(victim, signal.SIGKILL)

        assert await first != victim
        await until(lambda: pool.state is PoolState.RUNNING)
        assert victim not in pids(pool)
        assert pool.stats().restarts == 1


async def test_stopped_worker_is_noticed_by_its_silence() -> None:
    async with pool_of(1) as pool:
        frozen = pids(pool)[0]
        os.kill(frozen, signal.SIGSTOP)
        press = asyncio.create_task(pool.submit(Job("who", 0.0, Priority.PRESS)))

        assert await press != frozen
        assert not psutil.pid_exists(frozen)


async def test_job_beyond_its_hard_limit_is_ended_with_its_worker() -> None:
    async with pool_of(1, TaskSpec("who", f"{TASKS}:build_who", timeout_s=0.3), ECHO) as pool:
        slow = pids(pool)[0]
        with pytest.raises(JobFailedError, match=r"took longer than 0\.3 s"):
            await pool.submit(Job("who", 30.0, max_retries=0))

        assert await pool.submit(Job("echo", "on")) == "on"
        assert slow not in pids(pool)


async def test_task_that_ends_its_process_fails_alone() -> None:
    async with pool_of(2) as pool:
        deadly = asyncio.create_task(pool.submit(Job("fail", "exit", max_retries=0)))
        others = [pool.submit(Job("echo", number)) for number in range(20)]

        assert await asyncio.gather(*others) == list(range(20))
        with pytest.raises(JobFailedError, match="its process ended with exit code 7"):
            await deadly


async def test_large_payloads_and_results_travel_whole() -> None:
    async with pool_of(2) as pool:
        texts = [os.urandom(3_000_000), os.urandom(1_500_000)]

        assert await asyncio.gather(*(pool.submit(Job("echo", text)) for text in texts)) == texts


@pytest.mark.alone
async def test_payload_that_a_stopped_worker_does_not_read_blocks_nobody() -> None:
    async with pool_of(1) as pool:
        os.kill(pids(pool)[0], signal.SIGSTOP)
        text = os.urandom(3_000_000)
        began = time.monotonic()
        job = pool.try_submit(Job("echo", text, Priority.PRESS))
        assert time.monotonic() - began < 0.5

        assert (await job).value == text


async def test_model_that_cannot_be_loaded_is_told_at_start_and_leaves_no_process() -> None:
    before = set(psutil.Process().children())
    with pytest.raises(ModelError, match="was altered"):
        async with pool_of(2, ECHO, TaskSpec("broken", f"{TASKS}:build_broken")):
            pytest.fail("started with a broken model")

    assert [child for child in psutil.Process().children() if _is_new_worker(child, before)] == []


async def test_process_that_dies_at_start_is_told() -> None:
    with pytest.raises(JobError, match=r"No worker process could be started.*exit code 9"):
        async with pool_of(1, TaskSpec("dying", f"{TASKS}:build_dying")):
            pytest.fail("started with a dying worker")


async def test_graceful_shutdown() -> None:
    async with pool_of(2) as pool:
        running = asyncio.create_task(pool.submit(Job("who", 0.3)))
        await until(lambda: pool.stats().in_flight == 1)
        workers = pids(pool)

    assert await running in workers
    assert not any(psutil.pid_exists(pid) for pid in workers)


@pytest.mark.alone
async def test_stop_kills_what_does_not_end_by_itself() -> None:
    limits = PoolLimits(stop_timeout_s=0.5)
    async with pool_of(1, limits=limits) as pool:
        os.kill(pids(pool)[0], signal.SIGSTOP)
        frozen = pids(pool)[0]
        began = time.monotonic()

    assert time.monotonic() - began < 2.0
    assert not psutil.pid_exists(frozen)


async def test_worker_that_was_sent_sigterm_leaves_when_no_order_comes() -> None:
    async with pool_of(1, limits=PoolLimits(stop_timeout_s=0.2)) as pool:
        worker = pids(pool)[0]
        os.kill(worker, signal.SIGTERM)
        await until(lambda: pool.stats().restarts == 1)

        assert await pool.submit(Job("echo", "on")) == "on"
        assert pids(pool) != [worker]


async def test_memory_usage_per_worker() -> None:
    async with pool_of(2) as pool:
        for worker in pool.stats().workers:
            assert 1_000_000 < worker.pss_bytes < 60_000_000


def test_workers_end_when_main_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import asyncio
            from spyoncino.clock import SystemClock
            from spyoncino.runtime.jobs import Job, TaskSpec
            from spyoncino.runtime.pool import WorkerPool

            async def main():
                pool = WorkerPool([TaskSpec("who", "{TASKS}:build_who")], 2, SystemClock())
                await pool.start()
                asyncio.ensure_future(pool.submit(Job("who", 60.0)))
                await asyncio.sleep(0.1)
                print(*(worker.pid for worker in pool.stats().workers), flush=True)
                await asyncio.sleep(60)

            if __name__ == "__main__":
                asyncio.run(main())
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True
    ) as main:
        assert main.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in main.stdout.readline().split()]
        assert len(workers) == 2
        main.kill()

    gone, alive = psutil.wait_procs(workers, timeout=5.0)
    assert alive == []
    assert len(gone) == 2


def _is_new_worker(child: psutil.Process, before: set[psutil.Process]) -> bool:
    try:
        return child not in before and "spawn_main" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        return False
