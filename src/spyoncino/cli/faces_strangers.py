"""``spyoncino faces name|ignore|suggest``: people without a name, and what is worth adding."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer

from spyoncino.cli.faces_intake import KnownFaces
from spyoncino.cli.faces_place import FacesPlace, faces_place, open_people, order
from spyoncino.cli.options import options_of, print_json, stdout
from spyoncino.core.gallery_orders import IGNORE_STRANGER, NAME_STRANGER
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import Sighting

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Number = Annotated[
    int, typer.Argument(metavar="STRANGER", help="As `faces list --strangers` numbers them.")
]

MIN_SIGHTINGS = 2
"""A stranger who came once is not worth a question."""

MIN_QUALITY = 0.5
"""Worse pictures are no references."""

NOTHING_NEW = 0.80
"""A sighting this similar to a reference of the same person shows nothing that is not there."""


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
        for number, count in strangers:
            print_json({"stranger": number, "events": count})
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
    for number, count in strangers:
        console.print(
            f"stranger {number} came {count} times; who is it? "
            f'spyoncino faces name {number} "NAME"',
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
) -> tuple[list[tuple[int, int]], list[Suggestion]]:
    strangers = [
        (each.number, each.events)
        for each in people.strangers.all()
        if each.person_id is None and not each.is_ignored and each.events >= MIN_SIGHTINGS
    ]
    from spyoncino.detectors.embedder_config import likeness_of  # noqa: PLC0415 - see lazy

    wanted = {"model": place.faces["embedder"]} if "embedder" in place.faces else {}
    lowest = likeness_of(wanted).unsure_from
    views = new_views(people, lowest)
    return strangers, views


def new_views(people: FaceDatabase, unsure_from: float) -> list[Suggestion]:
    """Of each person the sightings that may be theirs and show something new, best first.

    A suggestion that is like an earlier one adds nothing to it and is left out.

    Args:
        people: The database.
        unsure_from: Cosine from which a face may be somebody.
    """
    found: list[Suggestion] = []
    model = people.newest_model()
    known = KnownFaces.of(people, model)
    if not known.rows:
        return found
    matrix = np.array(known.rows)
    for each in sorted(people.strangers.sightings(model=model), key=lambda one: -one.quality):
        if each.quality < MIN_QUALITY:
            break
        vector = each.vector.astype(np.float64)
        vector /= max(float(np.linalg.norm(vector)), 1e-12)
        cosines = matrix @ vector
        best = int(np.argmax(cosines))
        similarity = float(cosines[best])
        if not unsure_from <= similarity < NOTHING_NEW:
            continue
        person_id = known.person_ids[best]
        if any(
            one.name == known.names[person_id]
            and float(one.sighting.vector.astype(np.float64) @ vector) >= NOTHING_NEW
            for one in found
        ):
            continue
        found.append(Suggestion(each, known.names[person_id], similarity))
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
