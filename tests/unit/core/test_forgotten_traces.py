"""Who is forgotten is in no byte of any file that the house keeps of messages and events."""

import asyncio
from pathlib import Path

import pytest
from tests.fixtures.durable_ear import line_of, running
from tests.fixtures.programs import wait_for

from spyoncino.clock import SystemClock
from spyoncino.core.control_desk import ControlDesk
from spyoncino.core.gallery_orders import ADD, FORGET, order_gallery, register_gallery
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.core.queues import Policy
from spyoncino.persistence.alert_sheets import AlertSheet, AlertSheetStore
from spyoncino.persistence.database import Database
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.persistence.people import FaceDatabase
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.topics import GALLERY_CHANGED, NOTIFY_QUEUED

NAME = "Zebulon Quillfeather"
TRACES = (NAME.encode(), b"ebulon", b"uillfeather")
MESSAGES = 60


def told(number: int) -> AlertNotification:
    """Every fifth is so long that it does not fit on one page of the file."""
    text = f"{NAME} rang at door. " * (400 if number % 5 == 0 else 3)
    return AlertNotification(event_ref=f"e{number}", channel="post", title=NAME, text=text)


def traces(root: Path) -> set[str]:
    """Files in which some of the name is found."""
    return {
        path.name
        for path in root.rglob("*")
        if path.is_file() and any(trace in path.read_bytes() for trace in TRACES)
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    monkeypatch.setattr("spyoncino.core.critical.SWEEP_S", 0.02)
    made = DataFolder(tmp_path / "data")
    made.prepare()
    return made


async def keep(database: Database, number: int) -> None:
    """What the alert engine and a channel note of a message."""
    deliveries, sheets, now = (
        DeliveryStore(database),
        AlertSheetStore(database),
        SystemClock().utc_now(),
    )
    alert = told(number)
    await deliveries.want(DeliveryKey(alert.event_ref, "post", "me"), alert, now)
    await sheets.keep(AlertSheet(alert.event_ref, "me", (alert,), facts={}), now)


async def test_a_forgotten_name_is_in_no_byte_of_the_databases_or_their_logs(
    folder: DataFolder,
) -> None:
    heard: list[str] = []

    async def hear(message: Message) -> None:
        heard.append(message.topic)

    database = Database(folder.database)
    await asyncio.to_thread(folder.lock)
    await database.open()
    people = await asyncio.to_thread(FaceDatabase, folder.face_database)
    desk = ControlDesk(folder.socket)
    async with running(folder.outbox) as bus:
        for topic in (NOTIFY_QUEUED.pattern, GALLERY_CHANGED.name):
            bus.subscribe(topic, hear, name=f"ear {topic}", policy=Policy.BLOCK, durable=True)
        register_gallery(desk, lambda: people, database, bus)
        await desk.open()
        await order_gallery(folder, ADD, name=NAME, faces=[], model="m")
        for number in range(MESSAGES):
            await bus.publish(NOTIFY_QUEUED.of("post"), told(number))
            await keep(database, number)
        found = await asyncio.to_thread(traces, folder.root)
        assert {path.partition("-")[0] for path in found} >= {"spyoncino.db", "outbox.db"}
        await order_gallery(folder, FORGET, name=NAME)
        await bus.drain()
        line = line_of(bus)
        await asyncio.to_thread(wait_for, lambda: not line._is_scrub_due, 15.0, lambda: "")
        assert await asyncio.to_thread(traces, folder.root) == set()
        await desk.close()
    people.close()
    await database.close()
    folder.unlock()
    assert len(heard) == MESSAGES + 2


async def test_who_was_forgotten_while_nothing_ran_is_in_no_byte_after_the_next_start(
    folder: DataFolder,
) -> None:
    async def hear(_: Message) -> None:
        return

    async with running(folder.outbox) as bus:
        bus.subscribe(NOTIFY_QUEUED.pattern, hear, name="ear", policy=Policy.BLOCK, durable=True)
        line = line_of(bus)
        await asyncio.to_thread(wait_for, lambda: not line._is_scrub_due, 15.0, lambda: "")
        await bus.publish(NOTIFY_QUEUED.of("post"), told(1))
        await bus.drain()
    await order_gallery(folder, ADD, name=NAME, faces=[], model="m")
    await order_gallery(folder, FORGET, name=NAME)
    assert await asyncio.to_thread(traces, folder.root) == {"outbox.db"}
    async with running(folder.outbox) as bus:
        bus.subscribe(NOTIFY_QUEUED.pattern, hear, name="ear", policy=Policy.BLOCK, durable=True)
        line = line_of(bus)
        await asyncio.to_thread(wait_for, lambda: not line._is_scrub_due, 15.0, lambda: "")
        assert await asyncio.to_thread(traces, folder.root) == set()
