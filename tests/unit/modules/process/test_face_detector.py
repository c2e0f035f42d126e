import pytest
from tests.fixtures.face_payloads import look
from tests.fixtures.payloads import CAMERA, frame, track, tracks, utc_at

from spyoncino.errors import ConfigError, JobExpiredError, MediaError
from spyoncino.modules.process.face_detector import FaceDetectorModule
from spyoncino.runtime.jobs import Priority
from spyoncino.runtime.tasks import FACES, FaceJob
from spyoncino.schemas.detections import TrackState
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.faces import FaceDetectionEvent
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.status import HealthState, LoadStage, LoadStatus
from spyoncino.schemas.topics import (
    CAMERA_BURST,
    CAMERA_FRAME,
    DETECTION_ERRORS,
    DOORBELL_PRESSED,
    FACES_DETECTED,
    MOTION_ZONED,
    STATUS_LOAD,
)
from spyoncino.testing.harness import ModuleHarness

FRAMES = CAMERA_FRAME.of(CAMERA)
BURST = CAMERA_BURST.of(CAMERA)
PRESSES = DOORBELL_PRESSED.of("bell")


async def start(harness: ModuleHarness, **settings: object) -> FaceDetectorModule:
    harness.context.faces = True
    harness.pool.answers.setdefault(FACES, look)
    return await harness.add(FaceDetectorModule, **{"enabled": True, **settings})


async def see(harness: ModuleHarness, pts_s: float, *track_ids: int) -> None:
    people = [track(number, at_s=pts_s) for number in track_ids or (1,)]
    await harness.feed(MOTION_ZONED, tracks(pts_s, people))
    await harness.settle()


def looks(harness: ModuleHarness) -> list[FaceDetectionEvent]:
    return [each for each in harness.received(FACES_DETECTED) if each.looked]


def jobs(harness: ModuleHarness) -> list[FaceJob]:
    return [asked.job.payload for asked in harness.pool.jobs(FACES)]


def burst(pts_s: float, number: int = 0) -> Frame:
    update = {"trigger_id": "press-1", "sequence_number": number, "source_width_px": 640}
    return frame(pts_s).model_copy(update=update)


async def test_nothing_happens_while_faces_are_off(module_harness: ModuleHarness) -> None:
    module = await module_harness.add(FaceDetectorModule)
    await module_harness.feed(FRAMES, frame(1.0))
    await see(module_harness, 1.0)
    await module_harness.feed(BURST, burst(1.0))
    assert module_harness.pool.asked == []
    assert module_harness.received(FACES_DETECTED) == []
    assert (await module.health()).state is HealthState.OK


async def test_what_is_switched_on_while_running_says_that_it_waits(
    module_harness: ModuleHarness,
) -> None:
    module = await module_harness.add(FaceDetectorModule, enabled=True)
    assert "next start" in (await module.health()).detail


async def test_the_face_of_a_new_track_is_looked_at_in_full_size(
    module_harness: ModuleHarness,
) -> None:
    module = await start(module_harness)
    await see(module_harness, 1.0, 1, 2)
    (job,) = jobs(module_harness)
    assert (job.frame.ring, job.frame.width_px, job.whole) == ("full", 1280, False)
    assert [(region.track_id, region.embed_above) for region in job.regions] == [(1, 0), (2, 0)]
    (event,) = looks(module_harness)
    assert event.frame_event_id != event.event_id
    told = event.detection_metadata
    assert (told.detector_type, told.face_count, told.embedder) == ("mock:faces", 2, "testnet")
    assert told.confidence_scores == (0.9, 0.9)
    assert event.performance_metrics["attempts"] == 1.0
    assert event.performance_metrics["embed_ms"] == 5.0
    assert event.settled_s == 1.0
    assert module_harness.captures.held == 0
    assert module_harness.captures[CAMERA].frames_asked == [1.0]
    metrics = module.get_metrics()
    assert (metrics["detection_count"], metrics["faces"], metrics["pending_jobs"]) == (1, 2, 0)
    assert metrics["detector_type"] == "mock:faces"


async def test_where_the_analysis_frame_is_full_size_nothing_is_decoded_again(
    module_harness: ModuleHarness,
) -> None:
    await start(module_harness)
    whole = frame(1.0).model_copy(update={"source_width_px": 640, "source_height_px": 360})
    await module_harness.feed(FRAMES, whole)
    await see(module_harness, 1.0)
    (job,) = jobs(module_harness)
    assert (job.frame.slot, job.frame.width_px) == (10, 640)
    assert module_harness.captures[CAMERA].frames_asked == []
    await module_harness.feed(MOTION_ZONED, tracks(1.2, end_of_stream=True))
    assert module_harness.captures.held == 0


