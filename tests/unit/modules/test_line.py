"""All modules from frame to event together, with a pool that answers in any order it likes."""

import asyncio
import random
from typing import Any

from tests.fixtures.payloads import CAMERA, STILL, frame, motion

from spyoncino.clock import FakeClock
from spyoncino.detectors.results import DetectionMetrics, RawDetection
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.modules.event.builder import EventBuilderModule
from spyoncino.modules.event.clip_builder import ClipBuilderModule
from spyoncino.modules.event.gif_builder import GifBuilderModule
from spyoncino.modules.event.snapshot_writer import SnapshotWriterModule
from spyoncino.modules.process.deduplicator import DeduplicatorModule
from spyoncino.modules.process.motion_detector import MotionDetectorModule
from spyoncino.modules.process.object_detector import ObjectDetectorModule
from spyoncino.modules.process.tracker import TrackerModule
from spyoncino.modules.process.zoning_filter import ZoningFilterModule
from spyoncino.runtime.tasks import (
    FINISH_CLIP,
    OBJECTS,
    PREVIEW,
    SNAPSHOT,
    FinishClipJob,
    FinishClipResult,
    ObjectJob,
    ObjectResult,
    PreviewJob,
    PreviewResult,
    SnapshotJob,
    SnapshotResult,
)
from spyoncino.schemas.control import ZoneDefinition
from spyoncino.schemas.events import DoorbellEvent, Event
from spyoncino.schemas.media import MediaKind
from spyoncino.schemas.topics import CAMERA_FRAME, DOORBELL_PRESSED, EVENT_COMPLETED, MEDIA_READY
from spyoncino.testing.harness import ModuleHarness

