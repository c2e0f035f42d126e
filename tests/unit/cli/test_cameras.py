"""``spyoncino cameras`` over files, which need no network."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.fixtures.clips import ClipPlan, write_clip
from tests.fixtures.pi_camera import pi_camera
from typer.testing import CliRunner

from spyoncino.cli.app import app
from spyoncino.errors import SourceError, UsageError

RUNNER = CliRunner()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    times = tuple(number / 10 for number in range(100))
    return write_clip(tmp_path / "clip.mp4", ClipPlan(times=times, gop=80, audio="aac"))


def test_a_test_says_what_comes_and_what_to_change(clip: Path) -> None:
    done = RUNNER.invoke(app, ["cameras", "test", str(clip)])
    assert done.exit_code == 0
    words = " ".join(done.stdout.split())
    assert "video h264, 64x48" in words
    assert "pictures 10.0 a second" in words
    assert "key frames 8.0 s apart" in words
    assert "Set the key frame interval" in words
    assert "sound aac, 16000 Hz" in words


def test_a_good_stream_has_nothing_to_change(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "good.mp4")
    assert "Nothing to change." in RUNNER.invoke(app, ["cameras", "test", str(path)]).stdout


def test_json_has_the_same_facts(clip: Path) -> None:
    done = RUNNER.invoke(app, ["cameras", "test", str(clip), "--json"])
    facts = json.loads(done.stdout)
    assert (facts["codec"], facts["fps"], facts["gop_s"]) == ("h264", 10.0, 8.0)
    assert len(facts["advice"]) == 1


def test_a_snapshot_is_written_with_a_grid_where_wanted(clip: Path, tmp_path: Path) -> None:
    plain, grid = tmp_path / "plain.png", tmp_path / "grid.png"
    assert (
        RUNNER.invoke(app, ["cameras", "snapshot", str(clip), "--out", str(plain)]).exit_code == 0
    )
    arguments = ["cameras", "snapshot", str(clip), "--grid", "--out", str(grid)]
    assert RUNNER.invoke(app, arguments).exit_code == 0
    first, second = cv2.imread(str(plain)), cv2.imread(str(grid))
    assert first is not None
    assert second is not None
    assert first.shape == second.shape == (48, 64, 3)
    assert np.any(first != second)


def test_a_camera_of_the_configuration_is_meant_by_its_name(tmp_path: Path) -> None:
    config = tmp_path / "spyoncino.yaml"
    config.write_text("cameras: {door: {source: {type: sim, width_px: 320, height_px: 180}}}\n")
    out = tmp_path / "door.jpg"
    options = ["--config", str(config), "cameras"]
    done = RUNNER.invoke(app, [*options, "snapshot", "door", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "320x180" in done.stdout
    failed = RUNNER.invoke(app, [*options, "test", "door"])
    assert isinstance(failed.exception, UsageError)
    assert "nothing to test" in str(failed.exception)
    failed = RUNNER.invoke(app, [*options, "test", "gate"])
    assert "there is: door" in str(failed.exception)


@pytest.mark.parametrize(
    ("arguments", "kind", "sentence"),
    [
        (["test", "rtsp://127.0.0.1:1/x"], SourceError, "nothing listens on port 1"),
        (["test", "http://127.0.0.1:1/x"], SourceError, "nothing listens on port 1"),
        (["test", "/dev/video77"], SourceError, "no USB camera /dev/video77"),
        (["snapshot", "rtsp://x", "--out", "a.gif"], UsageError, "must end in .jpg or .png"),
    ],
)
def test_each_fault_is_one_sentence(arguments: list[str], kind: type, sentence: str) -> None:
    failed = RUNNER.invoke(app, ["cameras", *arguments])
    assert isinstance(failed.exception, kind)
    assert sentence in str(failed.exception)


@pytest.mark.parametrize("encoder", ["hardware", "libav"])
def test_a_pi_camera_is_tested_by_its_number(monkeypatch: pytest.MonkeyPatch, encoder: str) -> None:
    with pi_camera(monkeypatch, encoder=encoder):
        done = RUNNER.invoke(app, ["cameras", "test", "pi:0", "--seconds", "1", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert (facts["codec"], facts["width_px"]) == ("h264", 1280)
    assert facts["fps"] > 0


def test_a_snapshot_of_a_raw_pi_camera_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "pi.jpg"
    with pi_camera(monkeypatch, encoder="none"):
        done = RUNNER.invoke(app, ["cameras", "snapshot", "pi:0", "--out", str(out)])
    assert "1280x720" in done.stdout
