import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.fixtures.face_payloads import ANN, BEN, detected, face
from tests.fixtures.payloads import CAMERA, event, identity, known, quality, utc_at

from spyoncino.modules.storage.face_keeper import PURGE_EVERY_S, FaceKeeper
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import Sighting
from spyoncino.schemas.events import Event, EventCompleted, EventState, Identity
from spyoncino.schemas.faces import GalleryChange
from spyoncino.schemas.media import StorageAck
from spyoncino.schemas.topics import (
    EVENT_COMPLETED,
    EVENT_RELABELLED,
    EVENT_STORED,
    FACES_DETECTED,
    GALLERY_CHANGED,
)
from spyoncino.testing.harness import ModuleHarness


class House:
    """Somebody comes; the event goes into the database and the keeper hears of it."""

    def __init__(self, harness: ModuleHarness, people: FaceDatabase) -> None:
        self.harness = harness
        self.people = people
        self.store = EventStore(harness.context.database)

    async def visit(self, event_id: str, at_s: float, *said: Identity) -> None:
        happened = event(
            EventState.COMPLETED,
            event_id=event_id,
            started_at=utc_at(at_s),
            identities=said or (identity(),),
        )
        message = EventCompleted(event=happened)
        await self.harness.feed(EVENT_COMPLETED, message)
        await self.store.save(happened)
        ack = StorageAck(subject="event", action="stored", key=event_id, event_ref=event_id)
        await self.harness.feed(EVENT_STORED, ack)
        await self.harness.settle()

    async def sightings(self) -> list[Sighting]:
        return await asyncio.to_thread(self.people.strangers.sightings)

    async def kept(self, event_id: str) -> Event:
        found = await self.store.get(event_id)
        assert found is not None
        return found


@pytest.fixture
def people(tmp_path: Path) -> Iterator[FaceDatabase]:
    with FaceDatabase(tmp_path / "faces" / "faces.db") as database:
        yield database


@pytest_asyncio.fixture
async def house(harness: ModuleHarness, people: FaceDatabase) -> House:
    harness.context.people = people
    harness.context.faces = True
    await harness.add(FaceKeeper)
    return House(harness, people)


async def test_the_second_visit_makes_a_stranger_and_tells_both_events(house: House) -> None:
    await house.harness.feed(FACES_DETECTED, detected(1.0, face(ANN)))
    await house.visit("first", 0.0)
    assert [each.stranger for each in (await house.kept("first")).identities] == [None]
    later = detected(3600.0, face(ANN))
    await house.harness.feed(FACES_DETECTED, later)
    house.harness.modules[0]._faces.clear()  # type: ignore[attr-defined]  # another track
    await house.harness.feed(FACES_DETECTED, later)
    await house.visit("second", 3600.0)
    for event_id in ("first", "second"):
        told = await house.kept(event_id)
        assert [each.stranger for each in told.identities] == [1]
        assert told.story.startswith("Stranger 1 came")
    acks = [each.event_ref for each in house.harness.received(EVENT_RELABELLED)]
    assert sorted(acks) == ["first", "second"]
    (stranger,) = await asyncio.to_thread(house.people.strangers.all)
    assert (stranger.sightings, stranger.events) == (2, 2)


async def test_nothing_is_kept_of_who_has_a_name_or_may_be_somebody(house: House) -> None:
    await house.harness.feed(FACES_DETECTED, detected(1.0, face(ANN), face(BEN, track_id=2)))
    unsure = identity(track_id=2, decision="unsure", resembles="Ben")
    await house.visit("named", 0.0, known(), unsure)
    assert await house.sightings() == []


async def test_the_best_face_of_a_track_is_kept_and_small_ones_never(house: House) -> None:
    for pts_s, score in ((1.0, 0.5), (2.0, 0.9), (3.0, 0.7)):
        await house.harness.feed(
            FACES_DETECTED,
            detected(pts_s, face(measured=quality(score)), face(BEN, 2, measured=quality(0.9, 12))),
        )
    await house.visit("first", 0.0, identity(), identity(track_id=2))
    (sighting,) = await house.sightings()
    assert (sighting.quality, sighting.seen_at, sighting.crop) == (0.9, utc_at(2.0), b"jpeg")
    assert (sighting.camera, sighting.event_id, sighting.track_id) == (CAMERA, "first", 1)


async def test_nothing_is_written_before_the_row_of_the_event(house: House) -> None:
    await house.harness.feed(FACES_DETECTED, detected(1.0, face(ANN)))
    open_row = event(EventState.PROCESSING, event_id="late")
    await house.store.save(open_row)
    done = open_row.model_copy(update={"state": EventState.COMPLETED, "identities": (identity(),)})
    await house.harness.feed(EVENT_COMPLETED, EventCompleted(event=done))
    await house.harness.settle()
    assert await house.sightings() == []
    await house.store.save(done)
    ack = StorageAck(subject="event", action="stored", key="late", event_ref="late")
    await house.harness.feed(EVENT_STORED, ack)
    await house.harness.settle()
    assert len(await house.sightings()) == 1


async def test_an_ignored_stranger_is_not_told_any_more(house: House) -> None:
    keeper = house.harness.modules[0]
    for number, at_s in enumerate((0.0, 3600.0, 7200.0)):
        keeper._faces.clear()  # type: ignore[attr-defined]  # each time another track
        await house.harness.feed(FACES_DETECTED, detected(at_s, face(ANN)))
        await house.visit(f"visit-{number}", at_s)
        if number == 1:
            await asyncio.to_thread(house.people.strangers.ignore, 1)
            await house.harness.feed(GALLERY_CHANGED, GalleryChange(change="ignored"))
            await house.harness.settle()
    assert (await house.kept("visit-2")).identities[0].stranger is None


async def test_old_sightings_are_erased(house: House) -> None:
    await house.harness.feed(FACES_DETECTED, detected(1.0, face(ANN)))
    await house.visit("first", 0.0)
    for seconds in (400 * 86400.0, PURGE_EVERY_S):
        await house.harness.clock.advance(seconds)
        await house.harness.settle()
    assert await house.sightings() == []
    assert (await house.harness.modules[0].health()).numbers["purged"] == 1


async def test_without_faces_nothing_is_kept(harness: ModuleHarness) -> None:
    keeper = await harness.add(FaceKeeper)
    await harness.feed(FACES_DETECTED, detected(1.0, face(ANN)))
    assert (await keeper.health()).numbers["remembered"] == 0


async def test_events_that_an_order_has_relabelled_are_told_to_everybody(house: House) -> None:
    change = GalleryChange(change="named", relabelled=("e1", "e2"))
    await house.harness.feed(GALLERY_CHANGED, change)
    told = house.harness.received(EVENT_RELABELLED)
    assert [(each.event_ref, each.action) for each in told] == [
        ("e1", "relabelled"),
        ("e2", "relabelled"),
    ]