async def test_only_the_last_frames_are_kept(module_harness: ModuleHarness) -> None:
    module = await start(module_harness)
    for step in range(6):
        update = {"source_width_px": 640, "source_height_px": 360}
        await module_harness.feed(FRAMES, frame(step / 5).model_copy(update=update))
    assert module_harness.captures.held == 3
    await see(module_harness, 0.2)
    assert module_harness.captures[CAMERA].frames_asked == [0.2]
    await module.stop()
    assert module_harness.captures.held == 0


async def test_looks_are_spaced_and_say_why(module_harness: ModuleHarness) -> None:
    await start(module_harness)
    for pts_s in (0.0, 0.2, 0.4, 0.6, 1.2, 1.8):
        await see(module_harness, pts_s)
    assert [each.frame.pts_s for each in looks(module_harness)] == [0.0, 0.6, 1.2]
    reasons = [reason for _, reason in module_harness.reasons("face of track 1")]
    assert reasons[0] == "its face was not looked for yet"
    assert reasons[-1] == "enough good faces of it are known"


async def test_only_seen_people_are_looked_at(module_harness: ModuleHarness) -> None:
    await start(module_harness)
    guessed = track(2, at_s=0.4)
    car = track(3, label="car", at_s=1.0)
    ended = track(4, at_s=1.0, state=TrackState.ENDED)
    await module_harness.feed(MOTION_ZONED, tracks(1.0, [guessed, car, ended]))
    await module_harness.settle()
    assert module_harness.pool.asked == []


async def test_a_press_is_looked_at_first_whole_and_with_its_own_picture(
    module_harness: ModuleHarness,
) -> None:
    await start(module_harness)
    await see(module_harness, 1.0)
    await module_harness.feed(BURST, burst(0.8, 0))
    await module_harness.settle()
    asked = module_harness.pool.jobs(FACES)[-1].job
    assert asked.priority is Priority.PRESS
    assert asked.deadline_s == 30.0
    assert (asked.payload.whole, asked.payload.frame.slot) == (True, 8)
    assert [region.track_id for region in asked.payload.regions] == [1]
    event = looks(module_harness)[-1]
    assert (event.trigger_id, event.sequence_number, event.frame.pts_s) == ("press-1", 0, 0.8)
    assert module_harness.captures.held == 0


async def test_a_burst_ends_when_enough_good_faces_are_known(
    module_harness: ModuleHarness,
) -> None:
    await start(module_harness, enough_faces=1)
    await see(module_harness, 1.0)
    await module_harness.feed(BURST, burst(1.0))
    await module_harness.settle()
    assert len(jobs(module_harness)) == 1
    assert module_harness.reasons("look after a press") == [
        (False, "enough good faces of all are known")
    ]


async def test_while_a_press_is_on_people_come_before_other_work(
    module_harness: ModuleHarness,
) -> None:
    await start(module_harness)
    press = DoorbellEvent(doorbell="bell", camera=CAMERA, pts_s=1.0, timestamp=utc_at(1.0))
    await module_harness.feed(PRESSES, press)
    await see(module_harness, 2.0)
    await see(module_harness, 5.0)
    first, second = (asked.job for asked in module_harness.pool.jobs(FACES))
    assert (first.priority, first.payload.whole) == (Priority.PRESS, True)
    assert (second.priority, second.payload.whole) == (Priority.CONTINUOUS, False)


