"""The commands about faces with the real models: the bundled picture always, portraits where given.

Portraits come from ``SPYONCINO_TESTDATA``; nobody in them is named here.
"""

import csv
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from spyoncino.cli.app import app

VISITOR = Path(__file__).parents[2] / "src/spyoncino/assets/demo/visitor.png"
CAT = VISITOR.with_name("cat.png")


def faces(data: Path, *words: object, code: int = 0) -> Result:
    arguments = ["--data", str(data), "faces", *map(str, words)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def identified(data: Path, *pictures: Path) -> list[dict[str, Any]]:
    """The faces of each picture; the widest of each."""
    lines = faces(data, "identify", "--json", *pictures).stdout.splitlines()
    return [max(each["faces"], key=_width) for each in map(json.loads, lines)]


def _width(face: dict[str, Any]) -> float:
    return float(face["box"][2] - face["box"][0])


def test_the_bundled_visitor_is_enrolled_recognised_and_forgotten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    faces(data, "enroll", "Visitor", VISITOR)
    other = tmp_path / "other.jpg"
    picture = cv2.imread(str(VISITOR))
    assert picture is not None
    relit = np.clip(picture[:, ::-1].astype(np.float32) * 0.7 + 10, 0, 255).astype(np.uint8)
    cv2.imwrite(str(other), relit, [cv2.IMWRITE_JPEG_QUALITY, 60])
    (face,) = identified(data, other)
    assert (face["name"], face["decision"]) == ("Visitor", "known")
    assert "no face was found" in faces(data, "enroll", "Cat", CAT, code=1).stdout
    faces(data, "forget", "Visitor")
    (face,) = identified(data, other)
    assert (face["name"], face["decision"]) == (None, "unknown")


@pytest.mark.accuracy
@pytest.mark.slow
def test_portraits_enrolled_by_two_are_recognised_and_strangers_are_not_named(
    tmp_path: Path,
) -> None:
    """Two pictures of each known person, one call each; then all the others."""
    root = Path(os.environ.get("SPYONCINO_TESTDATA", ""))
    if not (root / "faces" / "labels.csv").is_file():
        pytest.skip("SPYONCINO_TESTDATA has no faces/labels.csv")
    data = tmp_path / "data"
    people: dict[str, list[Path]] = {}
    strangers = []
    with (root / "faces" / "labels.csv").open() as table:
        for row in csv.DictReader(table):
            path = root / row["file"]
            if row["role"] == "known":
                people.setdefault(row["identity"], []).append(path)
            else:
                strangers.append(path)
    for name, paths in people.items():
        faces(data, "enroll", name, *paths[:2])
    probes = [(name, path) for name, paths in people.items() for path in paths[2:]]
    told = identified(data, *(path for _, path in probes))
    right = sum(face["name"] == name for face, (name, _) in zip(told, probes, strict=True))
    wrong = sum(
        face["name"] not in (name, None) for face, (name, _) in zip(told, probes, strict=True)
    )
    named = sum(face["name"] is not None for face in identified(data, *strangers))
    assert wrong == 0
    assert named == 0
    assert right >= 0.9 * len(probes)
