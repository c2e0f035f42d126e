"""``spyoncino faces enroll``: pictures of a person become references."""

from pathlib import Path
from typing import Annotated

import typer

from spyoncino.cli.faces_intake import Intake, KnownFaces, Taken, told
from spyoncino.cli.faces_look import open_looker
from spyoncino.cli.faces_place import (
    FacesPlace,
    faces_place,
    open_people,
    order,
    remind_that_faces_are_off,
)
from spyoncino.cli.options import options_of, print_json, stdout
from spyoncino.core.gallery_orders import ADD, face_to_plain
from spyoncino.errors import UsageError
from spyoncino.persistence.people_names import person_id_of
from spyoncino.persistence.people_rows import NewFace


def enroll(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Who it is, as it shall be shown.")],
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE...", help="Pictures of that person.")
    ] = None,
    face: Annotated[
        int | None,
        typer.Option("--face", min=1, help="Which face is meant, counted from the left."),
    ] = None,
    sighting: Annotated[
        list[int] | None,
        typer.Option("--sighting", help="Take a sighting that `faces suggest` lists."),
    ] = None,
    *,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Take pictures that are bad or look like another.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Enrol pictures of a person; three to five different ones are best.

    Example: spyoncino faces enroll "Ann Lee" ann1.jpg ann2.jpg
    """
    person_id = person_id_of(name)
    if not images and not sighting:
        raise UsageError("name the pictures to enrol: spyoncino faces enroll NAME IMAGE...")
    if face is not None and len(images or []) != 1:
        raise UsageError("--face chooses in one picture; enrol the others without it")
    place = faces_place(options_of(ctx))
    results = _enrolled(place, name, images or [], face, anyway=anyway)
    for each in results:
        if as_json:
            print_json(_facts(each, person_id))
    if not as_json:
        for line in told(results, name):
            stdout().print(line, markup=False, soft_wrap=True)
    for number in sighting or []:
        _enroll_sighting(place, name, number)
        if not as_json:
            stdout().print(f"sighting {number}: enrolled as {name}", markup=False)
    remind_that_faces_are_off(place)
    if any(each.problem for each in results):
        raise typer.Exit(1)


def _enrolled(
    place: FacesPlace, name: str, images: list[Path], face: int | None, *, anyway: bool
) -> list[Taken]:
    if not images:
        return []
    looker = open_looker(place.faces)
    with open_people(place) as people:
        known = KnownFaces.of(people, looker.embedder)
    intake = Intake(place, looker, known, is_insisted=anyway)
    results = [intake.take(path, name, number=face) for path in images]
    intake.store()
    return results


def _enroll_sighting(place: FacesPlace, name: str, number: int) -> None:
    with open_people(place) as people:
        sightings = [] if people is None else people.strangers.sightings()
    for each in sightings:
        if each.sighting_id == number:
            metadata = {"sighting": number, "camera": each.camera, "event_id": each.event_id}
            new = NewFace(each.vector, metadata, each.crop, each.quality)
            order(place, ADD, name=name, model=each.model, faces=[face_to_plain(new)])
            return
    raise UsageError(f"there is no sighting {number}; see `spyoncino faces suggest`")


def _facts(taken: Taken, person_id: str) -> dict[str, object]:
    quality = taken.quality
    return {
        "image": str(taken.path),
        "person_id": person_id,
        "enrolled": taken.is_new,
        "already": taken.is_there_already,
        "quality": None if quality is None else round(quality.score, 4),
        "size_px": None if quality is None else round(quality.size_px, 1),
        "problem": taken.problem or None,
        "remark": taken.remark or None,
    }
