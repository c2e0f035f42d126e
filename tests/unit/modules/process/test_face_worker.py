"""The face worker on a real pool: the cases that the specification names (D-TST-08)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from tests.fixtures.face_payloads import FAILS_ALWAYS, FAILS_ONCE
from tests.fixtures.payloads import CAMERA, frame, track, tracks
from tests.fixtures.pool_stage import NO_HEARTBEAT, Stage, pool_of, release_all, settle

from spyoncino.modules.process.face_detector import FaceDetectorModule
from spyoncino.runtime.jobs import Priority, TaskSpec
from spyoncino.runtime.pool_stats import PoolState
from spyoncino.runtime.tasks import FACES
from spyoncino.schemas.faces import FaceDetectionEvent
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import CAMERA_BURST, DETECTION_ERRORS, FACES_DETECTED, MOTION_ZONED
from spyoncino.testing.harness import ModuleHarness

LOOK = TaskSpec(FACES, "tests.fixtures.face_payloads:build_look")

SPECIFIED_METRICS = {
    "detection_count",
    "detection_errors",
    "avg_detection_time",
    "detection_rate",
    "error_rate",
    "queue_size",
    "pending_jobs",
    "worker_count",
    "detector_type",
}
"""D-FDW-16."""

OUR_METRICS = {"faces", "faces_embedded", "looks_overtaken", "looks_shed"}


@asynccontextmanager
async def house(
    harness: ModuleHarness, workers: int = 1, *, holds: bool = True, **settings: Any
) -> AsyncIterator[tuple[Stage, FaceDetectorModule]]:
    """The module in front of a pool that does its jobs when told."""
    async with pool_of(workers, tasks=(LOOK,), limits=NO_HEARTBEAT, holds=holds) as stage:
        harness.context.faces = True
        harness.context.pool = cast("Any", stage.pool)
        module = await harness.add(FaceDetectorModule, enabled=True, **settings)
        yield stage, module


async def somebody(harness: ModuleHarness, pts_s: float, *numbers: int) -> None:
    people = [track(number, at_s=pts_s) for number in numbers or (1,)]
    await harness.publish(MOTION_ZONED, tracks(pts_s, people))
    await harness.settle()
    await settle()


async def press(harness: ModuleHarness, pts_s: float) -> None:
    picture = frame(pts_s).model_copy(update={"trigger_id": "press-1", "source_width_px": 640})
    await harness.publish(CAMERA_BURST.of(CAMERA), picture)
    await harness.settle()
    await settle()


async def told(harness: ModuleHarness, stage: Stage) -> list[FaceDetectionEvent]:
    """What was published once every job at hand is done."""
    await release_all(stage)
    await harness.settle()
    return [each for each in harness.received(FACES_DETECTED) if each.looked]


async def test_worker_pool_initialization(module_harness: ModuleHarness) -> None:
    async with house(module_harness, 2) as (stage, module):
        assert stage.pool.state is PoolState.RUNNING
        metrics = module.get_metrics()
        assert metrics.keys() == SPECIFIED_METRICS | OUR_METRICS
        assert (metrics["worker_count"], metrics["detector_type"]) == (2, "cpu")
        assert {metrics[key] for key in SPECIFIED_METRICS - {"worker_count", "detector_type"}} == {
            0
        }
        assert (await module.health()).state is HealthState.OK


async def test_frame_event_processing(module_harness: ModuleHarness) -> None:
    async with house(module_harness, holds=False) as (stage, module):
        update = tracks(1.0, [track(1, at_s=1.0)])
        await module_harness.feed(MOTION_ZONED, update)
        (event,) = await told(module_harness, stage)
        assert event.frame_event_id == update.event_id
        assert event.correlation_id == update.correlation_id
        assert [face.track_id for face in event.faces] == [1]
        assert event.performance_metrics["attempts"] == 1.0
        metrics = module.get_metrics()
        assert (metrics["detection_count"], metrics["detection_rate"]) == (1, 0.1)


async def test_priority_queue_behavior(module_harness: ModuleHarness) -> None:
    """A worker has a look in hand and one waits: the press that comes last is done before it."""
    async with house(module_harness, max_in_flight=4, every_s=0.1) as (stage, _):
        for number in range(4):
            await somebody(module_harness, 1.0 + number, number + 1)
        await press(module_harness, 6.0)
        waiting = stage.pool.stats().queue_by_priority
        assert waiting[Priority.PRESS] == 1
        assert waiting[Priority.CONTINUOUS] >= 1
        events = await told(module_harness, stage)
        order = [event.frame.pts_s for event in events]
        assert len(order) == 5
        assert order.index(6.0) < 4
        assert order != sorted(order)


async def test_job_timeout_handling(module_harness: ModuleHarness) -> None:
    """A continuous look that nobody begins is dropped and told; a press waits on."""
    async with house(module_harness, max_in_flight=8, every_s=0.1, deadline_s=2.0) as (
        stage,
        module,
    ):
        for number in range(4):
            await somebody(module_harness, 1.0 + number, number + 1)
        await press(module_harness, 6.0)
        queued = stage.pool.stats().queue_by_priority[Priority.CONTINUOUS]
        assert queued >= 1
        await stage.clock.advance(2.5)
        await settle()
        await module_harness.settle()
        reports = module_harness.received(DETECTION_ERRORS)
        assert [each.error_type for each in reports] == ["expired"] * queued
        assert module.get_metrics()["detection_errors"] == queued
        events = await told(module_harness, stage)
        assert 6.0 in [event.frame.pts_s for event in events]
        assert len(events) == 5 - queued


async def test_worker_pool_load_balancing(module_harness: ModuleHarness) -> None:
    async with house(module_harness, 2, every_s=0.1) as (stage, module):
        await somebody(module_harness, 1.0, 1)
        await somebody(module_harness, 2.0, 2)
        assert [len(worker.held) for worker in stage.alive] == [1, 1]
        assert module.get_metrics()["pending_jobs"] == 2
        assert len(await told(module_harness, stage)) == 2
        assert [worker.jobs_done for worker in stage.pool.stats().workers] == [1, 1]


async def test_detection_result_publishing(module_harness: ModuleHarness) -> None:
    """Several faces of one frame are one message; each frame has its own, with its numbers."""
    async with house(module_harness, 2, every_s=0.1) as (stage, _):
        await somebody(module_harness, 1.0, 1, 2, 3)
        await somebody(module_harness, 2.0, 4)
        events = await told(module_harness, stage)
        assert [[face.track_id for face in each.faces] for each in events] == [[1, 2, 3], [4]]
        first = events[0].detection_metadata
        assert (first.face_count, first.detector_type) == (3, "mock:faces")
        assert len(first.confidence_scores) == 3
        assert len({event.event_id for event in events}) == 2
        assert module_harness.captures.held == 0


async def test_error_handling_and_recovery(module_harness: ModuleHarness) -> None:
    async with house(module_harness, max_faces=FAILS_ONCE, retry_delay_s=1.0) as (stage, module):
        await somebody(module_harness, 1.0)
        assert await told(module_harness, stage) == []
        await stage.clock.advance(1.5)
        await settle()
        assert len(await told(module_harness, stage)) == 1, "the second attempt succeeded"
        assert stage.pool.stats().retried == 1
        assert module_harness.received(DETECTION_ERRORS) == []
        assert (await module.health()).state is HealthState.OK


async def test_a_look_that_fails_for_good_is_told_and_the_next_one_is_made(
    module_harness: ModuleHarness,
) -> None:
    async with house(module_harness, max_faces=FAILS_ALWAYS, max_retries=0, every_s=0.1) as (
        stage,
        module,
    ):
        await somebody(module_harness, 1.0)
        assert await told(module_harness, stage) == []
        (report,) = module_harness.received(DETECTION_ERRORS)
        assert report.data.keys() == {
            "component",
            "error",
            "error_type",
            "frame_event_id",
            "detector_type",
            "worker_metrics",
        }
        assert (report.error_type, report.component) == ("ModelError", "process.face_detector")
        assert (await module.health()).state is HealthState.DEGRADED
        stats = stage.pool.stats()
        assert (stats.state, stats.job_errors) == (PoolState.RUNNING, 1)


async def test_graceful_shutdown(module_harness: ModuleHarness) -> None:
    """What is in work is given up, every picture is given back, and no worker is left."""
    async with house(module_harness, max_in_flight=4, every_s=0.1) as (stage, module):
        for number in range(3):
            await somebody(module_harness, 1.0 + number, number + 1)
        assert module_harness.captures.held > 0
        await module.stop()
        assert module_harness.captures.held == 0
        for worker in stage.alive:
            worker.held.clear()
        await stage.pool.stop()
        assert stage.pool.state is PoolState.STOPPED
        assert stage.alive == []
        assert stage.pool.stats().pending_jobs == 0
