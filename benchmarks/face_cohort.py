"""Would a cohort of strangers tell them apart better than plain similarity? Measured, it does not.

Needs pictures that are not part of the project (``--data`` or SPYONCINO_TESTDATA): people of
``faces/labels.csv`` and group pictures. In each random split five people are enrolled by two
pictures, never by the first two of their list (those belong to the accuracy tests); the other
people and the group faces are divided into a cohort and strangers. Told is the share of own faces
named and right when the limit lets one stranger in a thousand through.

Usage: ``python benchmarks/face_cohort.py [--data DIR] [--splits 200] [--width-px 40]``
"""

import argparse
import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from face_roc import degraded
from report import Row, write_report
from spyoncino.detectors.embedders import create_embedder
from spyoncino.detectors.factory import create_face_detector
from spyoncino.runtime.face_look import FaceLook

Vector = NDArray[np.float32]
ENROLLED, PICTURES, KEPT_OUT = 5, 2, 2
STRANGERS_LET_THROUGH = 0.001
WRONG = -99.0


@dataclass(frozen=True, eq=False)
class Face:
    """One picture of a person: its number in the list, its vector, and that of the face asked."""

    who: str
    place: int
    vector: Vector
    asked: Vector


def vectors_of(look: FaceLook, path: Path) -> list[tuple[float, Vector, NDArray[np.uint8]]]:
    """Width and vector of every face, widest first, with the picture."""
    picture = np.asarray(cv2.imread(str(path)), np.uint8)
    faces = sorted(look.look(picture).faces, key=lambda face: -face.quality.size_px)
    return [(f.quality.size_px, np.frombuffer(f.vector, np.float32), picture) for f in faces]


def portraits_of(data: Path, look: FaceLook, width_px: float | None) -> list[Face]:
    found: list[Face] = []
    places: dict[str, int] = {}
    with (data / "faces" / "labels.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            who = row["identity"]
            places[who] = places.get(who, -1) + 1
            size_px, vector, picture = vectors_of(look, data / row["file"])[0]
            asked = vector
            if width_px is not None:
                small = look.look(degraded(picture, size_px, width_px)).faces
                if not small:
                    continue
                widest = max(small, key=lambda face: face.quality.size_px)
                asked = np.frombuffer(widest.vector, np.float32)
            found.append(Face(who, places[who], vector, asked))
    return found


def scores_of(
    asked: Vector, references: Vector, owners: NDArray[np.str_], cohort: Vector
) -> tuple[str, dict[str, float]]:
    """The nearest person, and how sure each rule is of it."""
    similarities = references @ asked
    best = int(similarities.argmax())
    top = float(similarities[best])
    others = similarities[owners != owners[best]]
    second = float(others.max())
    own, back = cohort @ asked, cohort @ references[best]
    z_norm = (top - own.mean()) / (own.std() + 0.02)
    t_norm = (top - back.mean()) / (back.std() + 0.02)
    five = np.sort(np.concatenate([own, others]))[-5:]
    return str(owners[best]), {
        "plain similarity": top,
        "less half the best of cohort and second": top - max(own.max(), second) / 2,
        "less half the mean of the five best": top - five.mean() / 2,
        "z-norm": z_norm,
        "s-norm": (z_norm + t_norm) / 2,
        "above the best of the cohort": top - max(own.max(), second),
        "margin": top - second,
    }


def one_split(
    faces: Sequence[Face], groups: Sequence[Vector], rng: np.random.Generator
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """Scores of own faces (a wrong name scores below everything) and of strangers."""
    people = sorted({face.who for face in faces})
    free = {who: [f for f in faces if f.who == who and f.place >= KEPT_OUT] for who in people}
    able = [who for who in people if len(free[who]) > PICTURES]
    enrolled = rng.choice(able, min(ENROLLED, len(able) - 1), replace=False).tolist()
    chosen = [
        free[who][number]
        for who in enrolled
        for number in rng.choice(len(free[who]), PICTURES, replace=False).tolist()
    ]
    references = np.stack([face.vector for face in chosen])
    owners = np.array([face.who for face in chosen])
    rest = [who for who in people if who not in enrolled]
    rng.shuffle(rest)
    helpers = rest[: len(rest) // 2]
    order = rng.permutation(len(groups)).tolist()
    half = len(order) // 2
    first = {face.who: face.vector for face in reversed(faces)}
    cohort = np.stack([first[who] for who in helpers] + [groups[number] for number in order[:half]])
    own: list[dict[str, float]] = []
    strange = [scores_of(groups[n], references, owners, cohort)[1] for n in order[half:]]
    for face in faces:
        is_kept_out = face.place < KEPT_OUT and face.who in enrolled
        if face in chosen or face.who in helpers or is_kept_out:
            continue
        nearest, scores = scores_of(face.asked, references, owners, cohort)
        if face.who not in enrolled:
            strange.append(scores)
        else:
            own.append(scores if nearest == face.who else dict.fromkeys(scores, WRONG))
    return own, strange


def named(own: Sequence[Mapping[str, float]], strange: Sequence[Mapping[str, float]]) -> list[Row]:
    rows = []
    for rule in strange[0]:
        limit = np.quantile([scores[rule] for scores in strange], 1.0 - STRANGERS_LET_THROUGH)
        share = float(np.mean([scores[rule] > limit for scores in own]))
        rows.append(Row(rule, share, "ratio", None, f"{len(own)} own, {len(strange)} strange"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("SPYONCINO_TESTDATA"))
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--width-px", type=float, nargs="+", default=[40.0, 28.0])
    chosen = parser.parse_args()
    if chosen.data is None:
        raise SystemExit("Say where the pictures are: --data DIR or SPYONCINO_TESTDATA.")
    data = Path(chosen.data)
    look = FaceLook(create_face_detector("cpu", {}), create_embedder({}))
    groups = [
        vector
        for path in sorted((data / "faces" / "groups").glob("0*.jpg"))
        for _, vector, _ in vectors_of(look, path)
        if len(vector)
    ]
    rows = []
    for width_px in (None, *chosen.width_px):
        faces = portraits_of(data, look, width_px)
        rng = np.random.default_rng(3)
        own: list[dict[str, float]] = []
        strange: list[dict[str, float]] = []
        for _ in range(chosen.splits):
            more_own, more_strange = one_split(faces, groups, rng)
            own += more_own
            strange += more_strange
        kind = "as taken" if width_px is None else f"{width_px:g} px"
        rows += [
            Row(f"{kind}: {row.name}", row.value, row.unit, None, row.note)
            for row in named(own, strange)
        ]
    write_report("face-cohort", rows)


if __name__ == "__main__":
    main()
