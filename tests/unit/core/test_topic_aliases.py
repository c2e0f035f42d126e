"""The doorbell's names and the canonical ones mean the same, whoever says which."""

from typing import Any

import pytest
from tests.fixtures.bus_ear import DOOR, Ear, press

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.topic_aliases import (
    ALIASES,
    canonical_name,
    canonical_pattern,
    doorbell_name,
)
from spyoncino.core.topic_match import declared_topic
from spyoncino.errors import WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.faces import FaceDetectionEvent
from spyoncino.schemas.topics import CAMERA_BURST, CAMERA_FRAME, FACES_DETECTED
from spyoncino.testing.examples import EXAMPLES, FRAME

SPECIFIED = {
    "doorbell_pressed": "doorbell.{id}.pressed",
    "frame_captured": "camera.{id}.frame",
    "faces_detected": "process.face.detected",
    "face_detected": "process.face.detected",
    "faces_recognized": "process.face.recognized",
    "detection_errors": "status.error.detection",
    "worker_health_check": "status.worker.check",
    "worker_health_responses": "status.worker.report",
    "system_shutdown": "status.shutdown",
    "system_error": "status.system.error",
    "performance_warning": "status.performance.warning",
    "analytics.health.summary": "status.health.summary",
    "dashboard.commands": "dashboard.control.command",
    "dashboard.*.commands": "dashboard.control.command",
}
SEEN = next(each for each in EXAMPLES if isinstance(each, FaceDetectionEvent))
(ADA,) = SEEN.faces
GRACE = ADA.model_copy(update={"track_id": 2})
TWO = SEEN.model_copy(update={"faces": (ADA, GRACE)})


def payload_for(name: str) -> Payload:
    """A payload that may be published under this doorbell name."""
    topic = declared_topic(SPECIFIED[name].replace("{id}", "door"))
    assert topic is not None
    return next(
        each for each in EXAMPLES if isinstance(each, Payload) and type(each) is topic.payload
    )


def test_the_table_is_that_of_the_specification() -> None:
    assert {alias.name: alias.canonical for alias in ALIASES.values()} == SPECIFIED


@pytest.mark.parametrize("name", SPECIFIED)
def test_a_canonical_name_is_a_declared_topic(name: str) -> None:
    assert declared_topic(SPECIFIED[name].replace("{id}", "door")) is not None


@pytest.mark.parametrize("name", SPECIFIED)
async def test_who_listens_by_the_doorbell_name_hears_the_canonical_one(name: str) -> None:
    payload = payload_for(name)
    ear = Ear()
    async with Bus(SystemClock()) as bus:
        bus.subscribe(name, ear, name="old code")
        await bus.publish(canonical_name(name, payload), payload)
        await bus.drain()
    assert [message.topic for message in ear.messages] == [canonical_name(name, payload)]


@pytest.mark.parametrize("name", SPECIFIED)
async def test_who_listens_by_the_canonical_name_hears_the_doorbell_one(name: str) -> None:
    payload = payload_for(name)
    ear = Ear()
    async with Bus(SystemClock()) as bus:
        bus.subscribe(SPECIFIED[name].replace("{id}", "*"), ear, name="new code")
        await bus.publish(name.replace("*", "hall"), payload)
        await bus.publish(name.replace("*", "garden"), payload)
        await bus.drain()
    assert [message.payload for message in ear.messages] == [payload, payload]
    assert {message.topic for message in ear.messages} == {canonical_name(name, payload)}
    assert ALIASES[doorbell_name(ear.messages[0].topic) or ""].canonical == SPECIFIED[name]


async def test_one_dashboard_of_many_hears_and_gives_the_same_commands() -> None:
    command = payload_for("dashboard.*.commands")
    ear = Ear()
    async with Bus(SystemClock()) as bus:
        bus.subscribe("dashboard.hall.commands", ear, name="hall")
        await bus.publish("dashboard.garden.commands", command)
        await bus.drain()
    assert [message.topic for message in ear.messages] == ["dashboard.control.command"]
    assert canonical_pattern("dashboard.hall.commands.more") == "dashboard.hall.commands.more"


