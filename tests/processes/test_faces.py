"""From a drawn visitor to a name: real processes, real models, nobody else's pictures."""

import asyncio
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from spyoncino.app import Application, load_modules
from spyoncino.cli.demo_person import portrait
from spyoncino.core.config_load import load_config
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.detectors.embedders import create_embedder
from spyoncino.detectors.factory import create_face_detector
from spyoncino.persistence.people import FaceDatabase
from spyoncino.runtime.face_look import FaceLook
from spyoncino.schemas import topics
from spyoncino.schemas.events import Event, Verdict
from spyoncino.schemas.status import CameraState

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


def another_picture_of_the_visitor() -> Any:
    """Mirrored, in other light and encoded anew: not what the camera will show."""
    return cv2.imdecode(np.frombuffer(portrait(), np.uint8), cv2.IMREAD_COLOR)


def enrol(data: DataFolder, name: str) -> None:
    look = FaceLook(create_face_detector("cpu", {}), create_embedder({}))
    (found, *_), model = (
        (result := look.look(another_picture_of_the_visitor(), (), whole=True)).faces,
        result.embedder,
    )
    look.close()
    with FaceDatabase(data.face_database) as people:
        person = people.add_person(name)
        people.add_face(
            person.person_id, np.frombuffer(found.vector, "<f4"), model=model, crop=found.crop
        )


def build(data: DataFolder, settings: dict[str, Any]) -> Application:
    """One visit at the drawn door, as fast as the machine can."""
    source = {
        "type": "sim",
        "duration_s": 10.0,
        "fps": 10.0,
        "visitor_at_s": 0.5,
        "press_at_s": 7.0,
        "cat_at_s": -1.0,
    }
    overrides = {
        "cameras": {"door": {"source": source, "doorbell": "front"}},
        "console": {"show": "off"},
        "web": {"enabled": False},
        "preview": {"enabled": False},
        **settings,
    }
    registry = load_modules()
    loaded = load_config(
        registry,
        overrides=overrides,
        working_folder=data.root,
        config_home=data.root,
        measure=False,
    )
    return Application(loaded, registry, data, lossless=True)


async def visit(data: DataFolder, **settings: Any) -> list[Event]:
    """The events that were completed."""
    application = await asyncio.to_thread(build, data, settings)
    ended = asyncio.Event()
    events: list[Event] = []

    async def on_camera(message: Message) -> None:
        if message.payload.state is CameraState.ENDED:
            ended.set()

    async def on_completed(message: Message) -> None:
        events.append(message.payload.event)

    application.bus.subscribe(topics.STATUS_CAMERA, on_camera, name="test cameras")
    application.bus.subscribe(topics.EVENT_COMPLETED, on_completed, name="test events")
    async with application:
        await asyncio.wait_for(ended.wait(), 100)
    return events


async def test_the_visitor_is_named_in_the_event_that_the_press_is_in(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    await asyncio.to_thread(data.prepare)
    await asyncio.to_thread(enrol, data, "Ann Lee")
    (event,) = await visit(data, faces={"enabled": True})
    assert event.type == "doorbell"
    assert [(each.name, each.decision) for each in event.identities] == [("Ann Lee", Verdict.KNOWN)]
    assert event.story.startswith("Ann Lee rang at")
    assert event.best is not None
    assert event.best.label == "face"
