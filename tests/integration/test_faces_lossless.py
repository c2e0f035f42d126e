"""``analyze`` with faces: the same names and numbers for any number of workers, and every time."""

from pathlib import Path

import pytest
from tests.fixtures.door_clips import DoorPlan, draw_door
from tests.fixtures.drawn_visit import enrol
from tests.fixtures.programs import Outcome, command, write_config

from spyoncino.core.paths import DataFolder

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

PLAN = DoorPlan(duration_s=8.0, visitor_at_s=0.5, size=(1280, 720))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_door(tmp_path_factory.mktemp("clip") / "door.mp4", PLAN)


def analyse(clip: Path, folder: Path, workers: int) -> Outcome:
    data = DataFolder(folder / "out")
    data.prepare()
    enrol(data, "Ann Lee")
    config = write_config(
        folder / "spyoncino.yaml",
        cameras={"door": {"source": {"type": "file", "path": str(clip)}, "analysis_fps": 4}},
        faces={"enabled": True},
        preview={"enabled": False},
    )
    return command(
        "analyze",
        clip,
        *("--out", data.root, "--config", config, "--workers", str(workers), "--json"),
    )


@pytest.fixture(scope="module")
def first(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return analyse(clip, tmp_path_factory.mktemp("first"), workers=1)


def test_the_event_of_the_clip_names_the_visitor(first: Outcome) -> None:
    assert first.code == 0, first.err
    (event,) = first.objects
    (identity,) = event["identities"]
    assert (identity["name"], identity["decision"]) == ("Ann Lee", "known")
    assert identity["similarity"] > 0.5
    assert identity["face_count"] >= 2


def test_another_run_with_two_workers_prints_the_same(
    first: Outcome, clip: Path, tmp_path: Path
) -> None:
    again = analyse(clip, tmp_path, workers=2)
    assert again.code == 0, again.err
    assert again.out == first.out
