"""The face worker in the whole: the integration cases that the specification names (D-TST-10)."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.fixtures.drawn_visit import VISITOR, visit

from spyoncino.app import Application
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.detectors.base import DetectorUnavailableWarning
from spyoncino.detectors.factory import (
    DetectorFactory,
    UnknownDetectorError,
    create_face_detector,
)
from spyoncino.runtime.face_task import build_face_task
from spyoncino.schemas import topics
from spyoncino.schemas.base import Payload
from spyoncino.schemas.events import Event, Verdict
from spyoncino.schemas.faces import FaceDetectionEvent, FaceRecognitionEvent
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.status import WorkerCheck, WorkerReport

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

SPECIFIED_ANSWER = {
    "worker_id",
    "detector_type",
    "worker_count",
    "queue_size",
    "pending_jobs",
    "detection_rate",
    "error_rate",
    "avg_processing_time",
}
"""D-FDW-15."""


@dataclass
class Seen:
    """What one visit put on the bus."""

    events: list[Event] = field(default_factory=list)
    frames: dict[str, Frame] = field(default_factory=dict)
    found: list[FaceDetectionEvent] = field(default_factory=list)
    recognised: list[FaceRecognitionEvent] = field(default_factory=list)
    errors: list[Payload] = field(default_factory=list)
    report: WorkerReport | None = None
    metrics: dict[str, Any] = field(default_factory=dict)


async def watched(folder: Path) -> Seen:
    """A visit at the drawn door, with everything said about faces."""
    seen = Seen()

    def listen(application: Application) -> None:
        async def on_frame(message: Message) -> None:
            seen.frames[message.payload.event_id] = message.payload

        async def on_found(message: Message) -> None:
            seen.found.append(message.payload)

        async def on_recognised(message: Message) -> None:
            seen.recognised.append(message.payload)

        async def on_error(message: Message) -> None:
            seen.errors.append(message.payload)

        bus = application.bus
        for topic in (topics.CAMERA_FRAME, topics.CAMERA_BURST):
            bus.subscribe(topic, on_frame, name=f"test {topic.name}")
        bus.subscribe(topics.FACES_DETECTED, on_found, name="test found")
        bus.subscribe(topics.FACES_RECOGNIZED, on_recognised, name="test recognised")
        bus.subscribe(topics.DETECTION_ERRORS, on_error, name="test errors")

    async def then(application: Application) -> None:
        check = WorkerCheck(source="test")
        answer = await application.bus.request(topics.WORKER_CHECK, check, timeout_s=5.0)
        assert isinstance(answer, WorkerReport)
        seen.report = answer

    data = DataFolder(folder)
    await asyncio.to_thread(data.prepare)
    seen.events = await visit(data, listen=listen, then=then, faces={"enabled": True})
    return seen


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return asyncio.run(watched(tmp_path_factory.mktemp("visit")))


def test_end_to_end_detection_pipeline(seen: Seen) -> None:
    """Camera, person, face, identity, event; and the workers say how they were."""
    (event,) = seen.events
    assert event.type == "doorbell"
    assert [each.decision for each in event.identities] == [Verdict.UNKNOWN]
    looked = [each for each in seen.found if each.looked]
    faces = [face for each in looked for face in each.faces]
    assert faces
    assert all(len(face.vector) == 192 * 4 for face in faces if face.vector)
    told = [identity for each in seen.recognised for identity in each.recognition_results]
    assert {identity.track_id for identity in told} >= {event.identities[0].track_id}
    assert any(face.track_id == event.identities[0].track_id for face in faces)
    assert seen.errors == []
    assert seen.report is not None
    assert seen.report.data.keys() == SPECIFIED_ANSWER | {"workers_ready"}
    assert (seen.report.worker_id, seen.report.error_rate) == ("pool", 0)
    assert seen.report.detector_type == "cpu"


def test_frame_capture_integration(seen: Seen) -> None:
    """Every look was at a picture of the camera, in its order."""
    times = {round(each.frame.pts_s, 6) for each in seen.frames.values()}
    looked = [each for each in seen.found if each.looked]
    assert {round(each.frame.pts_s, 6) for each in looked} <= times
    assert [each.frame.pts_s for each in looked] == sorted(each.frame.pts_s for each in looked)
    assert len(looked) >= 2
    assert {each.frame.camera for each in looked} == {"door"}
    assert len({each.event_id for each in looked}) == len(looked)
    last = seen.found[-1]
    assert last.end_of_stream, "the end of the stream comes behind its looks"


def test_detector_factory_integration() -> None:
    """Each strategy that can run here finds the drawn face through the worker's own task."""
    factory = DetectorFactory(task="faces")
    here = factory.list_available()
    assert {"cpu", "mock"} <= set(here)
    drawn = np.asarray(cv2.imread(str(VISITOR)), np.uint8)
    picture = np.full((drawn.shape[0] + 80, drawn.shape[1] + 280, 3), 120, np.uint8)
    picture[40:-40, 140:-140] = drawn
    found = {}
    for name in here:
        config = {"delegate": "cpu"} if name == "edgetpu" else {}
        task = build_face_task({"detector": name, "config": config, "embedder": None})
        result = task.look.look(picture, whole=True)
        found[name] = len(result.faces)
        assert result.metrics.detection_count >= len(result.faces)
        assert task.health()["healthy"] is True
        task.close()
    assert found["cpu"] == 1
    assert all(count >= 1 for name, count in found.items() if name != "mock"), found
    with pytest.raises(UnknownDetectorError, match="did you mean 'cpu'"):
        factory.get_detector_class("cpuu")
    absent = sorted({"gpu", "openvino"} - set(here))
    for name in absent:
        with pytest.warns(DetectorUnavailableWarning):
            fallen_back = create_face_detector(name, {})
        assert fallen_back.name == "cpu:centerface"
        fallen_back.close()
