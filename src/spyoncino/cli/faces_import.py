"""``spyoncino faces import``: a folder of pictures for each person, as other systems left them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from spyoncino.cli.faces_intake import Intake, KnownFaces, Taken
from spyoncino.cli.faces_look import open_looker
from spyoncino.cli.faces_place import (
    FacesPlace,
    faces_place,
    open_people,
    order,
    remind_that_faces_are_off,
)
from spyoncino.cli.options import options_of, print_json, stderr, stdout
from spyoncino.core.gallery_orders import FLAG
from spyoncino.errors import UsageError
from spyoncino.persistence.people_names import person_id_of
from spyoncino.persistence.people_rows import PersonKind

LEGACY = {"known_faces": PersonKind.KNOWN, "blacklist_faces": PersonKind.BLOCKED}
"""Folders of the systems before: who is let in, and who is warned of."""

PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".heic", ".avif"})
"""What may be a picture by its name; other files are counted, not opened."""

_NUMBERED = re.compile(r"[\s_.-]*\(?\d+\)?$")


@dataclass(frozen=True, slots=True)
class ToImport:
    """One picture of somebody."""

    path: Path
    name: str
    kind: PersonKind


@dataclass(slots=True)
class Tally:
    """What became of the pictures of one person."""

    name: str
    kind: PersonKind
    enrolled: int = 0
    already: int = 0
    refused: list[Taken] = field(default_factory=list)

    def count(self, taken: Taken) -> None:
        """One more picture."""
        if taken.problem:
            self.refused.append(taken)
        elif taken.is_there_already:
            self.already += 1
        else:
            self.enrolled += 1


def import_faces(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Has name/*.jpg or name.jpg.")],
    *,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Take pictures that are bad or look like another.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, one object a person.")
    ] = False,
) -> None:
    """Enrol a folder of pictures: name/*.jpg, name.jpg, known_faces/, blacklist_faces/.

    It may be interrupted and called again: pictures that are enrolled already are left out.

    Example: spyoncino faces import family-album
    """
    found, others = pictures_in(folder)
    if not found:
        raise UsageError(
            f"there is no picture in {folder}; it should have a folder for each person "
            "(ann/1.jpg) or files with their names (ann.jpg)"
        )
    place = faces_place(options_of(ctx))
    tallies = _import(place, found, anyway=anyway)
    for tally in tallies:
        if as_json:
            print_json(_facts(tally))
    if not as_json:
        _print(tallies, others)
    remind_that_faces_are_off(place)
    if not any(tally.enrolled or tally.already for tally in tallies):
        raise typer.Exit(1)


def pictures_in(folder: Path) -> tuple[list[ToImport], int]:
    """The pictures of a folder with the names they mean, and how many other files there are.

    Raises:
        UsageError: It is no folder, or cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; name the one that has a folder for each person")
    try:
        legacy = {name: folder / name for name in LEGACY if (folder / name).is_dir()}
        if legacy:
            files = [
                (path, root, LEGACY[name]) for name, root in legacy.items() for path in _files(root)
            ]
        else:
            kind = LEGACY.get(folder.resolve().name, PersonKind.KNOWN)
            files = [(path, folder, kind) for path in _files(folder)]
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error}") from error
    pictures = [
        ToImport(path, name_of(path, root), kind)
        for path, root, kind in files
        if path.suffix.lower() in PICTURE_ENDINGS
    ]
    return pictures, len(files) - len(pictures)


def name_of(path: Path, root: Path) -> str:
    """Whom a picture shows: its first folder below the root says it, else the name of the file.

    Underscores are spaces, and a name in small letters gets its capitals: ``ann_lee_2.jpg`` shows
    Ann Lee.
    """
    parts = path.relative_to(root).parts
    word = parts[0] if len(parts) > 1 else _NUMBERED.sub("", path.stem) or path.stem
    words = " ".join(word.replace("_", " ").split())
    return words.title() if words.islower() else words


def _files(root: Path) -> Iterator[Path]:
    """Every visible file, in order of the names."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and not any(
            part.startswith(".") for part in path.relative_to(root).parts
        ):
            yield path


def _import(place: FacesPlace, found: list[ToImport], *, anyway: bool) -> list[Tally]:
    looker = open_looker(place.faces)
    with open_people(place) as people:
        known = KnownFaces.of(people, looker.embedder)
    intake = Intake(place, looker, known, is_insisted=anyway)
    tallies: dict[str, Tally] = {}
    console = stderr()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("looking", total=len(found))
        try:
            for each in found:
                progress.update(task, description=each.name)
                tally = _tally_of(tallies, each)
                if tally is not None:
                    tally.count(intake.take(each.path, each.name, kind=each.kind))
                    intake.store(only_full=True)
                progress.advance(task)
        finally:
            intake.store()  # also what an interrupted run has looked at
    blocked = {key for key, tally in tallies.items() if tally.kind is PersonKind.BLOCKED}
    with open_people(place) as people:
        known_still = {
            each.person_id
            for each in ([] if people is None else people.people())
            if each.kind is not PersonKind.BLOCKED
        }
    for person_id in sorted(blocked & known_still):  # known before, or of both folders
        order(place, FLAG, name=person_id, kind=PersonKind.BLOCKED.value)
    return list(tallies.values())


def _tally_of(tallies: dict[str, Tally], each: ToImport) -> Tally | None:
    """The tally of a person; ``None`` where the name is none, which is counted as refused."""
    key = person_id_of(each.name) if _has_key(each.name) else each.name
    tally = tallies.setdefault(key, Tally(each.name, each.kind))
    if each.kind is PersonKind.BLOCKED:
        tally.kind = PersonKind.BLOCKED
    if not _has_key(each.name):
        tally.count(Taken(each.path, problem="its name has no letter and no digit"))
        return None
    return tally


def _has_key(name: str) -> bool:
    return any(each.isalnum() for each in name)


def _print(tallies: list[Tally], others: int) -> None:
    table = Table("person", "", "enrolled", "already", "refused", box=SIMPLE_HEAD, pad_edge=False)
    for tally in tallies:
        table.add_row(
            tally.name,
            "blocked" if tally.kind is PersonKind.BLOCKED else "",
            str(tally.enrolled),
            str(tally.already or ""),
            str(len(tally.refused) or ""),
        )
    console = stdout()
    console.print(table)
    for tally in tallies:
        for each in tally.refused:
            console.print(f"{each.path}: {each.problem}", markup=False, soft_wrap=True)
    if others:
        console.print(f"{others} files are no pictures by their names and were left out")


def _facts(tally: Tally) -> dict[str, object]:
    return {
        "name": tally.name,
        "kind": tally.kind.value,
        "enrolled": tally.enrolled,
        "already": tally.already,
        "refused": {str(each.path): each.problem for each in tally.refused},
    }
