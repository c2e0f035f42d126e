"""Orders about people: who is known, blocked, forgotten, and who a stranger was.

While main runs it alone writes, so commands give it these orders at the control desk; on a data
folder at rest a command carries them out itself, with the folder locked. Both go the same way here.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.paths import DataFolder
from spyoncino.errors import UsageError
from spyoncino.events.story import story_of
from spyoncino.persistence.database import Database
from spyoncino.persistence.event_identities import EventIdentities
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_names import nobody, person_id_of
from spyoncino.persistence.people_rows import NewFace, Person, PersonKind, Sighting
from spyoncino.persistence.told_names import ToldNames
from spyoncino.schemas.events import Identity, Verdict
from spyoncino.schemas.faces import GalleryChange
from spyoncino.schemas.topics import GALLERY_CHANGED

NAME = "system.gallery"

ADD, REMOVE, FLAG = "gallery.add", "gallery.remove", "gallery.flag"
FORGET, NAME_STRANGER, IGNORE_STRANGER = "gallery.forget", "gallery.name", "gallery.ignore"
NAME_SIGHTING = "gallery.name_sighting"

MAX_FACES_AT_ONCE = 16
"""Faces in one order: each is some 20 kB of text, and a line at the desk has a longest length."""

STRANGER_REFERENCES = 8
"""The best so many sightings of a stranger become references of the person."""

FORGOTTEN = "the person was forgotten"

Answer = tuple[dict[str, Any], GalleryChange | None]


class GalleryOrders:
    """Carries out the orders.

    Args:
        people: The database of people.
        events: The open event database, whose past is relabelled; ``None`` where there is none.
    """

    def __init__(self, people: FaceDatabase, events: Database | None) -> None:
        self._people = people
        self._past = None if events is None else EventIdentities(events, story_of)
        self._told = None if events is None else ToldNames(events)

    async def carry_out(self, order: str, arguments: Mapping[str, Any]) -> Answer:
        """One order.

        Returns:
            What the asker is told, and what everybody is told where something changed.

        Raises:
            UsageError: It cannot be; nothing has changed.
            StorageError: The disk refused.
        """
        return await self._orders[order](arguments)

    @property
    def _orders(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Answer]]]:
        return {
            ADD: self._add,
            REMOVE: self._remove,
            FLAG: self._flag,
            FORGET: self._forget,
            NAME_STRANGER: self._name,
            NAME_SIGHTING: self._name_sighting,
            IGNORE_STRANGER: self._ignore,
        }

    async def _add(self, arguments: Mapping[str, Any]) -> Answer:
        faces = [face_from_plain(each) for each in arguments["faces"]]

        def add() -> tuple[Person, list[str]]:
            person = self._people.add_person(
                str(arguments["name"]), PersonKind(arguments.get("kind", PersonKind.KNOWN))
            )
            model = str(arguments["model"])
            return person, self._people.add_faces(person.person_id, faces, model=model)

        person, numbers = await asyncio.to_thread(add)
        told = {"person_id": person.person_id, "name": person.name, "face_ids": numbers}
        return told, _change("enrolled", person.person_id)

    async def _remove(self, arguments: Mapping[str, Any]) -> Answer:
        numbers = [str(each) for each in arguments["face_ids"]]
        count = await asyncio.to_thread(self._people.remove_faces, numbers)
        return {"removed": count}, _change("forgotten") if count else None

    async def _flag(self, arguments: Mapping[str, Any]) -> Answer:
        person = await self._somebody(str(arguments["name"]))
        kind = PersonKind(arguments["kind"])
        await asyncio.to_thread(self._people.flag, person.person_id, kind)
        told = {"person_id": person.person_id, "name": person.name, "kind": kind.value}
        return told, _change(_CHANGES[kind], person.person_id)

    async def _forget(self, arguments: Mapping[str, Any]) -> Answer:
        """The person last: what is interrupted is then found again under the name."""
        person = await self._somebody(str(arguments["name"]))
        changed: tuple[str, ...] = ()
        if self._past is not None and self._told is not None:
            rewrite = without_person(person)
            events = await self._past.of_person(person.person_id, person.name)
            changed = await self._past.rewrite(events, rewrite)
            everybody = await asyncio.to_thread(self._people.people)
            names = {person.person_id, person.name}
            others = {one.name for one in everybody if one.person_id != person.person_id}
            await self._told.erase(names, others, rewrite)
        receipt = await asyncio.to_thread(self._people.forget, person.person_id)
        told = {**asdict(receipt), "events": len(changed)}
        return told, _change("forgotten", person.person_id, events=changed)

    async def _name(self, arguments: Mapping[str, Any]) -> Answer:
        number, name = int(arguments["stranger"]), str(arguments["name"])
        kind = PersonKind(arguments.get("kind", PersonKind.KNOWN))

        def name_it() -> tuple[Person, list[Sighting], int]:
            sightings = self._sightings(number)
            person = self._people.add_person(name, kind)
            made = self._enrol_sightings(person.person_id, number, sightings)
            self._people.strangers.name(number, person.person_id)
            return person, sightings, made

        person, sightings, made = await asyncio.to_thread(name_it)
        events = await self._relabel(number, sightings, named(person, number))
        told = {
            "stranger": number,
            "person_id": person.person_id,
            "name": person.name,
            "faces": made,
            "events": len(events),
        }
        return told, _change("named", person.person_id, events=events)

    async def _name_sighting(self, arguments: Mapping[str, Any]) -> Answer:
        """Who came once has no number yet; whose face it was is a stranger's like any other."""
        number, name = int(arguments["sighting"]), str(arguments["name"])
        stranger = await asyncio.to_thread(self._stranger_of, number, name)
        return await self._name({"stranger": stranger, "name": name})

    async def _ignore(self, arguments: Mapping[str, Any]) -> Answer:
        """What was taken for a face becomes an anchor, so that it is taken for nobody again."""
        number = int(arguments["stranger"])

        def ignore() -> tuple[Person, list[Sighting], int]:
            sightings = self._sightings(number)
            anchor = self._people.add_person(f"Ignored {number}", PersonKind.IGNORED)
            made = self._enrol_sightings(anchor.person_id, number, sightings)
            self._people.strangers.ignore(number)
            self._people.strangers.name(number, anchor.person_id)
            return anchor, sightings, made

        anchor, sightings, made = await asyncio.to_thread(ignore)
        events = await self._relabel(number, sightings, lambda _identity: None)
        told = {
            "stranger": number,
            "person_id": anchor.person_id,
            "name": anchor.name,
            "faces": made,
            "events": len(events),
        }
        return told, _change("ignored", anchor.person_id, events=events)

    async def _somebody(self, name: str) -> Person:
        person = await asyncio.to_thread(self._people.person, name)
        if person is None:
            raise UsageError(nobody(name))
        return person

    def _stranger_of(self, number: int, name: str) -> int:
        """The number of who was seen there, given where there is none; checks before it changes."""
        strangers = self._people.strangers
        found = strangers.sightings(sighting=number)
        if not found:
            raise UsageError(f"face {number} is not kept any more: it was forgotten or is too old")
        stranger = found[0].stranger
        person_id = None if stranger is None else strangers.get(stranger).person_id
        if person_id is not None:
            already = self._people.person(person_id)
            raise UsageError(f"face {number} is {already.name if already else person_id} already")
        person = self._people.person(person_id_of(name))
        if person is not None and person.kind is not PersonKind.KNOWN:
            raise UsageError(
                f"{person.name} is {person.kind.value}: choose another name, or make the person "
                "known first (`spyoncino faces unblock`)"
            )
        if stranger is None:
            stranger = strangers.new_stranger(found[0].seen_at)
            strangers.assign([number], stranger)
        return stranger

    def _sightings(self, number: int) -> list[Sighting]:
        stranger = self._people.strangers.get(number)
        if stranger.person_id is not None:
            raise UsageError(
                f"stranger {number} is {stranger.person_id} already; "
                f"`spyoncino faces forget {stranger.person_id}` begins anew"
            )
        return self._people.strangers.sightings(stranger=number)

    def _enrol_sightings(self, person_id: str, number: int, sightings: list[Sighting]) -> int:
        """The best of each model become references; a person said who it is, nobody guessed."""
        made = 0
        for model in {each.model for each in sightings}:
            kept = {face.crop for face in self._people.list_faces(person_id, model=model)}
            best = sorted(
                (each for each in sightings if each.model == model and each.crop not in kept),
                key=lambda each: -each.quality,
            )[:STRANGER_REFERENCES]
            faces = [
                NewFace(
                    each.vector,
                    {"stranger": number, "camera": each.camera, "event_id": each.event_id},
                    each.crop,
                    each.quality,
                )
                for each in best
            ]
            made += len(self._people.add_faces(person_id, faces, model=model))
        return made

    async def _relabel(
        self,
        number: int,
        sightings: list[Sighting],
        rewrite: Callable[[Identity], Identity | None],
    ) -> tuple[str, ...]:
        if self._past is None:
            return ()
        seen = {(each.event_id, each.track_id) for each in sightings}
        told = await self._past.of_stranger(number)

        def of_event(event_id: str, identity: Identity) -> Identity | None:
            is_meant = identity.stranger == number or (
                (event_id, identity.track_id) in seen and identity.person_id is None
            )
            return rewrite(identity) if is_meant else identity

        return await self._past.rewrite({*told, *(event for event, _ in seen)}, of_event)