FPS = 10
LENGTH_S = 40
VISIT_S = (5.0, 15.0)
PORCH = ZoneDefinition(name="porch", polygon=((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))


def visitor(pts_s: float) -> Box | None:
    """Somebody who walks across the picture once."""
    if not VISIT_S[0] <= pts_s <= VISIT_S[1]:
        return None
    left = 0.05 + 0.08 * (pts_s - VISIT_S[0])
    return Box(left, 0.3, left + 0.1, 0.8)


def find(job: ObjectJob) -> ObjectResult:
    number = job.frame.slot + 16 * (job.frame.generation - 1)
    box = visitor(number / FPS)
    found = (RawDetection("person", 0.8, box),) if box and job.whole else ()
    looked_at = (FULL_PICTURE,) if job.whole else job.regions
    return ObjectResult(found, "mock", looked_at, DetectionMetrics("mock"))


def snapshot(job: SnapshotJob) -> SnapshotResult:
    return SnapshotResult(job.path, 1280, 720, 1)


def finish(job: FinishClipJob) -> FinishClipResult:
    return FinishClipResult(job.final_path, job.start_s, 1.0, 1)


def preview(job: PreviewJob) -> PreviewResult:
    return PreviewResult(job.gif_path, job.webp_path, 1, 1, 320, 180, 1, 1.0)


async def build_line(harness: ModuleHarness) -> None:
    harness.set_camera(zones=(PORCH,))
    harness.pool.answers.update(
        {OBJECTS: find, SNAPSHOT: snapshot, FINISH_CLIP: finish, PREVIEW: preview}
    )
    modules: tuple[type[Any], ...] = (
        MotionDetectorModule,
        ObjectDetectorModule,
        TrackerModule,
        DeduplicatorModule,
        ZoningFilterModule,
        EventBuilderModule,
        SnapshotWriterModule,
        ClipBuilderModule,
        GifBuilderModule,
    )
    for module in modules:
        await harness.add(module)


async def play(harness: ModuleHarness, press_at_s: float | None = None) -> None:
    """The whole video, as fast as the modules take it."""
    for step in range(LENGTH_S * FPS):
        pts_s = step / FPS
        if press_at_s is not None and pts_s == press_at_s:
            press = DoorbellEvent(event_id="press-1", doorbell="bell", camera=CAMERA, pts_s=pts_s)
            await harness.publish(DOORBELL_PRESSED.of("bell"), press)
        box = visitor(pts_s)
        seen = frame(pts_s, motion=motion(box) if box else STILL)
        await harness.publish(CAMERA_FRAME.of(CAMERA), seen)
    end = frame(LENGTH_S - 1 / FPS, end_of_stream=True)
    await harness.publish(CAMERA_FRAME.of(CAMERA), end)


def completed(harness: ModuleHarness) -> list[Event]:
    return [each.event for each in harness.received(EVENT_COMPLETED)]


async def answer_in_disorder(
    harness: ModuleHarness, playing: "asyncio.Task[None]", seed: int
) -> None:
    """Finish the looks that are in work in a random order until the video is over."""
    chance = random.Random(seed)  # noqa: S311 - a test needs to repeat itself
    while not playing.done() or harness.pool.waiting:
        for _ in range(chance.randint(1, 30)):
            await asyncio.sleep(0)
        if harness.pool.waiting:
            asked = chance.choice(harness.pool.waiting)
            asked.finish(find(asked.job.payload))


async def test_a_visit_becomes_one_event_with_all_its_files(
    lossless_harness: ModuleHarness,
) -> None:
    await build_line(lossless_harness)
    await play(lossless_harness, press_at_s=10.0)
    await lossless_harness.drain()
    (event,) = completed(lossless_harness)
    assert (event.type, event.labels, event.presses) == ("person", ("person",), (10.0,))
    assert event.start_s == 5.0
    assert event.end_s == 15.0
    assert [(each.label, each.zones) for each in event.tracks] == [("person", ("porch",))]
    assert event.best is not None
    assert VISIT_S[0] <= event.best.pts_s <= VISIT_S[1]
    kinds = {each.kind for each in lossless_harness.received(MEDIA_READY)}
    assert kinds == set(MediaKind)
    assert lossless_harness.captures.held == 0
    assert {each.event_ref for each in lossless_harness.decisions("clip")} == {event.event_id}


async def test_the_order_in_which_workers_answer_changes_no_event(
    lossless_harness: ModuleHarness, tmp_path: Any
) -> None:
    await build_line(lossless_harness)
    await play(lossless_harness, press_at_s=10.0)
    await lossless_harness.drain()
    expected = [event.model_dump_json() for event in completed(lossless_harness)]
    for seed in range(3):
        async with ModuleHarness(tmp_path / str(seed), FakeClock(), lossless=True) as harness:
            await build_line(harness)
            harness.pool.by_hand.add(OBJECTS)
            playing = asyncio.create_task(play(harness, press_at_s=10.0))
            await answer_in_disorder(harness, playing, seed)
            harness.pool.by_hand.clear()  # the last frames are still on their way
            await harness.drain()
            assert [event.model_dump_json() for event in completed(harness)] == expected
            assert harness.captures.held == 0


async def test_live_with_a_slow_pool_the_visit_is_still_one_event(
    module_harness: ModuleHarness,
) -> None:
    await build_line(module_harness)
    module_harness.pool.by_hand.add(OBJECTS)
    for step in range(LENGTH_S * FPS):
        pts_s = step / FPS
        box = visitor(pts_s)
        seen = frame(pts_s, motion=motion(box) if box else STILL)
        await module_harness.publish(CAMERA_FRAME.of(CAMERA), seen)
        for _ in range(10):
            await asyncio.sleep(0)
        if step % 3 == 0 and module_harness.pool.waiting:
            asked = module_harness.pool.waiting[0]
            asked.finish(find(asked.job.payload))
    end = frame(LENGTH_S - 1 / FPS, end_of_stream=True)
    await module_harness.publish(CAMERA_FRAME.of(CAMERA), end)
    module_harness.pool.by_hand.clear()
    while module_harness.pool.waiting:
        asked = module_harness.pool.waiting[0]
        asked.finish(find(asked.job.payload))
        await module_harness.settle()
    await module_harness.clock.advance(1.0)
    await module_harness.settle()
    await module_harness.drain()
    (event,) = completed(module_harness)
    assert event.type == "person"
    assert module_harness.captures.held == 0
