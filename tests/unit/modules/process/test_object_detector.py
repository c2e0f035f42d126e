import asyncio
from typing import Any

import pytest
from tests.fixtures.payloads import CAMERA, MIDDLE, STILL, frame, motion

from spyoncino.detectors.results import DetectionMetrics, RawDetection
from spyoncino.errors import ConfigError, JobExpiredError, UsageError
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.modules.process.object_detector import (
    LOSSLESS_IN_FLIGHT,
    ObjectDetectorModule,
    ObjectSettings,
    OwnModelSettings,
)
from spyoncino.runtime.jobs import Priority
from spyoncino.runtime.tasks import OBJECTS, ObjectJob, ObjectResult
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.status import HealthState, LoadStage, LoadStatus
from spyoncino.schemas.topics import CAMERA_FRAME, DOORBELL_PRESSED, OBJECTS_DETECTED, STATUS_LOAD
from spyoncino.testing.harness import ModuleHarness

FRAMES = CAMERA_FRAME.of(CAMERA)
PRESSES = DOORBELL_PRESSED.of("bell")


def result(*found: RawDetection, looked_at: tuple[Box, ...] = (FULL_PICTURE,)) -> ObjectResult:
    return ObjectResult(found, "mock", looked_at, DetectionMetrics("mock"))


PERSON = RawDetection("person", 0.9, MIDDLE)


def answer(job: ObjectJob) -> ObjectResult:
    return result(PERSON, looked_at=(FULL_PICTURE,) if job.whole else job.regions)


def told(harness: ModuleHarness, camera: str = CAMERA) -> list[float]:
    events = harness.received(OBJECTS_DETECTED)
    return [each.frame.pts_s for each in events if each.frame.camera == camera]


async def test_a_moving_frame_is_looked_at_and_told(module_harness: ModuleHarness) -> None:
    module_harness.pool.answers[OBJECTS] = answer
    await module_harness.add(ObjectDetectorModule)
    await module_harness.feed(FRAMES, frame(1.0))
    await module_harness.settle()
    (event,) = module_harness.received(OBJECTS_DETECTED)
    assert [(each.label, each.score, each.box) for each in event.detections] == [
        ("person", 0.9, MIDDLE)
    ]
    assert (event.regions, event.detector) == ((FULL_PICTURE,), "mock")
    assert event.correlation_id == "door-10"
    handle = module_harness.pool.asked[0].job.payload.frame
    assert (handle.slot, handle.generation, handle.width_px) == (10, 1, 640)
    assert module_harness.captures.held == 0


