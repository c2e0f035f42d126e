"""Orders about people: the same whether main runs or not, and told on the bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk
from spyoncino.core.gallery_orders import (
    ADD,
    FLAG,
    FORGET,
    IGNORE_STRANGER,
    NAME_SIGHTING,
    NAME_STRANGER,
    REMOVE,
    face_from_plain,
    face_to_plain,
    order_gallery,
    register_gallery,
)
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.errors import StorageError, UsageError
from spyoncino.persistence.alert_sheets import AlertSheet, AlertSheetStore
from spyoncino.persistence.database import Database
from spyoncino.persistence.decisions import DecisionStore
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import NewFace, NewSighting, Person
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.decisions import Decision
from spyoncino.schemas.events import Event, EventState, Identity, Verdict
from spyoncino.schemas.topics import GALLERY_CHANGED

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.prepare()
    return made


@asynccontextmanager
async def running_main(folder: DataFolder) -> AsyncIterator[list[Any]]:
    """A main of nothing but what obeys the orders; gives the changes that it tells."""
    told: list[Any] = []

    async def hear(message: Message) -> None:
        told.append(message.payload)

    database = Database(folder.database)
    await asyncio.to_thread(folder.lock)
    await database.open()
    people = await asyncio.to_thread(FaceDatabase, folder.face_database)
    desk = ControlDesk(folder.socket)
    try:
        async with Bus(SystemClock()) as bus:
            bus.subscribe(GALLERY_CHANGED, hear, name="ear")
            register_gallery(desk, lambda: people, database, bus)
            await desk.open()
            yield told
            await bus.drain()
            await desk.close()
    finally:
        people.close()
        await database.close()
        folder.unlock()


def faces(count: int = 1) -> list[dict[str, Any]]:
    return [
        face_to_plain(NewFace(np.array([1.0, each]), {"n": each}, b"crop", 0.5))
        for each in range(count)
    ]


async def save_event(folder: DataFolder, event_id: str, *identities: Identity) -> None:
    database = Database(folder.database)
    await database.open()
    await EventStore(database).save(make_event(event_id, *identities))
    await database.close()


def make_event(event_id: str, *identities: Identity) -> Event:
    return Event(
        event_id=event_id,
        camera="door",
        type="person",
        state=EventState.COMPLETED,
        start_s=0,
        end_s=1,
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=1),
        identities=identities,
    )


async def identities(folder: DataFolder, event_id: str) -> tuple[Identity, ...]:
    database = Database(folder.database)
    await database.open()
    event = await EventStore(database).get(event_id)
    await database.close()
    assert event is not None
    return event.identities


def identity(**facts: Any) -> Identity:
    usual = {"decision": Verdict.UNKNOWN, "similarity": 0.2, "margin": 0.1, "track_id": 1}
    return Identity.model_validate({**usual, **facts})


def with_people(folder: DataFolder) -> FaceDatabase:
    return FaceDatabase(folder.face_database)


def see_stranger(folder: DataFolder, *events: str) -> int:
    with with_people(folder) as people:
        number = people.strangers.new_stranger(NOON)
        for at, event in enumerate(events):
            people.strangers.add_sighting(
                NewSighting(
                    "door", event, NOON, np.array([1.0, at]), "m", 1, b"crop%d" % at, 0.5, number
                )
            )
    return number


def test_a_face_survives_being_said_as_json() -> None:
    face = NewFace(np.array([0.1, -2.0]), {"file": "ä.jpg"}, b"\xff\xd8", None)
    again = face_from_plain(face_to_plain(face))
    assert np.array_equal(again.encoding, face.encoding)
    assert (again.metadata, again.crop, again.quality) == ({"file": "ä.jpg"}, b"\xff\xd8", None)
    with pytest.raises(UsageError, match="this is no face"):
        face_from_plain({"encoding": "?"})


async def test_orders_do_the_same_on_a_house_at_rest_and_on_a_running_one(
    folder: DataFolder,
) -> None:
    async def life() -> list[Any]:
        done = [
            await order_gallery(folder, ADD, name="Ann Lee", model="m", faces=faces(3)),
            await order_gallery(folder, FLAG, name="ann lee", kind="blocked"),
            await order_gallery(folder, REMOVE, face_ids=["2"]),
        ]
        receipt = await order_gallery(folder, FORGET, name="Ann Lee")
        return [*done, receipt]

    at_rest = await life()
    assert at_rest[0] == {"person_id": "ann-lee", "name": "Ann Lee", "face_ids": ["1", "2", "3"]}
    assert at_rest[1] == {"person_id": "ann-lee", "name": "Ann Lee", "kind": "blocked"}
    assert at_rest[2] == {"removed": 1}
    assert (at_rest[3]["faces"], at_rest[3]["crops"], at_rest[3]["events"]) == (2, 2, 0)
    await asyncio.to_thread(folder.face_database.unlink)
    async with running_main(folder) as told:
        running = await life()
    assert running == at_rest
    assert [each.change for each in told] == ["enrolled", "blocked", "forgotten", "forgotten"]
    assert told[0].person_ids == ("ann-lee",)


async def test_what_cannot_be_is_refused_by_both(folder: DataFolder) -> None:
    async def refused() -> None:
        with pytest.raises(UsageError, match="there is nobody called 'eve'"):
            await order_gallery(folder, FORGET, name="eve")
        with pytest.raises(UsageError, match="there is no stranger 4"):
            await order_gallery(folder, NAME_STRANGER, stranger=4, name="Eve")

    await refused()
    async with running_main(folder) as told:
        await refused()
        with pytest.raises(UsageError, match="was given wrong arguments"):
            await order_gallery(folder, ADD, name="Eve", model="m")
    assert told == []


async def test_naming_a_stranger_makes_references_and_relabels_the_past(
    folder: DataFolder,
) -> None:
    number = await asyncio.to_thread(see_stranger, folder, "e1", "e2")
    await save_event(folder, "e1", identity(), identity(track_id=2))
    await save_event(folder, "e3", identity(stranger=number, track_id=9))
    done = await order_gallery(folder, NAME_STRANGER, stranger=number, name="Ann Lee")
    assert done == {
        "stranger": number,
        "person_id": "ann-lee",
        "name": "Ann Lee",
        "faces": 2,
        "events": 2,
    }
    first, second = await identities(folder, "e1")
    assert (first.name, first.person_id, first.decision) == ("Ann Lee", "ann-lee", Verdict.KNOWN)
    assert first.reason == f"named later: stranger {number} is Ann Lee"
    assert second == identity(track_id=2)
    assert (await identities(folder, "e3"))[0].name == "Ann Lee"

    def check() -> None:
        with with_people(folder) as people:
            assert [face.crop for face in people.list_faces("ann-lee")] == [b"crop0", b"crop1"]
            assert people.strangers.get(number).person_id == "ann-lee"

    await asyncio.to_thread(check)
    with pytest.raises(UsageError, match=f"stranger {number} is ann-lee already"):
        await order_gallery(folder, NAME_STRANGER, stranger=number, name="Bob")


def see_once(folder: DataFolder, event: str) -> int:
    with with_people(folder) as people:
        seen = NewSighting("door", event, NOON, np.array([1.0, 0.0]), "m", 1, b"crop", 0.5)
        return people.strangers.add_sighting(seen)


async def test_who_came_once_can_be_named_by_the_face_that_was_seen(folder: DataFolder) -> None:
    sighting = await asyncio.to_thread(see_once, folder, "e1")
    await save_event(folder, "e1", identity(), identity(track_id=2))
    done = await order_gallery(folder, NAME_SIGHTING, sighting=sighting, name="Ann Lee")
    assert (done["name"], done["faces"], done["events"]) == ("Ann Lee", 1, 1)
    first, second = await identities(folder, "e1")
    assert (first.name, first.decision) == ("Ann Lee", Verdict.KNOWN)
    assert second == identity(track_id=2)
    with pytest.raises(UsageError, match=f"face {sighting} is Ann Lee already"):
        await order_gallery(folder, NAME_SIGHTING, sighting=sighting, name="Bob")
    await order_gallery(folder, FORGET, name="Ann Lee")
    with pytest.raises(UsageError, match=f"face {sighting} is not kept any more"):
        await order_gallery(folder, NAME_SIGHTING, sighting=sighting, name="Bob")


async def test_the_face_of_a_numbered_stranger_names_all_visits_of_that_stranger(
    folder: DataFolder,
) -> None:
    number = await asyncio.to_thread(see_stranger, folder, "e1", "e2")
    done = await order_gallery(folder, NAME_SIGHTING, sighting=2, name="Ann")
    assert (done["stranger"], done["faces"]) == (number, 2)


@pytest.mark.parametrize(("name", "problem"), [("Bob", "Bob is blocked"), ("!?", "is no name")])
async def test_a_face_that_cannot_get_a_name_gets_no_number_either(
    folder: DataFolder, name: str, problem: str
) -> None:
    sighting = await asyncio.to_thread(see_once, folder, "e1")
    await order_gallery(folder, ADD, name="Bob", kind="blocked", model="m", faces=faces())
    with pytest.raises(UsageError, match=problem):
        await order_gallery(folder, NAME_SIGHTING, sighting=sighting, name=name)

    def strangers() -> list[Any]:
        with with_people(folder) as people:
            return people.strangers.all()

    assert await asyncio.to_thread(strangers) == []


async def test_a_stranger_named_as_blocked_is_blocked_in_the_past_too(folder: DataFolder) -> None:
    number = await asyncio.to_thread(see_stranger, folder, "e1")
    await save_event(folder, "e1", identity())
    await order_gallery(folder, NAME_STRANGER, stranger=number, name="Bob", kind="blocked")
    assert (await identities(folder, "e1"))[0].decision is Verdict.BLOCKED


async def test_an_ignored_stranger_becomes_an_anchor_and_leaves_past_events(
    folder: DataFolder,
) -> None:
    number = await asyncio.to_thread(see_stranger, folder, "e1")
    await save_event(folder, "e1", identity(), identity(track_id=2))
    done = await order_gallery(folder, IGNORE_STRANGER, stranger=number)
    assert (done["name"], done["faces"], done["events"]) == (f"Ignored {number}", 1, 1)
    assert await identities(folder, "e1") == (identity(track_id=2),)

    def check() -> None:
        with with_people(folder) as people:
            assert people.references("m")[0].kind == "ignored"
            assert people.strangers.get(number).is_ignored

    await asyncio.to_thread(check)


async def test_a_forgotten_person_is_told_by_no_event_any_more(folder: DataFolder) -> None:
    await order_gallery(folder, ADD, name="Ann Lee", model="m", faces=faces())
    known = identity(
        decision=Verdict.KNOWN, name="Ann Lee", person_id="ann-lee", reason="0.9 to Ann"
    )
    unsure = identity(decision=Verdict.UNSURE, resembles="Ann Lee", track_id=2, reason="to Ann")
    bob = identity(decision=Verdict.KNOWN, name="Bob", person_id="bob", track_id=3)
    await save_event(folder, "e1", known, unsure, bob)
    receipt = await order_gallery(folder, FORGET, name="Ann Lee")
    assert receipt["events"] == 1
    after = await identities(folder, "e1")
    assert "Ann" not in "".join(each.model_dump_json() for each in after)
    assert after[0].decision is Verdict.UNKNOWN
    assert after[2] == bob


async def test_every_event_whose_people_changed_is_told_on_the_bus_and_no_other(
    folder: DataFolder,
) -> None:
    numbers = [await asyncio.to_thread(see_stranger, folder, event) for event in ("e1", "e2")]
    sighting = await asyncio.to_thread(see_once, folder, "e3")
    for event in ("e1", "e2", "e3", "e4"):
        await save_event(folder, event, identity())
    orders: list[tuple[str, dict[str, Any], list[str]]] = [
        (NAME_STRANGER, {"stranger": numbers[0], "name": "Ann"}, ["e1"]),
        (NAME_SIGHTING, {"sighting": sighting, "name": "Ann"}, ["e3"]),
        (IGNORE_STRANGER, {"stranger": numbers[1]}, ["e2"]),
        (FORGET, {"name": "Ann"}, ["e1", "e3"]),
    ]
    for order, arguments, expected in orders:
        async with running_main(folder) as told:
            await order_gallery(folder, order, **arguments)
        assert [sorted(each.relabelled) for each in told] == [expected]


async def test_a_forgotten_person_is_in_no_message_that_was_told_and_others_stay(
    folder: DataFolder,
) -> None:
    for name in ("Jörg", "Jörg Maria"):
        await order_gallery(folder, ADD, name=name, model="m", faces=faces())
    database = Database(folder.database)
    await database.open()
    people = await asyncio.to_thread(known_people, folder)
    await tell_visit(
        database,
        [
            identity(name=each.name, person_id=each.person_id, decision="known", track_id=at)
            for at, each in enumerate(people)
        ],
    )
    await database.close()
    await order_gallery(folder, FORGET, name="Jörg")
    database = Database(folder.database)
    await database.open()
    (delivery,) = await DeliveryStore(database).of_event("e1")
    assert delivery.alert.title == "Somebody and Jörg Maria at door"
    assert delivery.alert.event is not None
    assert delivery.alert.event.names == ("Jörg Maria",)
    sheet = await AlertSheetStore(database).get("e1")
    assert sheet is not None
    assert sheet.alerts == (delivery.alert,)
    assert sheet.facts["held"] == {"email": "pause after somebody and Jörg Maria"}
    (decision,) = await DecisionStore(database).of_event("e1")
    assert decision.reason == "known: somebody, 0.1 above Jörg Maria"
    await database.close()


def known_people(folder: DataFolder) -> list[Person]:
    with with_people(folder) as people:
        return people.people()


async def tell_visit(database: Database, seen: list[Identity]) -> None:
    """An event of which a message was told and kept wherever messages are kept."""
    event = make_event("e1", *seen)
    await EventStore(database).save(event)
    alert = AlertNotification(
        event_ref="e1", channel="post", title="Jörg and Jörg Maria at door", text="x", event=event
    )
    await DeliveryStore(database).want(DeliveryKey("e1", "post", "me"), alert, NOON)
    facts = {
        "event": event.model_dump(mode="json"),
        "held": {"email": "pause after Jörg and Jörg Maria"},
    }
    await AlertSheetStore(database).keep(AlertSheet("e1", "alerts", (alert,), facts=facts), NOON)
    reason = "known: Jörg, 0.1 above Jörg Maria"
    decision = Decision(
        stage="s", camera="door", subject="f", passed=True, reason=reason, first_s=0, last_s=1
    )
    await DecisionStore(database).replace("e1", [decision])


async def test_an_encrypted_gallery_needs_its_key_at_rest(folder: DataFolder) -> None:
    key = b"k" * 32
    await order_gallery(folder, ADD, key=key, name="Ann", model="m", faces=faces())
    with pytest.raises(StorageError, match="is encrypted"):
        await order_gallery(folder, FORGET, name="Ann")
    assert folder.running_process is None
    await order_gallery(folder, FORGET, key=key, name="Ann")