def register_gallery(
    desk: ControlDesk, people_of: Callable[[], FaceDatabase], database: Database, bus: Bus
) -> None:
    """Have the running main obey orders about people, and tell every change of them.

    Args:
        desk: Where commands come.
        people_of: The database of people; called in a thread, may open it.
        database: The event database.
        bus: Where changes are told.
    """

    async def obey(order: str, arguments: dict[str, Any]) -> dict[str, Any]:
        people = await asyncio.to_thread(people_of)
        told, change = await GalleryOrders(people, database).carry_out(order, arguments)
        if change is not None:
            await bus.publish(GALLERY_CHANGED, change)
        if order == FORGET and bus.critical is not None:
            bus.critical.scrub_soon()  # handled messages name the person, too
        return told

    def taking(order: str) -> Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]:
        return lambda arguments: obey(order, arguments)

    for order in (ADD, REMOVE, FLAG, FORGET, NAME_STRANGER, NAME_SIGHTING, IGNORE_STRANGER):
        desk.register(order, taking(order))


async def order_gallery(
    folder: DataFolder, order: str, /, *, key: bytes | None = None, **arguments: Any
) -> dict[str, Any]:
    """Give an order about people, whether main runs or not.

    Args:
        folder: The data folder.
        order: One of the names of this file.
        key: Of an encrypted gallery; main has its own.
        **arguments: Of the order, what JSON can say.

    Raises:
        UsageError: It cannot be; nothing has changed.
        StorageError: Main does not answer, the key does not fit, or the disk refused.
    """
    if await asyncio.to_thread(lambda: folder.running_process) is not None:
        return dict(await ask_main(folder.socket, order, **arguments))
    await asyncio.to_thread(folder.__enter__)
    try:
        events = Database(folder.database) if await asyncio.to_thread(_has, folder) else None
        if events is not None:
            await events.open()
        people = None
        try:
            people = await asyncio.to_thread(FaceDatabase, folder.face_database, key)
            told, _ = await GalleryOrders(people, events).carry_out(order, arguments)
        finally:
            if people is not None:
                await asyncio.to_thread(people.close)
            if events is not None:
                await events.close()
    finally:
        folder.unlock()
    return told


