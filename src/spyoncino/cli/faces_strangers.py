"""``spyoncino faces name|ignore|suggest``: people without a name, and what is worth adding."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from spyoncino.cli.faces_identify import gallery_of, limits_of
from spyoncino.cli.faces_place import FacesPlace, faces_place, open_people, order
from spyoncino.cli.options import options_of, print_json, stdout
from spyoncino.core.gallery_orders import IGNORE_STRANGER, NAME_STRANGER
from spyoncino.faces.calibration import useful_view
from spyoncino.faces.gallery import Reference
from spyoncino.faces.history import describe_stranger
from spyoncino.faces.limits import Limits
from spyoncino.geometry.faces import FaceQuality
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import Sighting

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Number = Annotated[
    int, typer.Argument(metavar="STRANGER", help="As `faces list --strangers` numbers them.")
]

MIN_EVENTS = 2
"""A stranger who came once is not worth a question."""

MIN_QUALITY = 0.5
"""Worse pictures are no references."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One sighting that may be somebody known, in a light or pose that is not enrolled yet."""

    sighting: Sighting
    name: str
    similarity: float


def name_stranger(
    ctx: typer.Context,
    stranger: Number,
    name: Annotated[str, typer.Argument(help="Who it is.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say who a stranger is: their best pictures become references, past events get the name.

    Example: spyoncino faces name 7 "Ann Lee"
    """
    place = faces_place(options_of(ctx))
    done = order(place, NAME_STRANGER, stranger=stranger, name=name)
    _tell(done, f"stranger {stranger} is {done['name']} now", as_json=as_json)


def ignore(ctx: typer.Context, stranger: Number, *, as_json: AsJson = False) -> None:
    """Have a stranger that is nobody (a poster, a statue) never told again.

    Example: spyoncino faces ignore 7
    """
    place = faces_place(options_of(ctx))
    done = order(place, IGNORE_STRANGER, stranger=stranger)
    _tell(done, f"stranger {stranger} is ignored now", as_json=as_json)


def suggest(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List sightings worth adding: strangers who came again, and new views of known people.

    Example: spyoncino faces suggest
    """
    place = faces_place(options_of(ctx))
    with open_people(place) as people:
        strangers, views = ([], []) if people is None else _worth_adding(place, people)
    if as_json:
        for number, history in strangers:
            print_json({"stranger": number, "history": history})
        for each in views:
            print_json(
                {
                    "sighting": each.sighting.sighting_id,
                    "camera": each.sighting.camera,
                    "seen_at": each.sighting.seen_at.isoformat(),
                    "resembles": each.name,
                    "similarity": round(each.similarity, 4),
                    "quality": round(each.sighting.quality, 4),
                }
            )
        return
    console = stdout()
    for number, history in strangers:
        console.print(
            f'{history}; who is it? spyoncino faces name {number} "NAME"',
            markup=False,
            soft_wrap=True,
        )
    for each in views:
        seen = each.sighting.seen_at.astimezone().strftime("%Y-%m-%d %H:%M")
        console.print(
            f"{each.sighting.camera}, {seen}: perhaps {each.name} ({each.similarity:.2f}); if so: "
            f'spyoncino faces enroll "{each.name}" --sighting {each.sighting.sighting_id}',
            markup=False,
            soft_wrap=True,
        )
    if not strangers and not views:
        console.print("nothing that would add something new")


def _worth_adding(
    place: FacesPlace, people: FaceDatabase
) -> tuple[list[tuple[int, str]], list[Suggestion]]:
    now = datetime.now().astimezone()
    strangers = [
        (each.number, history_of(people, each.number, now))
        for each in people.strangers.all()
        if each.person_id is None and not each.is_ignored and each.events >= MIN_EVENTS
    ]
    return strangers, new_views(people, limits_of(place))


def history_of(people: FaceDatabase, number: int, now: datetime) -> str:
    """When a stranger came, in a sentence; one visit for each event."""
    first: dict[str, datetime] = {}
    for each in people.strangers.sightings(stranger=number):
        first.setdefault(each.event_id, each.seen_at)
    return describe_stranger(number, list(first.values()), now, now.tzinfo or UTC)


def new_views(people: FaceDatabase, limits: Limits) -> list[Suggestion]:
    """Of each person the sightings that may be theirs and show something new, best first.

    What was suggested is taken as added, so of five alike sightings one is suggested.
    """
    model = people.newest_model()
    gallery, names = gallery_of(people, model)
    found: list[Suggestion] = []
    if not len(gallery):
        return found
    for each in sorted(people.strangers.sightings(model=model), key=lambda one: -one.quality):
        match = gallery.search(each.vector)[0]
        if match.person_id is None or match.kind == "ignored" or each.quality < MIN_QUALITY:
            continue
        quality = FaceQuality(each.quality, limits.min_size_px, 1.0, 1.0, 1.0, 1.0)
        if not useful_view(each.vector, quality, match.person_id, gallery, limits).is_useful:
            continue
        name = names.get(match.person_id, match.person_id)
        found.append(Suggestion(each, name, match.similarity))
        face_id = f"sighting {each.sighting_id}"
        gallery.add(Reference(face_id, match.person_id, match.kind or "known", each.vector))
    return found


def _tell(done: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    stdout().print(
        f"{sentence}: {done['faces']} pictures are references, {done['events']} past events "
        "are relabelled",
        markup=False,
        soft_wrap=True,
    )
