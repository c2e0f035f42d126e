"""``events`` tells from the database what happened, without a running system."""

import json
from pathlib import Path

import pytest
from tests.fixtures.records import FIRST_ID, SECOND_ID, House, furnish
from typer.testing import CliRunner, Result

from spyoncino.cli.app import app
from spyoncino.errors import MediaError, StorageError, UsageError


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("COLUMNS", "200")
    return furnish(tmp_path / "data")


def events(house: House, *words: str) -> Result:
    arguments = ["--data", str(house.root), "events", *words]
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def ids(result: Result) -> set[str]:
    return {json.loads(line)["event_id"] for line in result.stdout.splitlines()}


def test_list_shows_a_line_for_each_event_with_its_zones(house: House) -> None:
    shown = events(house, "list").stdout

    assert "aaaa1111" in shown
    assert "porch, street" in shown
    assert "bbbb2222" in shown
    assert "failed" in shown


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), {FIRST_ID, SECOND_ID}),
        (("--camera", "yard"), {SECOND_ID}),
        (("--type", "person"), {FIRST_ID}),
        (("--since", "1s"), set()),
        (("--since", "40000d"), {FIRST_ID, SECOND_ID}),
        (("--limit", "1"), {FIRST_ID}),
    ],
)
def test_list_filters(house: House, words: tuple[str, ...], expected: set[str]) -> None:
    assert ids(events(house, "list", "--json", *words)) == expected


def test_list_says_when_there_is_nothing(house: House) -> None:
    assert events(house, "list", "--camera", "attic").stdout == "no events\n"


@pytest.mark.parametrize("duration", ["soon", "3", "h", "-3h", "1y"])
def test_since_must_be_a_duration(house: House, duration: str) -> None:
    with pytest.raises(UsageError, match="is not a duration; write for example 30m"):
        events(house, "list", f"--since={duration}")


def test_show_tells_facts_tracks_and_files(house: House) -> None:
    shown = events(house, "show", "aaaa").stdout

    for part in (FIRST_ID, "completed", "nobody for 10 s", "11.5 s", "0.91", "porch, street"):
        assert part in shown, part
    assert f"{house.root / house.snapshot.path} (from the analysis frame)" in shown


def test_show_as_json_is_one_object_with_its_media(house: House) -> None:
    (line,) = events(house, "show", FIRST_ID, "--json").stdout.splitlines()

    facts = json.loads(line)
    assert facts["event_id"] == FIRST_ID
    assert house.snapshot.path in line


def test_export_copies_files_and_facts_into_a_named_folder(house: House, tmp_path: Path) -> None:
    out = tmp_path / "out"

    said = events(house, "export", "aaaa", "bbbb", "--out", str(out)).stdout

    assert said.count(" files in ") == 2
    folders = {path.name.rsplit("_", 1)[1]: path for path in out.iterdir()}
    assert set(folders) == {"aaaa1111", "bbbb2222"}
    assert (folders["aaaa1111"] / "snapshot.jpg").read_bytes() == b"a picture"
    assert json.loads((folders["aaaa1111"] / "event.json").read_text())["camera"] == "door"


def test_export_says_which_file_is_missing(house: House, tmp_path: Path) -> None:
    (house.root / house.snapshot.path).unlink()

    with pytest.raises(MediaError, match=rf"event {FIRST_ID} could not be copied to .*snapshot"):
        events(house, "export", "aaaa", "--out", str(tmp_path / "out"))


@pytest.mark.parametrize("words", [("show", "zzz"), ("show", ""), ("export", "zzz", "--out", "x")])
def test_an_id_must_mean_one_event(house: House, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="no single event begins with"):
        events(house, *words)


def test_without_a_database_the_sentence_says_how_to_get_one(tmp_path: Path) -> None:
    arguments = ["--data", str(tmp_path), "events", "list"]

    with pytest.raises(StorageError, match=r"no events yet: .*start `spyoncino run`"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
