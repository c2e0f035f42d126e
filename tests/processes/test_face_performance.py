"""The benchmarks' own functions on a real pool for a moment: the cases of D-TST-09.

Facts are judged, never times: those belong to ``benchmarks/`` on a quiet machine.
"""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spyoncino.clock import SystemClock
from spyoncino.runtime.face_task import build_face_task
from spyoncino.runtime.frame_ring import FrameHandle, FrameRing
from spyoncino.runtime.jobs import Job, Priority, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.tasks import FACES, TASK_FACTORIES, FaceJob, FaceRegion, FaceResult

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # benchmarks import each other by their bare names

import bench_faces  # noqa: E402 - the path comes first
import bench_pool  # noqa: E402

pytestmark = [pytest.mark.processes, pytest.mark.timeout(90)]

FACE_TASK = TaskSpec(FACES, TASK_FACTORIES[FACES])
ECHO = TaskSpec("echo", "tests.fixtures.pool_tasks:build_echo")
WHO = TaskSpec("who", "tests.fixtures.pool_tasks:build_who")
MIB = 2**20

Scene = tuple[FrameHandle, tuple[FaceRegion, ...]]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A frame of the ring with two visitors, and where they stand."""
    i420, regions = bench_faces.scene()
    ring = FrameRing.create(tmp_path_factory.mktemp("ring"), "bench", 1, i420.size)
    slot = ring.claim()
    assert slot is not None
    ring.picture(slot, bench_faces.WIDTH_PX, bench_faces.HEIGHT_PX)[:] = i420
    yield ring.publish(slot, bench_faces.WIDTH_PX, bench_faces.HEIGHT_PX), regions
    ring.close()


async def test_throughput_benchmark() -> None:
    async with WorkerPool([ECHO], 2, SystemClock()) as pool:
        per_second = await bench_pool.throughput(pool, "echo", 0.3)
        stats = pool.stats()
    assert per_second > 0
    assert stats.job_count >= 4, "two workers with two lanes each"
    assert (stats.job_errors, stats.rejected, stats.expired, stats.evicted) == (0, 0, 0, 0)
    assert stats.pending_jobs == 0


def test_latency_measurement(scene: Scene) -> None:
    handle, regions = scene
    task = build_face_task({})
    results: list[FaceResult] = []

    class Counted(type(task)):  # type: ignore[misc]
        def __call__(self, job: FaceJob) -> FaceResult:
            results.append(task(job))
            return results[-1]

    median_ms, p95_ms = bench_faces.timed_ms(Counted(task.look), FaceJob(handle, regions), 0.0)
    task.close()
    assert 0 < median_ms <= p95_ms
    assert len(results) == 5, "at least five calls, however slow they are"
    assert {tuple(face.track_id for face in each.faces) for each in results} <= {(0, 1), (1, 0)}
    assert all(each.metrics.inference_ms > 0 and each.embed_ms > 0 for each in results)


async def test_memory_usage_per_worker(scene: Scene) -> None:
    """D-FDW-30 asks for less than 200 MB of a worker with the face models."""
    handle, regions = scene
    async with WorkerPool([FACE_TASK], 1, SystemClock()) as pool:
        await pool.submit(Job(FACES, FaceJob(handle, regions)))
        (worker,) = pool.stats().workers
    assert 20 * MIB < worker.pss_bytes < 200 * MIB


async def test_concurrent_detection_performance(scene: Scene) -> None:
    """Two workers share the looks of one moment, and what they find does not depend on which."""
    handle, regions = scene
    async with WorkerPool([FACE_TASK], 2, SystemClock()) as pool:
        futures = [pool.try_submit(Job(FACES, FaceJob(handle, regions))) for _ in range(6)]
        results = [await each for each in futures]
        stats = pool.stats()
    assert all(each.success for each in results)
    first: FaceResult = results[0].value
    assert len(first.faces) == 2
    assert all(each.value.faces == first.faces for each in results)
    assert sum(worker.jobs_done for worker in stats.workers) == 6
    assert all(worker.jobs_done >= 1 for worker in stats.workers)
    assert stats.job_count == 6


async def test_queue_backlog_handling() -> None:
    """More than the queue holds: what is continuous gives way and is counted, presses are done."""
    limits = PoolLimits(max_queue_size=5)
    async with WorkerPool([WHO], 1, SystemClock(), limits=limits) as pool:
        some = [Job("who", 0.02) for _ in range(20)]
        presses = [Job("who", 0.0, Priority.PRESS) for _ in range(3)]
        ends = await asyncio.gather(*(pool.run(job) for job in (*some, *presses)))
        stats = pool.stats()
    assert all(each.success for each in ends[20:])
    done = sum(each.success for each in ends[:20])
    shed = sum(stats.shed_by_priority.values())
    assert done + shed == 20
    assert shed == stats.rejected + stats.evicted + stats.expired > 0
    assert stats.shed_by_priority.get(Priority.PRESS, 0) == 0
    assert stats.pending_jobs == 0
