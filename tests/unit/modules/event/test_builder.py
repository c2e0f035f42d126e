import asyncio
from typing import Any

import structlog
from tests.fixtures.payloads import CAMERA, detection, frame_ref, known, track, tracks, utc_at

from spyoncino.modules.event.builder import BORN_OF, SILENCE_S, EventBuilderModule, EventSettings
from spyoncino.schemas.detections import MotionEvent, TrackState
from spyoncino.schemas.events import DoorbellEvent, Event, EventState
from spyoncino.schemas.faces import FaceRecognitionEvent
from spyoncino.schemas.topics import (
    DOORBELL_PRESSED,
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    FACES_RECOGNIZED,
    MOTION_DETECTED,
    MOTION_ZONED,
)
from spyoncino.testing.harness import ModuleHarness

PRESSES = DOORBELL_PRESSED.of("bell")


def press(pts_s: float | None = None) -> DoorbellEvent:
    return DoorbellEvent(doorbell="bell", camera=CAMERA, pts_s=pts_s, timestamp=utc_at(0.0))


def moving(pts_s: float, *, end_of_stream: bool = False) -> MotionEvent:
    return MotionEvent(
        frame=frame_ref(pts_s),
        detections=(detection("motion", 0.2),),
        detector="motion",
        end_of_stream=end_of_stream,
    )


async def walk(harness: ModuleHarness, start_s: int, end_s: int) -> None:
    for at_s in range(start_s, end_s + 1):
        found = track(1, at_s=float(at_s), start_s=float(start_s))
        await harness.feed(MOTION_ZONED, tracks(float(at_s), [found]))


def completed(harness: ModuleHarness) -> list[Event]:
    return [each.event for each in harness.received(EVENT_COMPLETED)]


async def test_a_visit_is_created_updated_and_completed_on_their_topics(
    module_harness: ModuleHarness,
) -> None:
    module = await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 8)
    await module_harness.feed(MOTION_ZONED, tracks(18.0))
    (created,) = module_harness.received(EVENT_CREATED)
    (done,) = module_harness.received(EVENT_COMPLETED)
    updated = module_harness.received(EVENT_UPDATED)
    assert created.event.state is EventState.CREATED
    assert {each.event.state for each in updated} == {EventState.PROCESSING}
    assert (done.event.start_s, done.event.end_s) == (0.0, 8.0)
    event_id = done.event.event_id
    assert {created.event.event_id, created.correlation_id, done.correlation_id} == {event_id}
    assert (await module.health()).numbers == {"open": 0, "created": 1, "completed": 1}


async def test_decisions_of_an_event_name_it(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 2)
    event_id = module_harness.received(EVENT_CREATED)[0].event.event_id
    for subject in ("track 1", "best picture"):
        assert {each.event_ref for each in module_harness.decisions(subject)} == {event_id}


