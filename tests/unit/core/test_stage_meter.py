"""What the meter makes of the messages of the line."""

from typing import Any

import pytest
from tests.fixtures.payloads import (
    CAMERA,
    EVENT_ID,
    detection,
    detections,
    event,
    frame,
    track,
    tracks,
)

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.meters import Meters
from spyoncino.core.stage_meter import EVENTS_OPEN, FRAMES_KEPT, StageMeter
from spyoncino.schemas import topics
from spyoncino.schemas.base import Payload
from spyoncino.schemas.detections import TrackState
from spyoncino.schemas.events import EventCompleted, EventCreated, EventState
from spyoncino.schemas.media import MediaArtifact, MediaKind, StorageAck
from spyoncino.schemas.status import CameraState, CameraStatus, ErrorReport


class Ear:
    """A meter that is fed with messages of stated times."""

    def __init__(self) -> None:
        self.meters = Meters()
        self.meter = StageMeter(self.meters)

    async def hear(self, topic: topics.Topic[Any], payload: Payload, at_s: float) -> None:
        await self.meter.on_message(Message(topic.of(CAMERA).name, payload, round(at_s * 1e9)))

    def own_ms(self, stage: str) -> float:
        return round(self.meters.stages[stage].own_s.total * 1e3, 3)

    def age_ms(self, stage: str) -> float:
        return round(self.meters.stages[stage].age_s.total * 1e3, 3)


def artifact(kind: MediaKind) -> MediaArtifact:
    return MediaArtifact(
        kind=kind,
        event_ref=EVENT_ID,
        camera=CAMERA,
        path="x",
        content_type="image/jpeg",
        size_bytes=1,
    )


def stored() -> StorageAck:
    return StorageAck(subject="event", action="stored", key=EVENT_ID, event_ref=EVENT_ID)


async def test_each_stage_is_measured_from_the_stage_before_and_from_the_arrival() -> None:
    ear = Ear()
    await ear.hear(topics.CAMERA_FRAME, frame(1.0), 1.010)
    await ear.hear(topics.OBJECTS_DETECTED, detections(1.0, detection()), 1.110)
    await ear.hear(topics.TRACKS, tracks(1.0), 1.112)
    await ear.hear(topics.MOTION_UNIQUE, tracks(1.0), 1.113)
    await ear.hear(topics.MOTION_ZONED, tracks(1.0), 1.115)
    stages = ("capture", "detection", "tracking", "deduplication", "zoning")
    assert [ear.own_ms(stage) for stage in stages] == [10, 100, 2, 1, 2]
    assert [ear.age_ms(stage) for stage in stages] == [10, 110, 112, 113, 115]
    assert ear.meters.stages["zoning"].rates[CAMERA].count == 1


async def test_a_frame_that_is_not_remembered_has_an_age_but_no_time_of_its_own() -> None:
    ear = Ear()
    for number in range(FRAMES_KEPT + 1):
        at_s = 1 + number / 10
        await ear.hear(topics.CAMERA_FRAME, frame(at_s), at_s)
    await ear.hear(topics.OBJECTS_DETECTED, detections(1.0), 9.0)
    assert ear.meters.stages["detection"].own_s.count == 0
    assert ear.meters.stages["detection"].age_s.count == 1


async def test_the_end_of_a_stream_is_no_frame() -> None:
    ear = Ear()
    await ear.hear(topics.CAMERA_FRAME, frame(1.0, end_of_stream=True), 1.0)
    await ear.hear(topics.OBJECTS_DETECTED, detections(1.0, end_of_stream=True), 1.0)
    await ear.hear(topics.TRACKS, tracks(1.0, end_of_stream=True), 1.0)
    assert not any(figures.rates for figures in ear.meters.stages.values())


async def test_an_event_is_measured_from_its_frame_to_row_snapshot_and_clip() -> None:
    ear = Ear()
    happened = event()
    await ear.hear(topics.MOTION_ZONED, tracks(1.0), 1.100)
    await ear.hear(topics.EVENT_CREATED, EventCreated(event=happened), 1.102)
    await ear.hear(topics.EVENT_STORED, stored(), 1.110)
    await ear.hear(topics.EVENT_STORED, stored(), 7.0)  # a later state of the same row
    await ear.hear(topics.SNAPSHOT_READY, artifact(MediaKind.SNAPSHOT), 1.182)
    await ear.hear(topics.SNAPSHOT_READY, artifact(MediaKind.SNAPSHOT), 7.0)
    done = happened.model_copy(update={"state": EventState.COMPLETED})
    await ear.hear(topics.EVENT_COMPLETED, EventCompleted(event=done), 8.0)
    await ear.hear(topics.CLIP_READY, artifact(MediaKind.CLIP), 8.5)
    assert [ear.own_ms(s) for s in ("event", "row", "snapshot", "clip")] == [2, 8, 80, 500]
    assert [ear.age_ms(s) for s in ("event", "row", "snapshot", "clip")] == [102, 110, 182, 0]
    assert ear.meters.events == {(happened.type, "completed"): 1}
    assert [each.state for each in ear.meters.newest_events] == [EventState.COMPLETED]


