"""Draws how well the default embedder tells people apart: the score picture of labelled pairs.

Needs pictures that are not part of the project: a folder with ``faces/pairs.csv`` (a, b, same)
and the pictures it names, given by ``--data`` or SPYONCINO_TESTDATA. It writes pictures of scores,
never of people, into ``docs/images``, and the figures beside the other results.

Usage: ``python benchmarks/face_roc.py [--data DIR] [--model NAME] [--width-px 40]``
"""

import argparse
import csv
import os
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from report import ROOT, Row, write_report
from spyoncino.detectors.embedders import create_embedder, likeness_of
from spyoncino.detectors.factory import create_face_detector
from spyoncino.faces.limits import limits_for
from spyoncino.faces.plot import area_under, roc, score_plot
from spyoncino.runtime.face_look import FaceLook

Image = NDArray[np.uint8]
NOISE = 6.0
"""Standard deviation of the noise put on small pictures, grey levels of 255."""

JPEG_QUALITY = 60


def degraded(picture: Image, face_px: float, width_px: float) -> Image:
    """As a cheap camera further away would have it: small, noisy, compressed."""
    scale = width_px / face_px
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rng = np.random.default_rng(int(face_px))
    noisy = np.clip(small + rng.normal(0.0, NOISE, small.shape), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def scores_of(data: Path, look: FaceLook, width_px: float | None) -> tuple[list[float], ...]:
    """Similarities of pairs of one person, of pairs of two, and how many had a face missing.

    The first picture of a pair is as it is, the second one is made small where ``width_px`` says.
    """

    @cache
    def vector(name: str, width_px: float | None) -> NDArray[np.float32] | None:
        picture = cv2.imread(str(data / name))
        if picture is None:
            raise SystemExit(f"{data / name} cannot be read.")
        image = np.asarray(picture, np.uint8)
        faces = look.look(image).faces
        if faces and width_px is not None:
            largest = max(face.quality.size_px for face in faces)
            faces = look.look(degraded(image, largest, width_px)).faces
        if not faces:
            return None
        return np.frombuffer(max(faces, key=lambda f: f.quality.size_px).vector, np.float32)

    scores: tuple[list[float], ...] = ([], [], [])
    with (data / "faces" / "pairs.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            one, other = vector(row["a"], None), vector(row["b"], width_px)
            if one is None or other is None or not len(one) or not len(other):
                scores[2].append(0.0)
            else:
                scores[0 if row["same"] == "1" else 1].append(float(one @ other))
    return scores


def accepted(scores: list[float], limit: float) -> float:
    return sum(score >= limit for score in scores) / max(1, len(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("SPYONCINO_TESTDATA"))
    parser.add_argument("--model", default="mobilefacenet")
    parser.add_argument("--width-px", type=float, default=40.0)
    chosen = parser.parse_args()
    if chosen.data is None:
        raise SystemExit("Say where the pictures are: --data DIR or SPYONCINO_TESTDATA.")
    embedder = create_embedder({"model": chosen.model})
    limits = limits_for(likeness_of({"model": chosen.model}))
    look = FaceLook(create_face_detector("cpu", {}), embedder)
    marks = {"unsure from": limits.unsure_from, "known from": limits.known_from}
    rows = []
    for width_px, name in ((None, "roc"), (chosen.width_px, "roc-small")):
        same, other, missing = scores_of(chosen.data, look, width_px)
        kind = "as taken" if width_px is None else f"one of two at {width_px:g} px"
        title = f"{embedder.name}: {len(same) + len(other)} pairs of portraits, {kind}"
        subtitle = "Green: one person. Orange: different people. Dots: the default limits."
        path = ROOT / "docs" / "images" / f"{name}.svg"
        path.write_text(score_plot(title, subtitle, same, other, marks), encoding="utf-8")
        at_1_percent = max(true for _, false, true in roc(same, other) if false <= 0.01)
        rows += [
            Row(f"{kind}: area under the ROC curve", area_under(same, other), "ratio"),
            Row(f"{kind}: one person at 1 % false accepts", at_1_percent, "ratio"),
            Row(f"{kind}: one person at known_from", accepted(same, limits.known_from), "ratio"),
            Row(f"{kind}: different at known_from", accepted(other, limits.known_from), "ratio"),
            Row(f"{kind}: pairs without a face", float(len(missing)), "pairs"),
        ]
    write_report("face-roc", rows)


if __name__ == "__main__":
    main()