async def test_a_still_picture_is_looked_at_once_and_the_reasons_are_recorded(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[OBJECTS] = answer
    await module_harness.add(ObjectDetectorModule)
    for step in range(5):
        await module_harness.feed(FRAMES, frame(step / 5, motion=STILL))
    await module_harness.settle()
    assert told(module_harness) == [0.0]
    assert module_harness.reasons("frame") == [
        (True, "the last look at the whole picture is long enough ago"),
        (False, "nothing moved since the last look"),
    ]
    quiet = module_harness.decisions("frame")[1]
    assert (quiet.count, quiet.limit) == (4, 10.0)
    assert quiet.peak == pytest.approx(0.8)


@pytest.mark.parametrize("measured", [None, motion(calibrating=True), motion(MIDDLE)])
async def test_every_frame_is_looked_at_while_nobody_knows_that_nothing_moves(
    module_harness: ModuleHarness, measured: Any
) -> None:
    module_harness.pool.answers[OBJECTS] = answer
    await module_harness.add(ObjectDetectorModule)
    for step in range(4):
        await module_harness.feed(FRAMES, frame(step / 5, motion=measured))
        await module_harness.settle()
    assert len(told(module_harness)) == 4


async def test_only_wanted_labels_are_told(module_harness: ModuleHarness) -> None:
    chair = RawDetection("chair", 0.9, MIDDLE)
    module_harness.pool.answers[OBJECTS] = lambda _: result(PERSON, chair)
    await module_harness.add(ObjectDetectorModule)
    await module_harness.feed(FRAMES, frame(0.0))
    await module_harness.settle()
    assert [each.label for each in module_harness.received(OBJECTS_DETECTED)[0].detections] == [
        "person"
    ]


async def test_without_labels_everything_is_told_and_scores_stay_fractions(
    module_harness: ModuleHarness,
) -> None:
    chair = RawDetection("chair", 1.0000001, MIDDLE)
    module_harness.pool.answers[OBJECTS] = lambda _: result(chair)
    await module_harness.add(ObjectDetectorModule, labels=())
    await module_harness.feed(FRAMES, frame(0.0))
    await module_harness.settle()
    assert module_harness.received(OBJECTS_DETECTED)[0].detections[0].score == 1.0


async def test_what_moves_and_was_not_found_is_looked_at_closer(
    module_harness: ModuleHarness,
) -> None:
    small = Box(0.1, 0.4, 0.15, 0.5)

    def find(job: ObjectJob) -> ObjectResult:
        if job.whole:
            return result(PERSON)
        cat = RawDetection("cat", 0.8, small)
        return result(cat, looked_at=job.regions)

    module_harness.pool.answers[OBJECTS] = find
    await module_harness.add(ObjectDetectorModule)
    await module_harness.feed(FRAMES, frame(0.0, motion=motion(small, MIDDLE)))
    await module_harness.settle()
    (event,) = module_harness.received(OBJECTS_DETECTED)
    assert [each.label for each in event.detections] == ["person", "cat"]
    assert event.detections[1].box == pytest.approx(small)
    first, second = (asked.job.payload for asked in module_harness.pool.asked)
    assert (first.whole, first.regions) == (True, ())
    assert not second.whole
    assert event.regions == (FULL_PICTURE, *second.regions)


async def test_a_closer_look_that_fails_leaves_the_first_one(module_harness: ModuleHarness) -> None:
    def find(job: ObjectJob) -> ObjectResult:
        if job.whole:
            return result()
        raise JobExpiredError("too late")

    module_harness.pool.answers[OBJECTS] = find
    await module_harness.add(ObjectDetectorModule)
    await module_harness.feed(FRAMES, frame(0.0))
    await module_harness.settle()
    assert module_harness.received(OBJECTS_DETECTED)[0].regions == (FULL_PICTURE,)


async def test_closer_looks_can_be_switched_off(module_harness: ModuleHarness) -> None:
    module_harness.pool.answers[OBJECTS] = lambda _: result()
    await module_harness.add(ObjectDetectorModule, max_regions=0)
    await module_harness.feed(FRAMES, frame(0.0))
    await module_harness.settle()
    assert len(module_harness.pool.asked) == 1


async def test_live_only_the_newest_frame_waits_and_no_lease_is_lost(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.by_hand.add(OBJECTS)
    module = await module_harness.add(ObjectDetectorModule, max_in_flight=2)
    for step in range(6):
        await module_harness.feed(FRAMES, frame(step / 5))
    await module_harness.settle()
    assert len(module_harness.pool.asked) == 2
    assert module_harness.captures.held == 3
    assert module_harness.reasons("overtaken frame")[0][0] is False
    assert (await module.health()).numbers["frames_overtaken"] == 3

    while module_harness.pool.waiting:
        module_harness.pool.waiting[0].finish(result(PERSON))
        await module_harness.settle()
    assert told(module_harness) == [0.0, 0.2, 1.0]
    assert module_harness.captures.held == 0


async def test_results_are_told_in_frame_order_whoever_is_faster(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.by_hand.add(OBJECTS)
    await module_harness.add(ObjectDetectorModule, max_in_flight=3)
    for step in range(3):
        await module_harness.feed(FRAMES, frame(step / 5))
    await module_harness.settle()
    first, second, third = module_harness.pool.asked
    third.finish(result(PERSON))
    second.finish(result(PERSON))
    await module_harness.settle()
    assert told(module_harness) == []
    first.finish(result(PERSON))
    await module_harness.settle()
    assert told(module_harness) == [0.0, 0.2, 0.4]


async def test_a_slow_camera_holds_up_no_other(module_harness: ModuleHarness) -> None:
    module_harness.pool.by_hand.add(OBJECTS)
    await module_harness.add(ObjectDetectorModule)
    await module_harness.feed(FRAMES, frame(0.0))
    await module_harness.feed(CAMERA_FRAME.of("gate"), frame(0.0, camera="gate"))
    await module_harness.settle()
    module_harness.pool.asked[1].finish(result(PERSON))
    await module_harness.settle()
    assert told(module_harness, "gate") == [0.0]


async def test_a_frame_that_cannot_be_looked_at_is_left_out_and_reported(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.by_hand.add(OBJECTS)
    module = await module_harness.add(ObjectDetectorModule)
    await module_harness.feed(FRAMES, frame(0.0), frame(0.2))
    await module_harness.settle()
    first, second = module_harness.pool.asked
    first.fail(JobExpiredError("its deadline passed"))
    await module_harness.settle()
    health = await module.health()
    assert (health.state, health.detail) == (HealthState.DEGRADED, "its deadline passed")
    second.finish(result(PERSON))
    await module_harness.settle()
    assert told(module_harness) == [0.2]
    assert (False, "the pool could not look at it") in module_harness.reasons("frame")
    assert (await module.health()).state is HealthState.OK
    assert module_harness.captures.held == 0


async def test_the_end_of_the_stream_comes_after_every_look(module_harness: ModuleHarness) -> None:
    module_harness.pool.by_hand.add(OBJECTS)
    module = await module_harness.add(ObjectDetectorModule, max_in_flight=1)
    await module_harness.feed(FRAMES, frame(0.0), frame(0.2), frame(0.2, end_of_stream=True))
    await module_harness.settle()
    assert not told(module_harness)
    draining = asyncio.create_task(module.drain())
    for asked in module_harness.pool.asked:
        asked.finish(result(PERSON))
    await draining
    await module_harness.settle()
    events = module_harness.received(OBJECTS_DETECTED)
    assert [each.end_of_stream for each in events] == [False, False, True]
    assert not events[-1].detections
    assert not events[-1].regions
    assert module_harness.captures.held == 0


async def test_the_end_is_told_at_once_when_nothing_is_in_work(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(ObjectDetectorModule)
    await module_harness.feed(FRAMES, frame(0.0, end_of_stream=True))
    assert [each.end_of_stream for each in module_harness.received(OBJECTS_DETECTED)] == [True]


async def test_stopping_gives_every_lease_back(module_harness: ModuleHarness) -> None:
    module_harness.pool.by_hand.add(OBJECTS)
    module = await module_harness.add(ObjectDetectorModule, max_in_flight=1)
    await module_harness.feed(FRAMES, frame(0.0), frame(0.2))
    await module_harness.settle()
    assert module_harness.captures.held == 2
    await module.stop()
    assert module_harness.captures.held == 0


async def test_stopping_before_the_work_began_gives_the_leases_back(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.by_hand.add(OBJECTS)
    module = await module_harness.add(ObjectDetectorModule, max_in_flight=1)
    await module.on_frame(frame(0.0))
    await module.on_frame(frame(0.2))
    await module.stop()
    assert not module_harness.pool.asked
    assert module_harness.captures.held == 0


async def test_after_a_press_every_frame_is_looked_at_first_of_all(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[OBJECTS] = answer
    await module_harness.add(ObjectDetectorModule, press_look_s=1.0)
    await module_harness.feed(FRAMES, frame(0.0, motion=STILL))
    press = DoorbellEvent(doorbell="bell", camera=CAMERA)
    await module_harness.feed(PRESSES, press)
    for step in range(1, 8):
        await module_harness.feed(FRAMES, frame(step / 5, motion=STILL))
        await module_harness.settle()
    assert told(module_harness) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    priorities = [asked.job.priority for asked in module_harness.pool.asked]
    assert priorities == [Priority.CONTINUOUS, *[Priority.PRESS] * 5]
    assert module_harness.captures[CAMERA].attended_s == [1.0]


async def test_a_lossless_run_looks_at_everything_and_makes_the_sender_wait(
    lossless_harness: ModuleHarness,
) -> None:
    pool = lossless_harness.pool
    pool.by_hand.add(OBJECTS)
    await lossless_harness.add(ObjectDetectorModule)
    count = LOSSLESS_IN_FLIGHT + 4
    for step in range(count):
        await lossless_harness.publish(FRAMES, frame(step / 5))
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(pool.asked) == LOSSLESS_IN_FLIGHT
    assert pool.asked[0].job.deadline_s is None
    while pool.waiting:
        pool.waiting[-1].finish(result(PERSON))
        for _ in range(100):
            await asyncio.sleep(0)
    await lossless_harness.settle()
    assert told(lossless_harness) == [step / 5 for step in range(count)]
    assert lossless_harness.captures.held == 0


async def test_in_a_lossless_run_the_order_of_answers_changes_nothing(
    lossless_harness: ModuleHarness,
) -> None:
    """The decision where to look must not depend on earlier results that may come late."""
    pool = lossless_harness.pool
    pool.by_hand.add(OBJECTS)
    await lossless_harness.add(ObjectDetectorModule)
    pts = [0.0, 0.2, 5.0, 5.2, 40.0, 40.2, 41.0, 60.0]
    moving = {0.0, 5.0}
    for at_s in pts:
        motion_then = motion(MIDDLE) if at_s in moving else STILL
        await lossless_harness.publish(FRAMES, frame(at_s, motion=motion_then))
    for _ in range(100):
        await asyncio.sleep(0)
    while pool.waiting:
        pool.waiting[-1].finish(result())
        for _ in range(100):
            await asyncio.sleep(0)
    await lossless_harness.settle()
    assert told(lossless_harness) == [0.0, 0.2, 5.0, 5.2, 40.0, 60.0]


async def test_a_bug_in_one_look_stops_no_other(
    module_harness: ModuleHarness, lossless_harness: ModuleHarness
) -> None:
    def broken(job: ObjectJob) -> ObjectResult:
        if job.frame.slot == 0:
            raise ZeroDivisionError
        return result(PERSON)

    for harness in (module_harness, lossless_harness):
        harness.pool.answers[OBJECTS] = broken
        module = await harness.add(ObjectDetectorModule, max_in_flight=1)
        await harness.feed(FRAMES, frame(0.0), frame(0.2))
        await harness.settle()
        assert told(harness) == [0.2]
        assert (await module.health()).state is HealthState.DEGRADED
        assert harness.captures.held == 0


async def test_a_camera_that_comes_back_begins_with_a_new_clock(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[OBJECTS] = answer
    await module_harness.add(ObjectDetectorModule)
    await module_harness.feed(FRAMES, frame(0.4, motion=STILL), frame(0.4, end_of_stream=True))
    await module_harness.feed(FRAMES, frame(0.0, motion=STILL))
    await module_harness.settle()
    assert told(module_harness) == [0.4, 0.4, 0.0]


async def test_what_all_cameras_share_cannot_differ(module_harness: ModuleHarness) -> None:
    module_harness.set_camera(overrides={"objects": {"model": "other"}})
    with pytest.raises(ConfigError, match=r"cameras\.door\.objects\.model .* set objects\.model"):
        await module_harness.add(ObjectDetectorModule)


def test_settings_become_what_the_worker_builds() -> None:
    assert ObjectSettings().to_task_settings() == {
        "detector": "cpu",
        "config": {"model": "nanodet_416", "threads": 1, "score_floor": 0.1},
    }
    assert ObjectSettings(detector="mock").to_task_settings() == {"detector": "mock"}
    own = OwnModelSettings(type="yolov8", path="m.onnx", labels=("person",), sha256="ab")
    assert ObjectSettings(model=own).to_task_settings()["config"]["model"] == {
        "type": "yolov8",
        "path": "m.onnx",
        "labels": ("person",),
        "sha256": "ab",
    }


async def test_an_error_of_usage_is_reported_and_harms_no_later_look(
    module_harness: ModuleHarness,
) -> None:
    def refuse(_: ObjectJob) -> ObjectResult:
        raise UsageError("nobody does this kind of job")

    module_harness.pool.answers[OBJECTS] = refuse
    module = await module_harness.add(ObjectDetectorModule)
    await module_harness.feed(FRAMES, frame(0.0))
    await module_harness.settle()
    assert (await module.health()).detail == "nobody does this kind of job"


async def test_an_overloaded_machine_looks_at_fewer_frames_and_at_none_of_them_closer(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[OBJECTS] = lambda _: result()
    module = await module_harness.add(ObjectDetectorModule)
    stage = LoadStatus(stage=LoadStage.FEWER_REGIONS, pressure=2.0)
    await module_harness.feed(STATUS_LOAD, stage)
    for step in range(10):
        await module_harness.feed(FRAMES, frame(step / 5))
        await module_harness.settle()
    assert told(module_harness) == pytest.approx([0.0, 0.6, 1.2, 1.8])
    assert all(asked.job.payload.whole for asked in module_harness.pool.jobs(OBJECTS))
    assert (await module.health()).numbers["frames_shed"] == 6
    reason = "the machine is overloaded: fewer frames are looked at"
    assert (False, reason) in module_harness.reasons("frame")


async def test_a_press_is_looked_at_whatever_the_load(module_harness: ModuleHarness) -> None:
    module_harness.pool.answers[OBJECTS] = answer
    await module_harness.add(ObjectDetectorModule)
    stage = LoadStatus(stage=LoadStage.NO_CONTINUOUS, pressure=9.0)
    await module_harness.feed(STATUS_LOAD, stage)
    await module_harness.feed(FRAMES, frame(1.0))
    await module_harness.settle()
    assert told(module_harness) == []
    press = DoorbellEvent(doorbell="bell", camera=CAMERA, pts_s=1.1)
    await module_harness.feed(PRESSES, press)
    for step in range(3):
        await module_harness.feed(FRAMES, frame(1.2 + step / 5))
        await module_harness.settle()
    assert len(told(module_harness)) == 3
    asked = module_harness.pool.jobs(OBJECTS)
    assert {each.job.priority for each in asked} == {Priority.PRESS}
