"""Nothing is told of real clips nor of weather; a hand, a turn, a freeze and black are told."""

import os
from functools import cache
from pathlib import Path

import pytest
from tests.accuracy.tamper_replay import UNSURE_S, Looks, accustomed, measured, play
from tests.accuracy.tamper_scenes import TAMPERED, clip_paths, pictures_of

from spyoncino.detectors.picture_judge import PictureFault

CLIPS = Path(os.environ.get("SPYONCINO_TESTDATA", "/nonexistent")) / "clips"
NATURAL_TRIED = ("van", "dusk")
TAMPERED_TRIED = ("hand", "paint", "shifted", "rotated", "frozen", "dark")
TRIED = ("tree", "student")
"""One wide view outdoors and one person before the camera."""

pytestmark = [
    pytest.mark.accuracy,
    pytest.mark.skipif(not CLIPS.is_dir(), reason="SPYONCINO_TESTDATA is not set"),
]


@cache
def looks_at(clip: str) -> Looks:
    (path,) = (path for path in clip_paths(CLIPS) if path.stem == clip)
    scenes = (*NATURAL_TRIED, *TAMPERED_TRIED) if clip in TRIED else ()
    return measured(pictures_of(path), scenes)


@pytest.mark.parametrize("clip", [path.stem for path in clip_paths(CLIPS)])
def test_nothing_is_told_of_a_clip_as_it_is(clip: str) -> None:
    usual = accustomed(looks_at(clip))
    usual.show(looks_at(clip)["after"])
    assert usual.told.faults == []
    assert usual.judge.fault is None
    assert len(usual.judge.memory.views) == 1


@pytest.mark.parametrize("clip", TRIED)
@pytest.mark.parametrize("scene", NATURAL_TRIED)
def test_nothing_is_told_of_what_is_natural(clip: str, scene: str) -> None:
    looks = looks_at(clip)
    assert play(accustomed(looks, days_known=False), looks, scene).faults == []


@pytest.mark.parametrize("clip", TRIED)
@pytest.mark.parametrize(
    ("scene", "within_s"),
    [
        ("hand", 130),
        ("paint", 130),
        ("shifted", 300),
        ("rotated", 2100),
        ("frozen", 320),
        ("dark", 620),
    ],
)
def test_tampering_is_told_once_and_its_end_is_noticed(
    clip: str, scene: str, within_s: float
) -> None:
    looks = looks_at(clip)
    for_s = UNSURE_S if TAMPERED[scene][1] is PictureFault.MOVED else 0.0
    told = play(accustomed(looks), looks, scene, for_s=for_s)
    assert [fault for _, fault in told.faults] == [TAMPERED[scene][1]]
    assert told.faults[0][0] <= within_s
    assert told.over_s is not None
    assert told.over_s <= 60