def face_to_plain(face: NewFace) -> dict[str, Any]:
    """A face as JSON can say it."""
    return {
        "encoding": base64.b64encode(face.encoding.astype("<f8").tobytes()).decode(),
        "metadata": dict(face.metadata),
        "crop": base64.b64encode(face.crop).decode(),
        "quality": face.quality,
    }


def face_from_plain(plain: Mapping[str, Any]) -> NewFace:
    """A face that ``face_to_plain`` said.

    Raises:
        UsageError: It is none.
    """
    try:
        quality = plain.get("quality")
        return NewFace(
            np.frombuffer(base64.b64decode(plain["encoding"], validate=True), dtype="<f8"),
            dict(plain.get("metadata", {})),
            base64.b64decode(plain.get("crop", ""), validate=True),
            None if quality is None else float(quality),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"this is no face: {error}") from error


def without_person(person: Person) -> Callable[[str, Identity], Identity]:
    """Rewrites identities so that they do not tell a person any more."""
    names = {person.person_id, person.name}

    def rewrite(_event_id: str, identity: Identity) -> Identity:
        changes: dict[str, Any] = {}
        if identity.person_id == person.person_id or identity.name in names:
            changes = {
                "name": None,
                "person_id": None,
                "stranger": None,
                "decision": Verdict.UNKNOWN,
                "reason": FORGOTTEN,
            }
        if identity.resembles in names:
            changes |= {"resembles": None, "reason": FORGOTTEN}
        return identity.model_copy(update=changes)

    return rewrite


def named(person: Person, stranger: int) -> Callable[[Identity], Identity]:
    """Rewrites identities of a stranger to those of a person."""
    verdict = Verdict.BLOCKED if person.kind is PersonKind.BLOCKED else Verdict.KNOWN

    def rewrite(identity: Identity) -> Identity:
        changes = {
            "name": person.name,
            "person_id": person.person_id,
            "resembles": None,
            "stranger": stranger,
            "decision": verdict,
            "reason": f"named later: stranger {stranger} is {person.name}",
        }
        return identity.model_copy(update=changes)

    return rewrite


_CHANGES = {
    PersonKind.BLOCKED: "blocked",
    PersonKind.KNOWN: "unblocked",
    PersonKind.IGNORED: "ignored",
}


def _change(change: str, *person_ids: str, events: tuple[str, ...] = ()) -> GalleryChange:
    return GalleryChange(source=NAME, change=change, person_ids=person_ids, relabelled=events)


def _has(folder: DataFolder) -> bool:
    return folder.database.exists()
