"""A stranger gets a name: asked for, checked, kept, and told in the message of the visit."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from tests.fixtures.face_payloads import ANN, detected, face
from tests.fixtures.payloads import EVENT_ID, event, identity, utc_at
from tests.fixtures.telegram_stand_in import CHAT, PERSON, Shown
from tests.unit.modules.test_telegram_console import MEMBER, VIEWER, House, house

from spyoncino.modules.output.alert_engine import AlertEngine
from spyoncino.modules.storage.face_keeper import FaceKeeper
from spyoncino.modules.telegram_console import OLDEST_S
from spyoncino.modules.telegram_naming import PEOPLE_OFFERED, digest_of
from spyoncino.persistence.database import Database
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import NewFace, NewSighting, PersonKind
from spyoncino.schemas.events import Event, EventCompleted, EventState, EventUpdate, Verdict
from spyoncino.schemas.topics import (
    EVENT_COMPLETED,
    EVENT_UPDATED,
    FACES_DETECTED,
    GALLERY_CHANGED,
)
from spyoncino.testing.harness import ModuleHarness

VISIT: Event = event(EventState.COMPLETED, identities=(identity(), identity(track_id=2)))


@pytest.fixture
def people(tmp_path: Path) -> Iterator[FaceDatabase]:
    with FaceDatabase(tmp_path / "faces" / "faces.db") as database:
        yield database


@pytest_asyncio.fixture
async def harness(
    module_harness: ModuleHarness, people: FaceDatabase, tmp_path: Path
) -> AsyncIterator[ModuleHarness]:
    database = Database(tmp_path / "spyoncino.db")
    await database.open()
    module_harness.context.database = database
    module_harness.context.people = people
    yield module_harness
    await database.close()


async def see(
    people: FaceDatabase, track_id: int = 1, crop: bytes = b"crop", **changes: Any
) -> int:
    facts: dict[str, Any] = {"event_id": EVENT_ID, "seen_at": utc_at(12.0), "quality": 0.8}
    vector = np.eye(4, dtype=np.float32)[track_id]
    sighting = NewSighting(
        camera="door",
        vector=vector,
        model="m",
        track_id=track_id,
        crop=crop,
        **{**facts, **changes},
    )
    return await asyncio.to_thread(people.strangers.add_sighting, sighting)


async def enrol(people: FaceDatabase, name: str, kind: PersonKind = PersonKind.KNOWN) -> None:
    person = await asyncio.to_thread(people.add_person, name, kind)
    face = NewFace(np.eye(4)[0])
    await asyncio.to_thread(people.add_faces, person.person_id, [face], model="m")


@asynccontextmanager
async def told_house(harness: ModuleHarness, visit: Event = VISIT) -> AsyncIterator[House]:
    """A house of which three chats were told of a visit; two faces may be asked about."""
    await EventStore(harness.context.database).save(visit)
    harness.context.channels = lambda: ("telegram",)
    async with house(harness, picture_wait_s=0.0) as home:
        await harness.add(FaceKeeper)
        await harness.add(AlertEngine, rules=({"name": "everything"},))
        await harness.feed(EVENT_UPDATED, EventUpdate(event=visit))
        await home.until(lambda: all(home.far.messages(chat) for chat in (CHAT, VIEWER, MEMBER)))
        yield home


def data_of(shown: Shown) -> list[str]:
    return [button["callback_data"] for row in shown.buttons for button in row]


async def pressed(home: House, data: str, chat_id: int = CHAT, more: int = 1) -> Shown:
    """What the bot says to a press: the last of so many messages."""
    before, answered = len(home.far.messages(chat_id)), len(home.far.answered)
    home.far.press(data, chat_id)
    await home.until(lambda: len(home.far.messages(chat_id)) >= before + more)
    assert len(home.far.answered) == answered + 1
    return home.far.messages(chat_id)[-1]


async def replied(home: House, question: Shown, text: str, **changes: Any) -> Shown:
    chat_id = question.chat_id
    before = len(home.far.messages(chat_id))
    date = home.harness.clock.utc_now().timestamp() - changes.pop("age_s", 0.0)
    home.far.say(text, chat_id, date, answered=question, **changes)
    await home.until(lambda: len(home.far.messages(chat_id)) > before)
    return home.far.messages(chat_id)[-1]


async def test_a_written_name_is_kept_and_the_message_of_every_chat_has_it(
    harness: ModuleHarness, people: FaceDatabase
) -> None:
    face = await see(people)
    async with told_house(harness) as home:
        (message,) = home.far.messages()
        assert f"name:{EVENT_ID}" in data_of(message)
        question = await pressed(home, f"name:{EVENT_ID}")
        assert question.text.startswith("Who is this? Seen at door, ")
        assert question.text.endswith(f"Answer with the name. (face {face})")
        assert (question.media_bytes, question.question) == (4, "Name of this person")
        answer = await replied(home, question, "  Ann   Lee ")
        assert answer.text == "This is Ann Lee. 1 picture is a reference now, 1 event has the name."
        await home.until(lambda: all(home.far.messages(each)[0].edits for each in (CHAT, VIEWER)))
        for chat_id in (CHAT, VIEWER):
            assert home.far.messages(chat_id)[0].text.startswith("Ann Lee at door")
        (change,) = harness.received(GALLERY_CHANGED)
        assert (change.change, change.person_ids) == ("named", ("ann-lee",))
        kept = await EventStore(harness.context.database).get(EVENT_ID)
        assert kept is not None
        first, second = kept.identities
        assert (first.name, first.decision) == ("Ann Lee", Verdict.KNOWN)
        assert second.decision is Verdict.UNKNOWN


async def test_somebody_known_can_be_chosen_or_another_name_written(
    harness: ModuleHarness, people: FaceDatabase
) -> None:
    await enrol(people, "Ann")
    await enrol(people, "Bob", PersonKind.BLOCKED)
    faces = await see(people), await see(people, 2)
    async with told_house(harness) as home:
        last = await pressed(home, f"name:{EVENT_ID}", more=2)
        ann = digest_of("ann")
        first, _ = home.far.messages()[1:]
        for shown, face in zip((first, last), faces, strict=True):
            assert data_of(shown) == [f"is:{face}:{ann}", f"new:{face}"]
        chosen = await pressed(home, f"is:{faces[0]}:{ann}")
        assert chosen.text.startswith("This is Ann. ")
        again = await pressed(home, f"new:{faces[0]}")
        assert again.text == "This is Ann already; nothing was changed."
        question = await pressed(home, f"new:{faces[1]}")
        assert question.question
        assert (await replied(home, question, "Cleo")).text.startswith("This is Cleo. ")
        assert (await pressed(home, f"name:{EVENT_ID}")).text == (
            "Everybody whose face is kept of this visit has a name by now."
        )
        await home.until(lambda: home.far.messages()[0].edits == 2)
        shown = home.far.messages()[0]
        assert shown.text.startswith("Ann and Cleo at door")
        assert f"name:{EVENT_ID}" not in data_of(shown)


async def test_an_open_question_is_understood_after_a_restart(
    harness: ModuleHarness, people: FaceDatabase
) -> None:
    await see(people)
    async with told_house(harness) as home:
        question = await pressed(home, f"name:{EVENT_ID}")
        await home.module.stop()
        polls = home.far.polls
        await home.module.start()
        await home.until(lambda: home.far.polls >= polls + 2)
        assert (await replied(home, question, "Ann")).text.startswith("This is Ann. ")


async def test_only_members_name_and_strangers_of_one_number_are_asked_about_once(
    harness: ModuleHarness, people: FaceDatabase
) -> None:
    number = await asyncio.to_thread(people.strangers.new_stranger, utc_at(0.0))
    faces = await see(people, stranger=number), await see(people, 2, stranger=number, quality=0.9)
    async with told_house(harness) as home:
        assert f"name:{EVENT_ID}" not in data_of(home.far.messages(VIEWER)[0])
        refused = await pressed(home, f"name:{EVENT_ID}", VIEWER)
        assert refused.text == "Only members may do that."
        question = await pressed(home, f"name:{EVENT_ID}", MEMBER)
        assert question.text.endswith(f"(face {faces[1]})")
        assert len(home.far.messages(MEMBER)) == 2
        forged = Shown(9, VIEWER, question.text)
        assert (await replied(home, forged, "Eve")).text == "Only members may do that."
        assert (await replied(home, question, "Ann")).text.startswith(
            "This is Ann. 2 pictures are references now"
        )


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("Bob", "Bob is blocked: choose another name"),
        ("!?", "'!?' is no name"),
        ("x" * 65, "A name has 1 to 64 characters."),
    ],
)
async def test_a_name_that_cannot_be_given_is_refused_and_asks_nobody_twice(
    harness: ModuleHarness, people: FaceDatabase, name: str, refusal: str
) -> None:
    await enrol(people, "Bob", PersonKind.BLOCKED)
    await see(people)
    async with told_house(harness) as home:
        question = await pressed(home, f"name:{EVENT_ID}")
        assert refusal in (await replied(home, question, name)).text
        assert harness.received(GALLERY_CHANGED) == []
        assert (await replied(home, question, "Ann")).text.startswith("This is Ann. ")


async def test_what_was_forgotten_or_never_kept_is_said(
    harness: ModuleHarness, people: FaceDatabase
) -> None:
    await enrol(people, "Ann")
    face = await see(people)
    async with told_house(harness) as home:
        gone = await pressed(home, f"is:{face}:{digest_of('zoe')}")
        assert gone.text.startswith("That person was forgotten meanwhile")
        question = await pressed(home, f"new:{face}")
        late = await replied(home, question, "Ann", age_s=OLDEST_S + 60)
        assert late.text.startswith("The name was sent 3 min ago and is not obeyed any more")
        await asyncio.to_thread(people.strangers.purge, utc_at(9999.0))
        forgotten = await replied(home, question, "Ann")
        assert forgotten.text.startswith("This face was forgotten meanwhile")
        assert (await pressed(home, f"name:{EVENT_ID}")).text.startswith("No face of this visit")
        assert "is no number of a face" in (await pressed(home, "new:x")).text
        harness.context.people = None
        off = await pressed(home, f"name:{EVENT_ID}")
        assert off.text.startswith("Faces are switched off, so nobody can be named")


async def test_what_a_person_wrote_is_no_question_of_the_bot(
    harness: ModuleHarness, people: FaceDatabase
) -> None:
    face = await see(people)
    async with told_house(harness) as home:
        before = len(home.far.messages())
        date = harness.clock.utc_now().timestamp()
        forged = Shown(9, CHAT, f"Who is this? (face {face})")
        home.far.say("Eve", CHAT, date, answered=forged, author=PERSON)
        home.far.say("thanks", CHAT, date, answered=home.far.messages()[0])
        await home.ask("/help")
        assert len(home.far.messages()) == before + 1
        assert await asyncio.to_thread(people.people) == []


async def test_longest_numbers_and_many_people_fit_into_buttons(
    harness: ModuleHarness, people: FaceDatabase
) -> None:
    for number in range(PEOPLE_OFFERED + 3):
        await enrol(
            people, f"Person {number:02} with a name that is long enough to fill every button"
        )
    await see(people)
    async with told_house(harness) as home:
        data = data_of(await pressed(home, f"name:{EVENT_ID}"))
        assert len(data) == PEOPLE_OFFERED + 1
        assert max(len(each.replace(":1", f":{'9' * 18}", 1)) for each in data) <= 64
        assert home.far.broken == []


async def test_a_face_that_was_kept_of_the_visit_is_the_one_that_is_named(
    harness: ModuleHarness, people: FaceDatabase
) -> None:
    harness.context.faces = True
    visit = event(EventState.COMPLETED, identities=(identity(),))
    async with told_house(harness, visit) as home:
        await harness.feed(FACES_DETECTED, detected(1.0, face(ANN)))
        await harness.feed(EVENT_COMPLETED, EventCompleted(event=visit))
        await harness.settle()
        question = await pressed(home, f"name:{EVENT_ID}")
        assert (await replied(home, question, "Ann Lee")).text.startswith("This is Ann Lee. ")
        (reference,) = await asyncio.to_thread(people.list_faces, "ann-lee")
        assert reference.crop == b"jpeg"
        assert not (await home.module.health()).detail
        await asyncio.to_thread(people.forget, "ann-lee")
        assert await asyncio.to_thread(people.strangers.sightings) == []


async def test_nobody_is_asked_about_while_the_visit_goes_on(harness: ModuleHarness) -> None:
    now = event(EventState.PROCESSING, identities=(identity(),))
    async with told_house(harness, now) as home:
        assert f"name:{EVENT_ID}" not in data_of(home.far.messages()[0])
