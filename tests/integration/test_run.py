"""``run`` with two cameras of which one is broken: the other loses nothing."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fixtures.programs import RINGS_ALONE, Records, Running, sim, write_config

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

ANALYSIS_FPS = 5


@dataclass(frozen=True)
class Evening:
    """What two cameras did for some seconds."""

    said: str
    code: int
    records: Records
    missing: Path


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    folder = tmp_path_factory.mktemp("evening")
    missing = folder / "gone.mp4"
    config = write_config(
        folder / "spyoncino.yaml",
        cameras={
            "door": {**sim(duration_s=9), "analysis_fps": ANALYSIS_FPS},
            "yard": {"source": {"type": "file", "path": str(missing)}},
        },
        events=RINGS_ALONE,
        clip={"post_roll_s": 1},
        shared_memory={"folder": str(folder)},
        pool={"workers": 1},
    )
    records = Records(folder / "data")
    with Running(
        *(folder / "log", "--data", records.data, "run", "--config", config, "--show", "lines")
    ) as running:
        running.wait_for_line(r"door\s+is ended", timeout_s=60)
        running.interrupt()
        code = running.wait()
        assert running.survivors() == []
        return Evening(running.said(), code, records, missing)


def test_the_broken_camera_says_why_and_that_it_tries_again(evening: Evening) -> None:
    assert f"{evening.missing} does not exist; check the path." in evening.said
    assert "yard       is retrying" in evening.said
    assert evening.code == 0


def test_the_other_camera_has_its_event_with_every_file(evening: Evening) -> None:
    assert list(evening.records.events().values()) == ["completed"]
    kinds = {kind for _, kind in evening.records.media().values()}
    assert kinds == {"snapshot", "gif", "webp", "clip"}


def test_the_other_camera_lost_nothing(evening: Evening) -> None:
    assert "door       is live" in evening.said
    assert "door       is retrying" not in evening.said
    assert "dropped" not in evening.said
    assert "Traceback" not in evening.said


def test_the_lines_tell_the_event_from_its_creation_to_its_files(evening: Evening) -> None:
    for word in ("created", "snapshot", "completed", "clip", "gif", "webp"):
        assert f"door       {word}" in evening.said, word
