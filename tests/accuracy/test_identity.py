"""Naming with the bundled models on real faces: who is enrolled is named, strangers never are."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.detectors.embedders import create_embedder, likeness_of
from spyoncino.detectors.factory import create_face_detector
from spyoncino.faces.gallery import Gallery, Reference
from spyoncino.faces.identify import TrackVote, decide
from spyoncino.faces.limits import Limits, limits_for
from spyoncino.runtime.face_look import FaceLook
from spyoncino.runtime.tasks import FoundFace
from spyoncino.schemas.events import Identity, Verdict

DATA = Path(os.environ.get("SPYONCINO_TESTDATA", "/nonexistent"))

pytestmark = [
    pytest.mark.accuracy,
    pytest.mark.skipif(not DATA.is_dir(), reason="SPYONCINO_TESTDATA is not set"),
]

Image = NDArray[np.uint8]
FACE_PX, NOISE, JPEG_QUALITY = 40.0, 6.0, 60
VOTES = 5
"""Faces of a clip that vote: as many as the best shots of a track."""


@pytest.fixture(scope="module")
def look() -> Iterator[FaceLook]:
    built = FaceLook(create_face_detector("cpu", {}), create_embedder({}))
    yield built
    built.close()


@pytest.fixture(scope="module")
def limits() -> Limits:
    return limits_for(likeness_of({}))


@dataclass(frozen=True)
class Portrait:
    who: str
    role: str
    clean: FoundFace
    small: FoundFace | None


def largest(look: FaceLook, picture: Image) -> FoundFace | None:
    return max(look.look(picture).faces, key=lambda face: face.quality.size_px, default=None)


def degraded(picture: Image, face_px: float) -> Image:
    scale = FACE_PX / face_px
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(5).normal(0.0, NOISE, small.shape)
    noisy = np.clip(small + noise, 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


@pytest.fixture(scope="module")
def portraits(look: FaceLook) -> list[Portrait]:
    found = []
    with (DATA / "faces" / "labels.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            picture = np.asarray(cv2.imread(str(DATA / row["file"])), np.uint8)
            clean = largest(look, picture)
            assert clean is not None, f"no face in {row['file']}"
            small = largest(look, degraded(picture, clean.quality.size_px))
            found.append(Portrait(row["identity"], row["role"], clean, small))
    return found


def told(gallery: Gallery, limits: Limits, *faces: FoundFace) -> Identity:
    vote = TrackVote()
    for number, face in enumerate(faces):
        vector = np.frombuffer(face.vector, np.float32)
        vote.add(vector, face.quality, float(number), face.box)
    return decide(vote, gallery, limits, {})


def reference(name: str, who: str, face: FoundFace) -> Reference:
    return Reference(name, who, "known", np.frombuffer(face.vector, np.float32))


@pytest.mark.parametrize(("is_small", "least_right"), [(False, 34), (True, 29)])
def test_who_is_enrolled_by_two_pictures_is_named_and_strangers_are_not(
    portraits: list[Portrait], limits: Limits, is_small: bool, least_right: int
) -> None:
    """The first two pictures of each known person are enrolled, all others are asked."""
    gallery = Gallery("mobilefacenet")
    asked: list[Portrait] = []
    counts: dict[str, int] = {}
    for number, portrait in enumerate(portraits):
        counts[portrait.who] = counts.get(portrait.who, 0) + 1
        if portrait.role == "known" and counts[portrait.who] <= 2:
            gallery.add(reference(f"{number:03d}", portrait.who, portrait.clean))
        else:
            asked.append(portrait)
    right = 0
    for portrait in asked:
        face = portrait.small if is_small else portrait.clean
        identity = None if face is None else told(gallery, limits, face)
        name = None if identity is None else identity.name
        assert name in {None, portrait.who if portrait.role == "known" else None}
        right += name is not None
    print(f"{right} of {sum(p.role == 'known' for p in asked)} right")  # noqa: T201  # pytest -s
    assert right >= least_right


@pytest.fixture(scope="module")
def clips(look: FaceLook) -> dict[tuple[str, str], list[FoundFace]]:
    """Clip and who is in it, to the faces of every sixth frame, best first."""
    found: dict[tuple[str, str], list[FoundFace]] = {}
    with (DATA / "faces" / "visitors.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            faces = []
            with av.open(str(DATA / row["file"])) as opened:
                for number, frame in enumerate(opened.decode(video=0)):
                    if number % 6 == 0:
                        picture = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                        face = largest(look, picture)
                        faces += [] if face is None else [face]
            faces.sort(key=lambda face: -face.quality.score)
            found[row["file"], row["identity"]] = faces
    return found


def test_a_visitor_enrolled_from_one_clip_is_named_in_all_others_and_nobody_else_is(
    clips: dict[tuple[str, str], list[FoundFace]], limits: Limits
) -> None:
    for (enrolled, who), faces in clips.items():
        gallery = Gallery("mobilefacenet", [reference(str(n), who, faces[n]) for n in range(2)])
        for (clip, other), seen in clips.items():
            if clip == enrolled:
                continue
            identity = told(gallery, limits, *seen[:VOTES])
            if other == who:
                assert identity.name == who, f"{enrolled} in {clip}: {identity.reason}"
            else:
                assert identity.name is None, f"{enrolled} in {clip}: {identity.reason}"
                assert identity.decision in {Verdict.UNKNOWN, Verdict.UNSURE}