async def test_live_the_newest_look_waits_and_what_it_overtakes_is_counted(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.by_hand.add(FACES)
    module = await start(module_harness, max_in_flight=1)
    for pts_s in (0.0, 1.0, 2.0):
        await see(module_harness, pts_s)
    assert module.get_metrics()["looks_overtaken"] == 1
    assert module_harness.decisions("overtaken look at faces")[0].first_s == 1.0
    while module_harness.pool.waiting:
        waiting = module_harness.pool.waiting[0]
        waiting.finish(look(waiting.job.payload))
        await module_harness.settle()
    assert [each.frame.pts_s for each in looks(module_harness)] == [0.0, 2.0]
    assert module_harness.captures.held == 0


async def test_a_look_under_way_is_not_settled(module_harness: ModuleHarness) -> None:
    module_harness.pool.by_hand.add(FACES)
    await start(module_harness)
    await see(module_harness, 1.0)
    await see(module_harness, 1.2)
    (told,) = module_harness.received(FACES_DETECTED)
    assert not told.looked
    assert told.settled_s == pytest.approx(0.999)
    module_harness.pool.waiting[0].finish(look(module_harness.pool.waiting[0].job.payload))
    await module_harness.settle()
    assert module_harness.received(FACES_DETECTED)[-1].settled_s == 1.2


async def test_the_end_of_a_stream_comes_behind_its_looks(module_harness: ModuleHarness) -> None:
    module_harness.pool.by_hand.add(FACES)
    await start(module_harness)
    await see(module_harness, 1.0)
    await module_harness.feed(MOTION_ZONED, tracks(1.2, end_of_stream=True))
    assert not any(each.end_of_stream for each in module_harness.received(FACES_DETECTED))
    module_harness.pool.waiting[0].finish(look(module_harness.pool.waiting[0].job.payload))
    await module_harness.settle()
    assert [each.end_of_stream for each in module_harness.received(FACES_DETECTED)] == [False, True]


@pytest.mark.parametrize("error", [JobExpiredError("no worker was free"), MediaError("too old")])
async def test_a_look_that_fails_is_told_with_every_specified_field(
    module_harness: ModuleHarness, error: JobExpiredError | MediaError
) -> None:
    def fail(_: FaceJob) -> None:
        raise error

    module_harness.pool.answers[FACES] = fail
    if isinstance(error, MediaError):
        module_harness.captures[CAMERA].frame_error = error
    module = await start(module_harness)
    await see(module_harness, 1.0)
    (report,) = module_harness.received(DETECTION_ERRORS)
    assert (report.component, report.error) == ("process.face_detector", str(error))
    assert report.error_type == type(error).__name__
    assert report.frame_event_id
    assert report.detector_type == "cpu"
    assert set(report.worker_metrics) == {"waited_ms", "total_ms", "attempts"}
    assert looks(module_harness) == []
    assert module_harness.received(FACES_DETECTED)[-1].settled_s == 1.0
    health = await module.health()
    assert (health.state, health.detail) == (HealthState.DEGRADED, str(error))
    assert health.numbers["detection_errors"] == 1
    assert module_harness.captures.held == 0


@pytest.mark.parametrize(
    ("stage", "seen"),
    [
        (LoadStage.FEWER_FRAMES, [0.0, 0.6, 1.2]),
        (LoadStage.FEWER_REGIONS, []),
        (LoadStage.NO_CONTINUOUS, []),
    ],
)
async def test_overload_sheds_continuous_looks_and_never_those_of_a_press(
    module_harness: ModuleHarness, stage: LoadStage, seen: list[float]
) -> None:
    module = await start(module_harness)
    await module_harness.feed(STATUS_LOAD, LoadStatus(stage=stage, pressure=2.0))
    for pts_s in (0.0, 0.3, 0.6, 0.9, 1.2, 7.0):
        await see(module_harness, pts_s)
    assert [each.frame.pts_s for each in looks(module_harness)] == seen
    shed = module.get_metrics()["looks_shed"]
    assert isinstance(shed, int)
    assert shed > 0
    await module_harness.feed(BURST, burst(20.0))
    await module_harness.settle()
    assert looks(module_harness)[-1].trigger_id == "press-1"


async def test_a_camera_cannot_have_a_detector_of_its_own(module_harness: ModuleHarness) -> None:
    module_harness.set_camera(overrides={"faces": {"model": "other"}})
    with pytest.raises(ConfigError, match=r"cameras.door.faces.model cannot differ"):
        await start(module_harness)


async def test_a_camera_may_be_left_out(module_harness: ModuleHarness) -> None:
    module_harness.set_camera(overrides={"faces": {"enabled": False}})
    await start(module_harness)
    await see(module_harness, 1.0)
    assert module_harness.pool.asked == []


async def test_in_a_lossless_run_every_moment_is_told_in_order(
    lossless_harness: ModuleHarness,
) -> None:
    lossless_harness.pool.by_hand.add(FACES)
    await start(lossless_harness)
    for pts_s in (0.0, 0.2, 0.6):
        await see(lossless_harness, pts_s)
    for asked in reversed(lossless_harness.pool.waiting):
        asked.finish(look(asked.job.payload))
        await lossless_harness.settle()
    told = lossless_harness.received(FACES_DETECTED)
    assert [(each.frame.pts_s, each.looked) for each in told] == [
        (0.0, True),
        (0.2, False),
        (0.6, True),
    ]
    settled = [each.settled_s for each in told]
    assert all(s is not None and s >= e.frame.pts_s for s, e in zip(settled, told, strict=True))
