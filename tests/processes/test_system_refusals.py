"""What the program cannot work with: one clear sentence, the right exit code, nothing left."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.door_clips import DoorPlan, draw_door
from tests.fixtures.programs import Outcome, Records, Running, command, sim, write_config

import spyoncino

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

MODEL = Path(spyoncino.__file__).parent / "assets" / "models" / "nanodet_416.onnx"


@pytest.fixture(scope="session")
def still_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of the front door; nobody comes."""
    plan = DoorPlan(duration_s=3.0, visitor_at_s=-1.0)
    return draw_door(tmp_path_factory.getbasetemp() / "still.mp4", plan)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with hardly any room; only root can make one."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def the_last_sentence(outcome: Outcome) -> str:
    """What the command says at its end; lines of the log may stand before."""
    assert outcome.code == 1, outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.sentences[-1].startswith("spyoncino: ")
    return outcome.sentences[-1]


def the_sentence(outcome: Outcome, code: int) -> str:
    """The one line that the command ended with."""
    assert outcome.code == code, outcome.err
    assert len(outcome.sentences) == 1, outcome.err
    assert outcome.err.startswith("spyoncino: ")
    return outcome.sentences[0]


@pytest.mark.parametrize(
    ("sections", "parts"),
    [
        ({"evnts": {"linger_s": 3}}, ["spyoncino.yaml", "evnts", "events"]),
        ({"events": {"linger": 3}}, ["spyoncino.yaml", "events.linger", "linger_s"]),
        ({"events": {"linger_s": "long"}}, ["spyoncino.yaml", "events.linger_s", "number"]),
        ({"cameras": {"door": {"source": {"type": "film"}}}}, ["cameras.door.source", "file"]),
        ({"cameras": {"door": sim(fps=0)}}, ["cameras.door.source.fps", "greater than 0"]),
    ],
    ids=["unknown section", "unknown key", "wrong type", "unknown source", "out of range"],
)
def test_a_wrong_setting_is_named_with_its_file_and_what_would_be_right(
    tmp_path: Path, sections: dict[str, Any], parts: list[str]
) -> None:
    config = write_config(tmp_path / "spyoncino.yaml", **sections)

    outcome = command("--data", tmp_path / "data", "run", "--config", config)

    sentence = the_sentence(outcome, 2)
    assert [part for part in parts if part not in sentence] == [], sentence
    assert not (tmp_path / "data").exists()


def test_no_camera_is_a_wrong_usage_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text("log: {level: info}\n")

    outcome = command("--data", tmp_path / "data", "run", cwd=tmp_path)

    assert "no camera is configured" in the_sentence(outcome, 2)


def test_a_model_with_another_hash_is_refused(tmp_path: Path, still_clip: Path) -> None:
    model = {"type": "nanodet", "path": str(MODEL), "labels": ["person"], "sha256": "0" * 64}
    config = write_config(tmp_path / "spyoncino.yaml", objects={"model": model})

    outcome = command("analyze", still_clip, "--out", tmp_path / "out", "--config", config)

    sentence = the_sentence(outcome, 1)
    assert f"{MODEL} was altered or damaged" in sentence
    assert "0" * 64 in sentence


def test_a_database_that_is_none_is_refused_and_left_alone(
    tmp_path: Path, still_clip: Path
) -> None:
    database = tmp_path / "spyoncino.db"
    database.write_bytes(b"Dear diary, " * 1000)
    before = database.read_bytes()

    analysed = command("analyze", still_clip, "--out", tmp_path)
    listed = command("--data", tmp_path, "events", "list")

    for outcome in (analysed, listed):
        assert f"{database} is damaged" in the_sentence(outcome, 1)
    assert database.read_bytes() == before


def test_a_database_with_a_damaged_page_is_refused(tmp_path: Path, still_clip: Path) -> None:
    assert command("analyze", still_clip, "--out", tmp_path).code == 0
    database = tmp_path / "spyoncino.db"
    damaged = bytearray(database.read_bytes())
    damaged[4096:20_000] = b"\x99" * (20_000 - 4096)
    database.write_bytes(damaged)

    outcome = command("--data", tmp_path, "events", "list")

    assert f"{database} is damaged" in the_sentence(outcome, 1)


