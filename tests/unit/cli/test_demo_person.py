"""The visitor of the demo becomes somebody with a made-up name, and nobody else."""

import asyncio
from pathlib import Path

import cv2
import numpy as np
import pytest

from spyoncino.cli.demo_person import NAME, PORTRAIT, DemoPerson, portrait
from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.hardware.sprites import demo_picture
from spyoncino.persistence.people import FaceDatabase
from spyoncino.schemas.status import StatusNotice
from spyoncino.schemas.topics import STATUS_NOTICE

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "demo")
    folder.prepare()
    return folder


async def introduced(data: DataFolder) -> tuple[str, list[StatusNotice]]:
    """What the demo says, and what the page is told."""
    notices: list[StatusNotice] = []

    async def on_notice(message: Message) -> None:
        notices.append(message.payload)

    bus = Bus(FakeClock())
    bus.subscribe(STATUS_NOTICE, on_notice, name="test")
    await bus.start()
    person = await asyncio.to_thread(DemoPerson, data)
    await asyncio.to_thread(person.look_up)
    told = await person.introduce(bus)
    await bus.stop()
    return told, notices


def names(data: DataFolder) -> list[str]:
    with FaceDatabase(data.face_database) as people:
        return [each.name for each in people.people()]


def add_somebody(data: DataFolder) -> None:
    with FaceDatabase(data.face_database) as people:
        people.add_person("Ann Lee")


def test_the_portrait_is_another_picture_than_the_one_that_is_drawn() -> None:
    drawn = demo_picture("visitor.png")
    enrolled = cv2.imdecode(np.frombuffer(portrait(), np.uint8), cv2.IMREAD_COLOR)
    assert enrolled is not None
    assert enrolled.shape == drawn[..., :3].shape
    seen = drawn[..., 3] == 255
    difference = np.abs(enrolled.astype(int) - drawn[..., :3])[seen]
    assert difference.mean() > 20


async def test_the_visitor_is_enrolled_once_and_the_page_is_told_each_time(
    data: DataFolder,
) -> None:
    told, notices = await introduced(data)
    assert told.startswith(f"The visitor has a made-up name, {NAME}")
    assert [(each.severity, each.message) for each in notices] == [("info", told)]
    assert await asyncio.to_thread(names, data) == [NAME]
    await asyncio.to_thread((data.root / PORTRAIT).unlink)
    again, _ = await introduced(data)
    assert again == told
    assert not await asyncio.to_thread((data.root / PORTRAIT).exists)


async def test_where_real_people_are_known_nobody_is_made_up(data: DataFolder) -> None:
    await asyncio.to_thread(add_somebody, data)
    assert await introduced(data) == ("", [])
    assert await asyncio.to_thread(names, data) == ["Ann Lee"]


async def test_a_failed_enrolment_is_told_and_harms_nothing(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.cli.demo_person.portrait", lambda: b"no picture")
    told, (notice,) = await introduced(data)
    assert told.startswith("The visitor could not be enrolled and stays unknown: ")
    assert notice.severity == "warning"
    assert PORTRAIT in told