def test_a_family_is_filled_from_the_payload() -> None:
    assert canonical_name("doorbell_pressed", press()) == DOOR.name
    assert canonical_name("frame_captured", FRAME) == "camera.door.frame"
    assert canonical_name("camera.door.frame", FRAME) == "camera.door.frame"
    of_press = FRAME.model_copy(update={"trigger_id": "press-1"})
    assert canonical_name("frame_captured", of_press) == "camera.door.burst"


async def test_a_payload_that_tells_no_entity_is_refused_and_told() -> None:
    ear = Ear()
    settled: list[str] = []
    async with Bus(SystemClock()) as bus:
        bus.subscribe("status.contract", ear, name="contract")
        with pytest.raises(WiringError, match="carries DoorbellEvent, not Frame"):
            await bus.publish("doorbell_pressed", FRAME, on_settled=lambda: settled.append("yes"))
        await bus.drain()
    assert len(ear.messages) == 1
    assert settled == ["yes"]


async def test_a_wrong_payload_under_a_plain_alias_is_refused() -> None:
    async with Bus(SystemClock()) as bus:
        with pytest.raises(
            WiringError, match="system_shutdown carries ShutdownNotice, not DoorbellEvent"
        ):
            await bus.publish("system_shutdown", press())


async def test_one_message_per_face_for_the_singular_and_per_frame_for_the_plural() -> None:
    single, batch, both = Ear(), Ear(), Ear()
    async with Bus(SystemClock()) as bus:
        bus.subscribe("face_detected", single, name="per face")
        bus.subscribe("faces_detected", batch, name="per frame")
        bus.subscribe("doorbell_pressed|face_detected", both, name="both")
        await bus.publish(DOOR, press())
        await bus.publish(FACES_DETECTED, TWO)
        await bus.publish(FACES_DETECTED, SEEN.model_copy(update={"faces": ()}))
        await bus.drain()
    assert [message.payload.faces for message in single.messages] == [(ADA,), (GRACE,)]
    assert [message.payload.event_id for message in single.messages] == [
        f"{TWO.event_id}/1",
        f"{TWO.event_id}/2",
    ]
    assert [message.payload.faces for message in batch.messages] == [(ADA, GRACE), ()]
    assert [message.topic for message in both.messages] == [DOOR.name, *[FACES_DETECTED.name] * 2]


async def test_frames_of_a_burst_are_captured_frames_but_no_camera_frames() -> None:
    old, new = Ear(), Ear()
    async with Bus(SystemClock()) as bus:
        bus.subscribe("frame_captured", old, name="old code")
        bus.subscribe("camera.*.frame", new, name="tracker")
        await bus.publish(CAMERA_BURST.of("door"), FRAME)
        await bus.publish(CAMERA_FRAME.of("door"), FRAME)
        await bus.drain()
    assert [message.topic for message in old.messages] == ["camera.door.burst", "camera.door.frame"]
    assert [message.topic for message in new.messages] == ["camera.door.frame"]


async def test_a_synchronous_handler_gets_its_faces_one_by_one_too() -> None:
    heard: list[Any] = []

    def hear(message: Message) -> None:
        heard.append(message.data.faces)

    async with Bus(SystemClock()) as bus:
        bus.subscribe("face_detected", hear, name="per face")
        await bus.publish("face_detected", TWO)
        await bus.drain()
    assert heard == [(ADA,), (GRACE,)]


def test_patterns_keep_what_is_no_alias() -> None:
    assert canonical_pattern("camera.*.frame|frame_captured") == (
        "camera.*.frame|camera.*.frame|camera.*.burst"
    )
    assert canonical_pattern("status.#|system_shutdown") == "status.#|status.shutdown"
    assert doorbell_name("event.created") is None
    assert doorbell_name("doorbell.*.pressed") == "doorbell_pressed"
    assert doorbell_name("camera.door.burst") == "frame_captured"
    assert doorbell_name(FACES_DETECTED.name) == "faces_detected"