async def test_an_event_that_a_press_opened_has_waited_for_no_frame() -> None:
    ear = Ear()
    rung = event(presses=(1.0,))
    await ear.hear(topics.MOTION_ZONED, tracks(1.0), 1.1)
    await ear.hear(topics.EVENT_CREATED, EventCreated(event=rung), 5.0)
    assert ear.meters.stages["event"].own_s.count == 0
    assert ear.meters.stages["event"].age_s.count == 0


async def test_what_belongs_to_an_unknown_event_is_left_out() -> None:
    ear = Ear()
    await ear.hear(topics.EVENT_COMPLETED, EventCompleted(event=event()), 1.0)
    await ear.hear(topics.EVENT_STORED, stored(), 1.0)
    await ear.hear(topics.CLIP_READY, artifact(MediaKind.CLIP), 1.0)
    assert ear.meters.stages["row"].own_s.count == ear.meters.stages["clip"].own_s.count == 0


async def test_only_so_many_open_events_are_remembered() -> None:
    ear = Ear()
    for number in range(EVENTS_OPEN + 1):
        one = event(event_id=EVENT_ID if number == 0 else str(number))
        await ear.hear(topics.EVENT_CREATED, EventCreated(event=one), 1.0)
    await ear.hear(topics.EVENT_STORED, stored(), 2.0)
    assert ear.meters.stages["row"].own_s.count == 0


async def test_tracks_are_confirmed_or_discarded() -> None:
    ear = Ear()
    young = track(1, state=TrackState.TENTATIVE)
    weak = track(2, state=TrackState.TENTATIVE)
    await ear.hear(topics.TRACKS, tracks(1.0, [young, weak]), 1.0)
    await ear.hear(topics.TRACKS, tracks(1.1, [track(1)]), 1.1)
    await ear.hear(topics.TRACKS, tracks(1.2, [track(1)]), 1.2)
    await ear.hear(topics.TRACKS, tracks(1.3, [track(1, state=TrackState.ENDED)]), 1.3)
    assert ear.meters.tracks == {("person", "confirmed"): 1, ("person", "discarded"): 1}


async def test_scores_are_counted_by_label() -> None:
    ear = Ear()
    found = detections(1.0, detection(score=0.35), detection(score=0.95), detection("cat"))
    await ear.hear(topics.OBJECTS_DETECTED, found, 1.0)
    assert {label: scores.count for label, scores in ear.meters.scores.items()} == {
        "person": 2,
        "cat": 1,
    }
    assert ear.meters.scores["person"].share_within(0.4) == 0.5


async def test_a_camera_is_available_while_it_is_live() -> None:
    ear = Ear()
    for at_s, state in ((0, "connecting"), (10, "live"), (40, "retrying"), (50, "live")):
        status = CameraStatus(camera=CAMERA, state=CameraState(state))
        await ear.hear(topics.STATUS_CAMERA, status, at_s)
    assert ear.meters.cameras[CAMERA].share(100_000_000_000) == pytest.approx(0.8)


async def test_errors_are_counted_with_those_that_were_not_told() -> None:
    ear = Ear()
    report = ErrorReport(
        component="door", error="no", error_type="MediaError", metadata={"repeats": 4}
    )
    await ear.hear(topics.STATUS_ERROR, report, 1.0)
    assert ear.meters.errors == {("door", "MediaError"): 5}


async def test_the_meter_hears_every_topic_in_one_queue_of_the_bus() -> None:
    meters = Meters()
    heard: tuple[tuple[topics.Topic[Any], Payload], ...] = (
        (topics.CAMERA_FRAME.of(CAMERA), frame(0.0)),
        (topics.OBJECTS_DETECTED, detections(0.0)),
        (topics.TRACKS, tracks(0.0)),
    )
    async with Bus(FakeClock()) as bus:
        StageMeter(meters).listen(bus)
        for topic, payload in heard:
            await bus.publish(topic, payload)
        await bus.drain()
    assert [stage for stage, figures in meters.stages.items() if figures.rates] == [
        "capture",
        "detection",
        "tracking",
    ]
