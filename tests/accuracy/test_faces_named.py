"""Real people are named, and strangers are not, with the figures that the model came with."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.face_protocol import (
    Probe,
    Reference,
    as_it_is,
    degraded,
    judge,
    plain,
    read_probes,
)

from spyoncino.detectors.embedders import create_embedder, likeness_of
from spyoncino.detectors.factory import create_face_detector
from spyoncino.runtime.face_look import FaceLook

DATA = Path(os.environ.get("SPYONCINO_TESTDATA", "/nonexistent"))

pytestmark = [
    pytest.mark.accuracy,
    pytest.mark.skipif(not DATA.is_dir(), reason="SPYONCINO_TESTDATA is not set"),
]


@pytest.fixture(scope="module")
def looked_at() -> Iterator[tuple[list[Reference], list[list[Probe]]]]:
    look = FaceLook(create_face_detector("cpu", {}), create_embedder({}))
    yield read_probes(look, DATA, [as_it_is, degraded])
    look.close()


# Measured with benchmarks/bench_faces.py: 34 and 33 of 34, nobody named wrongly.
@pytest.mark.parametrize(("way", "right"), [(0, 33), (1, 30)], ids=["clean", "degraded"])
def test_people_are_named_and_strangers_are_not(
    looked_at: tuple[list[Reference], list[list[Probe]]], way: int, right: int
) -> None:
    references, probes = looked_at
    likeness = likeness_of({})
    score = judge(references, probes[way], plain(likeness.known_from, likeness.min_size_px))
    assert (score.known, score.unknown) == (34, 9)
    assert score.rank_1 >= 33
    assert score.right >= right
    assert score.wrong == 0
    assert score.strangers_named == 0
    assert score.no_face == 0


def test_quality_tells_degraded_probes_from_clean_ones(
    looked_at: tuple[list[Reference], list[list[Probe]]],
) -> None:
    _, (clean, poor) = looked_at
    pairs = [
        (first.quality.score, second.quality.score)
        for first, second in zip(clean, poor, strict=True)
        if first.quality is not None and second.quality is not None
    ]
    assert sum(first > second for first, second in pairs) >= 0.95 * len(pairs)