def test_a_database_that_somebody_else_holds_is_told_after_some_seconds(
    tmp_path: Path, still_clip: Path
) -> None:
    database = tmp_path / "spyoncino.db"
    with closing(sqlite3.connect(database)) as somebody:
        somebody.execute("BEGIN EXCLUSIVE")

        outcome = command("analyze", still_clip, "--out", tmp_path)

    assert f"{database} is locked by another program" in the_sentence(outcome, 1)


def test_events_wait_while_the_database_is_locked_and_are_stored_after(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "spyoncino.yaml",
        cameras={"door": sim()},
        objects={"detector": "mock"},
        events={"linger_s": 1},
        shared_memory={"folder": str(tmp_path)},
    )
    records = Records(tmp_path / "data")
    with Running(
        tmp_path / "log", "--data", records.data, "run", "--config", config, "--show", "lines"
    ) as running:
        running.wait_for_line(r"door\s+is live")
        with closing(sqlite3.connect(records.database)) as somebody:
            somebody.execute("BEGIN IMMEDIATE")
            running.wait_for_line("event not saved yet")
            assert records.events() == {}
        running.wait_for(lambda: len(records.events()) == 1)
        assert "is locked by another program" in running.said()
        running.interrupt()

        assert running.wait() == 0


def test_a_second_main_on_the_same_data_is_refused(tmp_path: Path, still_clip: Path) -> None:
    config = write_config(
        tmp_path / "spyoncino.yaml", cameras={"door": sim()}, objects={"detector": "mock"}
    )
    arguments = ("--data", tmp_path / "data", "run", "--config", config, "--show", "lines")
    with Running(tmp_path / "log", *arguments) as running:
        running.wait_for_line(r"door\s+is live")

        second = command(*arguments)
        analysed = command("analyze", still_clip, "--out", tmp_path / "data")
        listed = command("--data", tmp_path / "data", "events", "list")

        for outcome in (second, analysed):
            assert "already running" in the_sentence(outcome, 1)
            assert str(running.process.pid) in outcome.err
        assert listed.code == 0, "commands that only read work meanwhile"


def test_too_little_shared_memory_is_a_sentence_that_names_the_setting(
    tmp_path: Path, tiny_disk: Path, still_clip: Path
) -> None:
    config = write_config(tmp_path / "spyoncino.yaml", shared_memory={"folder": str(tiny_disk)})

    outcome = command("analyze", still_clip, "--out", tmp_path / "out", "--config", config)

    sentence = the_sentence(outcome, 1)
    assert "Shared memory is too small" in sentence
    assert str(tiny_disk) in sentence
    assert "shared_memory." in sentence
    assert list(tiny_disk.iterdir()) == []


def test_a_full_disk_is_a_sentence_and_the_database_stays_whole(
    tiny_disk: Path, still_clip: Path
) -> None:
    (tiny_disk / "ballast").write_bytes(bytes(490_000))

    outcome = command("analyze", still_clip, "--out", tiny_disk / "out")

    assert "is full" in the_sentence(outcome, 1)


def test_a_disk_that_fills_up_is_told_at_the_end_and_costs_nothing_that_was_stored(
    tmp_path: Path, tiny_disk: Path
) -> None:
    clip = draw_door(tmp_path / "visitor.mp4", DoorPlan(duration_s=5.0, visitor_at_s=0.5))
    config = write_config(tmp_path / "spyoncino.yaml", media={"min_free_bytes": "1kB"})

    outcome = command("analyze", clip, "--out", tiny_disk / "out", "--config", config, "--json")

    sentence = the_last_sentence(outcome)
    assert "is full; free some space" in sentence
    records = Records(tiny_disk / "out")
    with closing(sqlite3.connect(records.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(records.events()) == 1, "what was stored before stays"
    assert all((records.data / path).stat().st_size > 0 for path in records.media())


def test_a_data_folder_that_cannot_be_written_is_refused(tmp_path: Path, still_clip: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")

    outcome = command("analyze", still_clip, "--out", blocked / "out")

    assert "cannot be created" in the_sentence(outcome, 1)
