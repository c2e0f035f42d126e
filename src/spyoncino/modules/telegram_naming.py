"""Names strangers by Telegram: asks whose face it is, and has the gallery keep the answer.

A question carries the number of its face in its own words, so an answer is understood by every
later run too; nothing about open questions is kept here.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from spyoncino.clients.telegram import Attachment, Button, Post
from spyoncino.core.context import ModuleContext
from spyoncino.core.gallery_orders import NAME_SIGHTING, GalleryOrders
from spyoncino.errors import UsageError
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import Person, PersonKind, Sighting
from spyoncino.schemas.faces import GalleryChange

FACES_ASKED: Final = 4
"""Faces of one event that are asked about; a crowd is better named on the command line."""

PEOPLE_OFFERED: Final = 12
"""Known people to choose from, by name; every other name can be written."""

LONGEST_NAME: Final = 64
"""Characters of a name; longer ones are a mistake."""

_HINT: Final = "Name of this person"
_FACE: Final = re.compile(r"\(face (\d{1,18})\)\Z")

Changed = Callable[[GalleryChange], Awaitable[None]]
"""Tells everybody of a change of the gallery."""


class Naming:
    """From the button under a message to a name in the gallery.

    Args:
        context: Of the module that owns the bot.
        changed: Is called after each change.
    """

    def __init__(self, context: ModuleContext, changed: Changed) -> None:
        self._context = context
        self._changed = changed
        self._turn = asyncio.Lock()

    async def ask(self, event_id: str) -> tuple[Post, ...]:
        """One question for each person of an event who has no name.

        Raises:
            UsageError: There is nobody to ask about; the sentence says why.
        """
        return await asyncio.to_thread(_questions, self._people(), event_id)

    async def ask_name(self, face: str) -> Post:
        """The question to which the name is written.

        Raises:
            UsageError: The face is not kept any more, or has a name.
        """
        sighting = await asyncio.to_thread(_face_without_name, self._people(), _number(face))
        return _question(sighting, [])

    async def choose(self, face: str, person: str) -> Post:
        """Somebody who is known was chosen.

        Args:
            face: Number of the sighting.
            person: ``digest_of`` the person.

        Raises:
            UsageError: It cannot be.
        """
        people = await asyncio.to_thread(self._people().people)
        found = [each for each in people if digest_of(each.person_id) == person]
        if not found:
            raise UsageError("That person was forgotten meanwhile; choose or write another name.")
        return await self.call(face, found[0].name)

    async def call(self, face: str, name: str) -> Post:
        """Say who it is: references are made and past events get the name.

        Raises:
            UsageError: It cannot be; the sentence says why.
            StorageError: The disk refused.
        """
        people, number = self._people(), _number(face)
        name = " ".join(name.split())
        if not 0 < len(name) <= LONGEST_NAME:
            raise UsageError(f"A name has 1 to {LONGEST_NAME} characters.")
        async with self._turn:  # two may answer at the same moment
            await asyncio.to_thread(_face_without_name, people, number)
            orders = GalleryOrders(people, self._context.database)
            arguments: dict[str, Any] = {"sighting": number, "name": name}
            done, change = await orders.carry_out(NAME_SIGHTING, arguments)
        if change is not None:
            await self._changed(change)
        return Post("", f"This is {done['name']}. {_learned(done)}")

    def _people(self) -> FaceDatabase:
        people = self._context.people
        if people is None:
            raise UsageError("Faces are switched off, so nobody can be named: see faces.enabled.")
        return people


def asked_about(quoted: str) -> str:
    """Number of the face that a question of this file asks about; empty: it is none of them."""
    found = _FACE.search(quoted)
    return "" if found is None else found[1]


def digest_of(person_id: str) -> str:
    """A person in the few bytes that a button has room for."""
    return hashlib.sha256(person_id.encode()).hexdigest()[:12]


def _questions(people: FaceDatabase, event_id: str) -> tuple[Post, ...]:
    seen = people.strangers.sightings(event_id=event_id)
    if not seen:
        raise UsageError(
            "No face of this visit is kept: none was good enough to know somebody by, or they were "
            "forgotten since."
        )
    best: dict[str, Sighting] = {}
    for each in sorted(seen, key=lambda one: -one.quality):
        if not _name_of(people, each):
            who = f"stranger {each.stranger}" if each.stranger else f"face {each.sighting_id}"
            best.setdefault(who, each)
    if not best:
        raise UsageError("Everybody whose face is kept of this visit has a name by now.")
    known = [each for each in people.people() if each.kind is PersonKind.KNOWN]
    return tuple(_question(each, known) for each in [*best.values()][:FACES_ASKED])


def _question(sighting: Sighting, known: list[Person]) -> Post:
    """Buttons where there is somebody to choose, else a field to write into."""
    face, camera = sighting.sighting_id, sighting.camera
    when = f"{sighting.seen_at.astimezone():%d.%m. %H:%M}"
    how = "Choose, or answer this message with the name." if known else "Answer with the name."
    post = Post(
        "",
        f"Who is this? Seen at {camera}, {when}. {how} (face {face})",
        Attachment("photo", sighting.crop) if sighting.crop else None,
    )
    if not known:
        return replace(post, question=_HINT)
    offered = [
        Button(each.name, f"is:{face}:{digest_of(each.person_id)}")
        for each in known[:PEOPLE_OFFERED]
    ]
    rows = [tuple(offered[at : at + 2]) for at in range(0, len(offered), 2)]
    return replace(post, buttons=(*rows, (Button("Somebody else", f"new:{face}"),)))


def _face_without_name(people: FaceDatabase, number: int) -> Sighting:
    found = people.strangers.sightings(sighting=number)
    if not found:
        raise UsageError("This face was forgotten meanwhile, or is too old; nobody was named.")
    if name := _name_of(people, found[0]):
        raise UsageError(f"This is {name} already; nothing was changed.")
    return found[0]


def _name_of(people: FaceDatabase, sighting: Sighting) -> str:
    """Who it turned out to be; empty: nobody has said."""
    if sighting.stranger is None:
        return ""
    person_id = people.strangers.get(sighting.stranger).person_id
    person = None if person_id is None else people.person(person_id)
    return person.name if person else ""


def _number(face: str) -> int:
    if not face.isascii() or not face.isdigit() or len(face) > 18:
        raise UsageError(f"{face!r} is no number of a face.")
    return int(face)


def _learned(done: dict[str, Any]) -> str:
    faces, events = int(done["faces"]), int(done["events"])
    pictures = "1 picture is a reference" if faces == 1 else f"{faces} pictures are references"
    past = "1 event has" if events == 1 else f"{events} events have"
    return f"{pictures} now, {past} the name."
