"""``spyoncino faces identify``: whose faces are in a picture, with the numbers that say so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from spyoncino.cli.faces_look import LookedAt, look_at, open_looker, vector_of
from spyoncino.cli.faces_place import FacesPlace, faces_place, open_people
from spyoncino.cli.options import options_of, print_json, stderr, stdout
from spyoncino.detectors.embedder_config import likeness_of
from spyoncino.errors import MediaError
from spyoncino.faces.gallery import Gallery, Reference
from spyoncino.faces.identify import TrackVote, decide
from spyoncino.faces.limits import DEFAULT_TOLERANCE, Limits, limits_for
from spyoncino.persistence.people import FaceDatabase
from spyoncino.runtime.tasks import FoundFace
from spyoncino.schemas.events import Identity, Verdict

PIXEL_DECIMALS, NUMBER_DECIMALS = 1, 4


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """What ``limits_for`` asks of a model."""

    name: str
    known_from: float
    unsure_from: float
    margin: float
    min_size_px: float


def identify(
    ctx: typer.Context,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files.")],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, one object for each picture.")
    ] = False,
) -> None:
    """Say whose faces are in pictures: known, unsure, unknown or blocked.

    Example: spyoncino faces identify party.jpg --json
    """
    place = faces_place(options_of(ctx))
    looker = open_looker(place.faces)
    gallery, names = load_gallery(place, looker.embedder)
    limits = limits_of(place)
    failures = 0
    for path in images:
        try:
            seen = look_at(looker, path)
        except MediaError as error:
            stderr().print(f"{error}", style="red", markup=False, soft_wrap=True)
            failures += 1
            continue
        found = [decide_face(face, gallery, limits, names) for face in seen.faces]
        if as_json:
            print_json(_facts(seen, found))
        else:
            _print(seen, found)
    if failures:
        raise typer.Exit(1)


def load_gallery(place: FacesPlace, model: str) -> tuple[Gallery, dict[str, str]]:
    """The references of a model, and the names of the people.

    Raises:
        StorageError: The database cannot be read.
    """
    with open_people(place) as people:
        gallery, names = gallery_of(people, model)
        others = 0 if people is None or len(gallery) else len(people.list_faces())
    if others:
        stderr().print(
            f"the {others} faces of the gallery are of another model than {model}; "
            "run `spyoncino faces reembed`",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    return gallery, names


def gallery_of(people: FaceDatabase | None, model: str) -> tuple[Gallery, dict[str, str]]:
    """The same of an open database; empty where there is none."""
    if people is None:
        return Gallery(model), {}
    names = {each.person_id: each.name for each in people.people()}
    references = [Reference(*row, embedder=model) for row in people.references(model)]
    return Gallery(model, references), names


def limits_of(place: FacesPlace) -> Limits:
    """What a face is compared with, as at the door."""
    wanted = {"model": place.faces["embedder"]} if "embedder" in place.faces else {}
    likeness = likeness_of(wanted)
    model = _Calibrated(
        str(place.faces.get("embedder", "embedder")),
        likeness.known_from,
        likeness.unsure_from,
        likeness.margin,
        likeness.min_size_px,
    )
    return limits_for(model, float(place.recognition.get("tolerance", DEFAULT_TOLERANCE)))


def decide_face(
    face: FoundFace, gallery: Gallery, limits: Limits, names: dict[str, str]
) -> Identity:
    """The same decision as at the door, of a track with one face."""
    vote = TrackVote()
    if face.vector:
        vote.add(vector_of(face), face.quality, 0.0, face.box)
    return decide(vote, gallery, limits, names)


def _facts(seen: LookedAt, found: list[Identity]) -> dict[str, Any]:
    width, height = seen.width_px, seen.height_px
    return {
        "image": str(seen.path),
        "faces": [
            {
                "box": [
                    round(side * length, PIXEL_DECIMALS)
                    for side, length in zip(face.box, (width, height) * 2, strict=True)
                ],
                "landmarks": [
                    [round(x * width, PIXEL_DECIMALS), round(y * height, PIXEL_DECIMALS)]
                    for x, y in face.landmarks
                ],
                "quality": round(face.quality.score, NUMBER_DECIMALS),
                "name": identity.name,
                "decision": identity.decision.value,
                "similarity": round(identity.similarity, NUMBER_DECIMALS),
                "margin": round(identity.margin, NUMBER_DECIMALS),
            }
            for face, identity in zip(seen.faces, found, strict=True)
        ],
    }


def _print(seen: LookedAt, found: list[Identity]) -> None:
    console = stdout()
    if not found:
        console.print(f"{seen.path}: no face", markup=False, soft_wrap=True)
        return
    console.print(f"{seen.path}:", markup=False, soft_wrap=True)
    table = Table("face", "who", "quality", "px", "why", box=SIMPLE_HEAD, pad_edge=False)
    for number, (face, identity) in enumerate(zip(seen.faces, found, strict=True), 1):
        table.add_row(
            str(number),
            _who(identity),
            f"{face.quality.score:.2f}",
            f"{face.quality.size_px:.0f}",
            identity.reason,
        )
    console.print(table)


def _who(identity: Identity) -> str:
    if identity.decision is Verdict.UNSURE:
        return f"unsure, resembles {identity.resembles}"
    name = identity.name or ""
    return f"{name} (blocked)" if identity.decision is Verdict.BLOCKED else name or "unknown"
