"""``spyoncino faces report``: how well this very gallery tells its people apart."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from spyoncino.cli.faces_identify import gallery_of, limits_of
from spyoncino.cli.faces_place import faces_place, open_people
from spyoncino.cli.options import options_of, print_json, stdout
from spyoncino.errors import StorageError
from spyoncino.faces.calibration import CalibrationReport, self_test
from spyoncino.faces.limits import Limits
from spyoncino.faces.plot import score_plot


def report(
    ctx: typer.Context,
    plot: Annotated[
        Path | None, typer.Option(help="Write scores and ROC curve as an SVG picture.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object.")] = False,
) -> None:
    """Compare every reference with all others: scores, a threshold, people at risk of confusion.

    Example: spyoncino faces report --plot gallery.svg
    """
    place = faces_place(options_of(ctx))
    with open_people(place) as people:
        model = "" if people is None else people.newest_model()
        gallery, names = gallery_of(people, model)
        files = (
            {}
            if people is None
            else {each.face_id: each.metadata.get("file", "") for each in people.list_faces()}
        )
    limits = limits_of(place)
    found = self_test(gallery, limits)
    if plot is not None:
        _write_plot(plot, found, limits, len(gallery))
    if as_json:
        print_json(_facts(found, model))
        return
    _print(found, limits, names, files)
    if plot is not None:
        stdout().print(f"{plot} written", markup=False)


def _write_plot(path: Path, found: CalibrationReport, limits: Limits, count: int) -> None:
    picture = score_plot(
        "Faces of this gallery",
        f"Each of {count} references against its own person and the nearest other one.",
        found.genuine,
        found.impostor,
        {"known from": limits.known_from, "suggested": found.suggested_known_from},
    )
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def _print(
    found: CalibrationReport, limits: Limits, names: dict[str, str], files: dict[str, Any]
) -> None:
    console = stdout()
    table = Table("", "pairs", "lowest", "middle", "highest", box=SIMPLE_HEAD, pad_edge=False)
    for title, scores in (
        ("own person (leave one out)", found.genuine),
        ("nearest other person", found.impostor),
    ):
        numbers = (
            [f"{value:.2f}" for value in np.quantile(scores, (0.0, 0.5, 1.0))]
            if scores
            else ["", "", ""]
        )
        table.add_row(title, str(len(scores)), *numbers)
    console.print(table)
    console.print(
        f"threshold: known from {limits.known_from:.2f}; these pictures speak for "
        f"{found.suggested_known_from:.2f} ({found.suggestion}), which misses "
        f"{100 * found.missed:.0f} % of own pictures",
        soft_wrap=True,
    )
    if found.closest:
        table = Table("closest people", "", "similarity", "", box=SIMPLE_HEAD, pad_edge=False)
        for pair in found.closest:
            one, other = (names.get(each, each) for each in pair.person_ids)
            risk = "may be confused" if pair in found.at_risk else ""
            table.add_row(one, other, f"{pair.similarity:.2f}", risk)
        console.print(table)
    for test in found.suspects:
        rest = "" if test.other is None else f", to {names.get(test.other_person_id or '', '')}"
        rest += "" if test.other is None else f" {test.other:.2f}"
        console.print(
            f"face {test.face_id} ({files.get(test.face_id, '')}) of "
            f"{names.get(test.person_id, test.person_id)}: to the own other faces "
            f"{test.own or 0.0:.2f}{rest}; is it the right person?",
            markup=False,
            soft_wrap=True,
        )


def _facts(found: CalibrationReport, model: str) -> dict[str, Any]:
    return {
        "model": model,
        "references": len(found.tests),
        "genuine": [round(score, 4) for score in found.genuine],
        "impostor": [round(score, 4) for score in found.impostor],
        "suggested_known_from": round(found.suggested_known_from, 4),
        "suggestion": found.suggestion,
        "missed": round(found.missed, 4),
        "closest": [
            {"people": list(pair.person_ids), "similarity": round(pair.similarity, 4)}
            for pair in found.closest
        ],
        "at_risk": [list(pair.person_ids) for pair in found.at_risk],
        "suspects": [
            {"face_id": test.face_id, "person_id": test.person_id} for test in found.suspects
        ],
    }