async def test_a_press_opens_an_event_at_once_without_any_frame(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(EventBuilderModule)
    await module_harness.feed(PRESSES, press())
    (created,) = module_harness.received(EVENT_CREATED)
    assert (created.event.type, created.event.presses) == ("doorbell", (0.0,))


async def test_an_event_names_the_press_that_it_was_born_of(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    rang = press().model_copy(update={"correlation_id": "press-7"})
    with structlog.testing.capture_logs() as lines:
        await module_harness.feed(PRESSES, rang)
    (created,) = module_harness.received(EVENT_CREATED)
    assert created.metadata == {BORN_OF: "press-7"}
    (line,) = [each for each in lines if each["event"] == "event begins"]
    assert (line["correlation_id"], line["born_of"]) == (created.correlation_id, "press-7")
    assert created.event.started_at == utc_at(0.0)


async def test_presses_at_a_camera_without_pictures_keep_their_distance(
    module_harness: ModuleHarness,
) -> None:
    """Else all of them would lie at the moment of the first."""
    await module_harness.add(EventBuilderModule)
    later = press().model_copy(update={"timestamp": utc_at(2.5)})
    await module_harness.feed(PRESSES, press(), later)
    assert module_harness.received(EVENT_UPDATED)[-1].event.presses == (0.0, 2.5)


async def test_a_press_before_the_first_picture_keeps_its_moment(
    module_harness: ModuleHarness,
) -> None:
    """The camera's time begins with its first picture, four seconds after the bell was rung."""
    await module_harness.add(EventBuilderModule)
    early = press().model_copy(update={"timestamp": utc_at(-4.0)})
    await module_harness.feed(PRESSES, early)
    await walk(module_harness, 0, 3)
    await module_harness.feed(MOTION_ZONED, tracks(20.0))
    (event,) = completed(module_harness)
    assert event.event_id == module_harness.received(EVENT_CREATED)[0].event.event_id
    assert (event.started_at, event.start_s, event.presses) == (utc_at(-4.0), -4.0, (-4.0,))
    assert (event.type, event.press_ids) == ("doorbell", (early.event_id,))
    assert event.best is not None
    assert event.best.frame is not None


async def test_the_first_picture_serves_a_press_that_showed_nothing_yet(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(EventBuilderModule)
    await module_harness.feed(PRESSES, press().model_copy(update={"timestamp": utc_at(-4.0)}))
    await module_harness.feed(MOTION_ZONED, tracks(0.0))
    best = module_harness.received(EVENT_UPDATED)[-1].event.best
    assert best is not None
    assert (best.pts_s, best.frame) == (0.0, frame_ref(0.0))


async def test_a_camera_that_shows_something_long_after_a_press_is_not_confused(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(EventBuilderModule)
    await module_harness.feed(PRESSES, press())
    for _ in range(int(SILENCE_S) + 2):
        await module_harness.clock.advance(1.0)
        await module_harness.settle()
    (alone,) = completed(module_harness)
    assert alone.press_ids
    await walk(module_harness, 0, 3)
    created = module_harness.received(EVENT_CREATED)
    assert [each.event.type for each in created] == ["doorbell", "person"]


async def test_each_press_at_a_dead_camera_is_in_one_event_and_none_ends_in_the_future(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(EventBuilderModule)
    ids = []
    for at_s in (0.0, 100.0, 102.5):
        rang = press().model_copy(update={"timestamp": utc_at(at_s), "event_id": f"press-{at_s}"})
        ids.append(rang.event_id)
        await module_harness.feed(PRESSES, rang)
        for _ in range(40 if at_s != 100.0 else 2):
            await module_harness.clock.advance(1.0)
            await module_harness.settle()
    first, second = completed(module_harness)
    assert first.press_ids + second.press_ids == tuple(ids)
    assert (second.started_at, second.ended_at) == (utc_at(100.0), utc_at(102.5))
    assert second.transitions["completed"] <= utc_at(135.0)


async def test_a_press_that_is_told_again_changes_nothing(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 1)
    rang = press(1.5)
    await module_harness.feed(PRESSES, rang)
    await walk(module_harness, 2, 3)
    await module_harness.feed(PRESSES, rang)
    await module_harness.drain()
    await module_harness.feed(PRESSES, rang)
    (event,) = completed(module_harness)
    assert (event.presses, event.press_ids) == ((1.5,), (rang.event_id,))
    assert len(module_harness.received(EVENT_CREATED)) == 1


async def test_a_press_without_camera_time_gets_it_from_the_clock(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(EventBuilderModule)
    await module_harness.clock.advance(5.0)
    await module_harness.feed(MOTION_ZONED, tracks(5.0))
    await module_harness.clock.advance(0.4)
    await module_harness.feed(PRESSES, press())
    (created,) = module_harness.received(EVENT_CREATED)
    assert created.event.presses == (5.4,)
    assert created.event.started_at == utc_at(5.4)


async def test_the_end_of_the_stream_completes_the_event(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 3)
    ended = track(1, at_s=3.0, start_s=0.0, state=TrackState.ENDED)
    await module_harness.feed(MOTION_ZONED, tracks(3.0, [ended], end_of_stream=True))
    (event,) = completed(module_harness)
    assert (event.end_s, event.reason) == (3.0, "the camera's stream ended")
    await walk(module_harness, 0, 1)
    assert len(module_harness.received(EVENT_CREATED)) == 2


async def test_a_camera_that_begins_again_completes_its_event(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 100, 103)
    await module_harness.feed(MOTION_ZONED, tracks(0.0))
    assert [each.reason for each in completed(module_harness)] == ["the camera began again"]


async def test_a_silent_camera_holds_no_event_open(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 3)
    await module_harness.clock.advance(SILENCE_S - 2)
    await module_harness.settle()
    assert not completed(module_harness)
    for _ in range(4):
        await module_harness.clock.advance(1.0)
        await module_harness.settle()
    (event,) = completed(module_harness)
    assert event.end_s == 3.0


async def test_a_press_at_a_camera_that_shows_nothing_is_completed_too(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(EventBuilderModule)
    await module_harness.feed(PRESSES, press())
    for _ in range(int(SILENCE_S) + 2):
        await module_harness.clock.advance(1.0)
        await module_harness.settle()
    assert [each.type for each in completed(module_harness)] == ["doorbell"]


async def test_stopping_completes_what_is_open(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 3)
    await module_harness.drain()
    assert [each.reason for each in completed(module_harness)] == ["Spyoncino was stopped"]
    await module_harness.drain()
    assert len(completed(module_harness)) == 1


async def test_a_restarted_builder_leaves_no_event_open(module_harness: ModuleHarness) -> None:
    module = await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 3)
    await module.stop()
    await module_harness.settle()
    assert [each.state for each in completed(module_harness)] == [EventState.COMPLETED]


async def test_motion_alone_makes_an_event_only_where_it_is_wanted(
    module_harness: ModuleHarness,
) -> None:
    module_harness.set_camera(overrides={"events": {"on_motion": True}})
    await module_harness.add(EventBuilderModule)
    other = moving(1.0).model_copy(update={"frame": frame_ref(1.0, camera="gate")})
    await module_harness.feed(MOTION_DETECTED, moving(1.0), other, moving(2.0, end_of_stream=True))
    (created,) = module_harness.received(EVENT_CREATED)
    assert (created.event.camera, created.event.type) == (CAMERA, "motion")


async def test_live_ids_differ_between_two_runs_and_lossless_ones_do_not(
    module_harness: ModuleHarness, lossless_harness: ModuleHarness
) -> None:
    ids = []
    for harness in (module_harness, lossless_harness):
        await harness.add(EventBuilderModule)
        await walk(harness, 0, 1)
        ids.append(harness.received(EVENT_CREATED)[0].event.event_id)
    assert ids[0] != ids[1]
    await lossless_harness.feed(MOTION_ZONED, tracks(1.0, end_of_stream=True))
    later = tracks(0.0, [track(1, at_s=0.0)])
    shifted = later.frame.model_copy(update={"utc": utc_at(86400.0)})
    again = later.model_copy(update={"frame": shifted})
    await lossless_harness.feed(MOTION_ZONED, again)
    assert lossless_harness.received(EVENT_CREATED)[1].event.event_id == ids[1]


async def test_in_a_lossless_run_a_press_waits_for_the_tracks_of_its_moment(
    lossless_harness: ModuleHarness,
) -> None:
    await lossless_harness.add(EventBuilderModule)
    await lossless_harness.feed(PRESSES, press(20.0), press(5.0))
    assert not lossless_harness.received(EVENT_CREATED)
    await walk(lossless_harness, 0, 6)
    (created,) = lossless_harness.received(EVENT_CREATED)
    assert created.event.type == "person"
    await lossless_harness.feed(MOTION_ZONED, tracks(6.0, end_of_stream=True))
    assert [each.presses for each in completed(lossless_harness)] == [(5.0,), (20.0,)]


async def test_in_a_lossless_run_motion_waits_too(lossless_harness: ModuleHarness) -> None:
    await lossless_harness.add(EventBuilderModule, on_motion=True)
    await lossless_harness.feed(MOTION_DETECTED, moving(1.0), moving(3.0))
    assert not lossless_harness.received(EVENT_CREATED)
    await lossless_harness.feed(MOTION_ZONED, tracks(2.0))
    assert lossless_harness.received(EVENT_CREATED)[0].event.start_s == 1.0
    await lossless_harness.drain()
    assert completed(lossless_harness)[0].end_s == 3.0


async def test_a_lossless_run_looks_for_no_silence(lossless_harness: ModuleHarness) -> None:
    await lossless_harness.add(EventBuilderModule)
    await walk(lossless_harness, 0, 1)
    await lossless_harness.clock.advance(SILENCE_S * 10)
    await lossless_harness.settle()
    assert not completed(lossless_harness)


async def test_changed_settings_hold_for_the_open_event(module_harness: ModuleHarness) -> None:
    module = await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 3)
    await module.configure(EventSettings(linger_s=2.0))
    await module_harness.feed(MOTION_ZONED, tracks(5.0))
    assert completed(module_harness)


async def test_messages_of_one_event_keep_their_order(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    await asyncio.gather(
        module_harness.publish(MOTION_ZONED, tracks(1.0, [track(1, at_s=1.0)])),
        module_harness.publish(PRESSES, press(1.1)),
        module_harness.publish(MOTION_ZONED, tracks(2.5, [track(2, at_s=2.5)])),
    )
    await module_harness.feed(MOTION_ZONED, tracks(30.0))
    topics = [each.topic for each in module_harness.messages if each.topic.startswith("event.")]
    assert topics == ["event.created", *["event.updated"] * (len(topics) - 2), "event.completed"]
    assert completed(module_harness)[0].presses == (1.1,)


def named(pts_s: float, *, settled_s: float | None = None, **changes: Any) -> FaceRecognitionEvent:
    return FaceRecognitionEvent(
        camera=CAMERA,
        pts_s=pts_s,
        recognition_results=(known(pts_s=pts_s),),
        settled_s=settled_s,
        **changes,
    )


async def test_a_name_joins_the_event_of_its_track(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 3)
    await module_harness.feed(FACES_RECOGNIZED, named(2.0, settled_s=3.0))
    await module_harness.feed(MOTION_ZONED, tracks(14.0))
    (event,) = completed(module_harness)
    assert [each.name for each in event.identities] == ["Ann"]
    assert event.story.startswith("Ann came at")


async def test_the_end_of_a_stream_waits_for_the_faces_of_it(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 3)
    await module_harness.feed(FACES_RECOGNIZED, named(1.0, settled_s=2.0, end_of_stream=False))
    await module_harness.feed(MOTION_ZONED, tracks(3.2, end_of_stream=True))
    assert completed(module_harness) == []
    late = named(3.0).model_copy(update={"end_of_stream": True})
    await module_harness.feed(FACES_RECOGNIZED, late)
    assert len(completed(module_harness)) == 1


async def test_the_end_of_a_stream_waits_only_so_long(module_harness: ModuleHarness) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 3)
    await module_harness.feed(FACES_RECOGNIZED, named(1.0, settled_s=2.0))
    await module_harness.feed(MOTION_ZONED, tracks(3.2, end_of_stream=True))
    await module_harness.settle()
    await module_harness.clock.advance(2.0)
    await module_harness.settle()
    assert len(completed(module_harness)) == 1
    assert "does not wait" in module_harness.reasons("event")[0][1]


async def test_a_stream_that_begins_again_waits_for_no_faces_of_the_last(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(EventBuilderModule)
    await walk(module_harness, 0, 3)
    await module_harness.feed(FACES_RECOGNIZED, named(1.0, settled_s=2.0))
    await module_harness.feed(MOTION_ZONED, tracks(3.2, end_of_stream=True))
    await module_harness.feed(MOTION_ZONED, tracks(0.2))
    assert len(completed(module_harness)) == 1


async def test_in_a_lossless_run_tracks_wait_until_their_faces_are_told(
    lossless_harness: ModuleHarness,
) -> None:
    lossless_harness.context.faces = True
    await lossless_harness.add(EventBuilderModule)
    await walk(lossless_harness, 0, 3)
    assert lossless_harness.received(EVENT_CREATED) == []
    await lossless_harness.feed(FACES_RECOGNIZED, named(1.0, settled_s=2.5))
    (created,) = lossless_harness.received(EVENT_CREATED)
    assert created.event.end_s == 0.0
    assert lossless_harness.received(EVENT_UPDATED)[-1].event.end_s == 1.0
    await lossless_harness.feed(MOTION_ZONED, tracks(3.2, end_of_stream=True))
    await lossless_harness.feed(FACES_RECOGNIZED, named(3.0, end_of_stream=True))
    (event,) = completed(lossless_harness)
    assert ([each.name for each in event.identities], event.end_s) == (["Ann"], 3.0)


async def test_what_waits_for_faces_is_told_when_the_program_stops(
    lossless_harness: ModuleHarness,
) -> None:
    lossless_harness.context.faces = True
    await lossless_harness.add(EventBuilderModule)
    await walk(lossless_harness, 0, 3)
    await lossless_harness.drain()
    assert len(completed(lossless_harness)) == 1
