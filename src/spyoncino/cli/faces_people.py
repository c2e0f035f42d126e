"""``spyoncino faces list|show|forget|block|unblock``: the people that are known."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from spyoncino.cli.faces_place import FacesPlace, faces_place, known_person, open_people, order
from spyoncino.cli.options import options_of, print_json, stderr, stdout
from spyoncino.core.gallery_orders import FLAG, FORGET, NAME_STRANGER, REMOVE
from spyoncino.errors import UsageError
from spyoncino.media.files import write_atomic
from spyoncino.persistence.people_rows import Person, PersonKind, StoredFace, Stranger

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Name = Annotated[str, typer.Argument(help="Name or key, as the list shows it.")]

DATE = "%Y-%m-%d %H:%M"


def list_people(
    ctx: typer.Context,
    *,
    strangers: Annotated[
        bool, typer.Option("--strangers", help="Those without a name instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the people that are known, or with --strangers those who came without a name.

    Example: spyoncino faces list
    """
    place = faces_place(options_of(ctx))
    with open_people(place) as people:
        if strangers:
            _list_strangers([] if people is None else people.strangers.all(), as_json=as_json)
            return
        known = [] if people is None else people.people()
    if as_json:
        for each in known:
            print_json(_person_facts(each))
        return
    if not known:
        stdout().print("nobody is known yet; begin with: spyoncino faces enroll NAME IMAGE...")
        return
    table = Table("name", "key", "", "faces", "since", box=SIMPLE_HEAD, pad_edge=False)
    for each in known:
        kind = "" if each.kind is PersonKind.KNOWN else each.kind.value
        since = each.created_at.astimezone().strftime(DATE)
        table.add_row(each.name, each.person_id, kind, str(each.face_count), since)
    stdout().print(table)


def show(
    ctx: typer.Context,
    name: Name,
    crops: Annotated[
        Path | None, typer.Option(help="Write the kept pictures into this folder, to look at.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a person with the reference faces.

    Example: spyoncino faces show "Ann Lee" --crops ann
    """
    place = faces_place(options_of(ctx))
    with open_people(place) as people:
        person = known_person(people, name)
        faces = [] if people is None else people.list_faces(person.person_id)
    if crops is not None:
        for face in faces:
            if face.crop:
                write_atomic(crops / f"{person.person_id}-{face.face_id}.jpg", face.crop)
    if as_json:
        print_json({**_person_facts(person), "references": [_face_facts(each) for each in faces]})
        return
    console = stdout()
    since = person.created_at.astimezone().strftime(DATE)
    console.print(f"{person.name} ({person.kind.value}), since {since}", markup=False)
    table = Table("face", "from", "model", "quality", "since", box=SIMPLE_HEAD, pad_edge=False)
    for face in faces:
        table.add_row(
            face.face_id,
            _origin(face),
            face.model,
            "" if face.quality is None else f"{face.quality:.2f}",
            face.created_at.astimezone().strftime(DATE),
        )
    console.print(table)


def forget(
    ctx: typer.Context,
    name: Name,
    face: Annotated[
        list[str] | None, typer.Option("--face", help="Only this face, as `faces show` numbers it.")
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a person: every vector and picture, and the name in past events.

    Example: spyoncino faces forget "Ann Lee"
    """
    place = faces_place(options_of(ctx))
    with open_people(place) as people:
        person = known_person(people, name)
        own = [] if people is None else people.list_faces(person.person_id)
    if face:
        _forget_faces(place, person, [each.face_id for each in own], face, as_json=as_json)
        return
    if not yes and stderr().is_terminal:
        typer.confirm(f"Forget {person.name} with {person.face_count} faces?", abort=True, err=True)
    receipt = order(place, FORGET, name=person.person_id)
    if as_json:
        print_json(receipt)
        return
    lines = [
        f"{receipt['name']} is forgotten:",
        f"  {receipt['faces']} reference faces with their vectors",
        f"  {receipt['crops']} pictures of the face",
        f"  {receipt['sightings']} sightings from before the name was known",
        f"  the name in {receipt['events']} past events",
    ]
    if not receipt["is_scrubbed"]:
        lines.append("  traces of deleted bytes are removed at the next start: the file is in use")
    lines.append("Snapshots and clips of past events stay; they go with the events.")
    for line in lines:
        stdout().print(line, markup=False, soft_wrap=True)


def block(ctx: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Have a person, or a stranger by number, recognised as blocked from now on.

    Example: spyoncino faces block "Bob Roe"
    """
    place = faces_place(options_of(ctx))
    with open_people(place) as people:
        person = None if people is None else people.person(name)
    number = name.lower().removeprefix("stranger").strip()
    if person is None and number.isdigit():
        done = order(
            place,
            NAME_STRANGER,
            stranger=int(number),
            name=f"Stranger {number}",
            kind=PersonKind.BLOCKED.value,
        )
    else:
        done = order(place, FLAG, name=name, kind=PersonKind.BLOCKED.value)
    _tell(done, f"{done['name']} is blocked", as_json=as_json)


def unblock(ctx: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Have a blocked or ignored person be known again.

    Example: spyoncino faces unblock "Bob Roe"
    """
    place = faces_place(options_of(ctx))
    done = order(place, FLAG, name=name, kind=PersonKind.KNOWN.value)
    _tell(done, f"{done['name']} is known", as_json=as_json)


def _forget_faces(
    place: FacesPlace, person: Person, own: list[str], wanted: list[str], *, as_json: bool
) -> None:
    strange = [each for each in wanted if each not in own]
    if strange:
        raise UsageError(
            f"{person.name} has no face {', '.join(strange)}; see `spyoncino faces show`"
        )
    done = order(place, REMOVE, face_ids=wanted)
    _tell(done, f"{done['removed']} faces of {person.name} erased", as_json=as_json)


def _tell(done: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        stdout().print(sentence, markup=False)


def _list_strangers(strangers: list[Stranger], *, as_json: bool) -> None:
    if as_json:
        for each in strangers:
            print_json(
                {
                    "stranger": each.number,
                    "person_id": each.person_id,
                    "is_ignored": each.is_ignored,
                    "first_seen": each.first_seen.isoformat(),
                    "last_seen": each.last_seen.isoformat(),
                    "sightings": each.sightings,
                    "events": each.events,
                }
            )
        return
    if not strangers:
        stdout().print("no strangers so far")
        return
    table = Table(
        "stranger", "", "sightings", "events", "first", "last", box=SIMPLE_HEAD, pad_edge=False
    )
    for each in strangers:
        table.add_row(
            str(each.number),
            "ignored" if each.is_ignored else each.person_id or "",
            str(each.sightings),
            str(each.events),
            each.first_seen.astimezone().strftime(DATE),
            each.last_seen.astimezone().strftime(DATE),
        )
    stdout().print(table)


def _person_facts(person: Person) -> dict[str, Any]:
    return {
        "person_id": person.person_id,
        "name": person.name,
        "kind": person.kind.value,
        "faces": person.face_count,
        "created_at": person.created_at.isoformat(),
    }


def _face_facts(face: StoredFace) -> dict[str, Any]:
    return {
        "face_id": face.face_id,
        "model": face.model,
        "quality": face.quality,
        "is_blacklisted": face.is_blacklisted,
        "created_at": face.created_at.isoformat(),
        "metadata": dict(face.metadata),
    }


def _origin(face: StoredFace) -> str:
    if "file" in face.metadata:
        return str(face.metadata["file"])
    if "camera" in face.metadata:
        return f"camera {face.metadata['camera']}"
    return ""
