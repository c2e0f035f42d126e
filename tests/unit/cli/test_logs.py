"""``spyoncino logs``: the file for people."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spyoncino.cli import logs
from spyoncino.cli.app import app
from spyoncino.errors import StorageError, UsageError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    lines = [
        {"timestamp": "2026-03-01T12:00:00Z", "level": "info", "event": "page", "module": "web"},
        {
            "timestamp": "2026-03-01T12:00:01Z",
            "level": "warning",
            "event": "no [clip]",
            "logger": "spyoncino.bus",
            "correlation_id": "abc-1",
        },
        {"timestamp": "odd", "level": "error", "event": "x", "event_ref": "abc-1"},
    ]
    file = tmp_path / "logs" / "doorbell.log"
    file.parent.mkdir()
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"half')
    return tmp_path


def run(data: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["--data", str(data), "logs", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_the_newest_lines_are_shown_for_people(data: Path) -> None:
    first, second, third = run(data, "show").splitlines()
    assert first.endswith("info    web                    page")
    assert "bus" in second
    assert "no [clip]  correlation_id=abc-1" in second
    assert third.startswith("odd error")
    assert len(run(data, "show", "-n", "1").splitlines()) == 1


def test_one_happening_is_followed_by_the_start_of_its_id(data: Path) -> None:
    told = [json.loads(line) for line in run(data, "show", "--of", "abc", "--json").splitlines()]
    assert [line["event"] for line in told] == ["no [clip]", "x"]
    assert run(data, "show", "--of", "nothing") == ""


def test_without_a_log_or_a_running_main_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no log at"):
        run(tmp_path, "show")
    with pytest.raises(StorageError, match="no running Spyoncino"):
        run(tmp_path, "level", "all", "debug")
    with pytest.raises(UsageError, match="name a module and a level"):
        run(tmp_path, "level", "all")


def test_new_lines_are_followed_over_the_rotation_of_the_file(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data / "logs" / "doorbell.log"
    path.write_text("")
    turns = iter(("first", "second"))

    def write_next(_pause_s: float) -> None:
        event = next(turns)
        if event == "second":
            path.rename(path.with_suffix(".log.1"))
        with path.open("a") as file:
            file.write(json.dumps({"event": event}) + "\n")

    monkeypatch.setattr("spyoncino.cli.logs.time.sleep", write_next)
    followed = logs._followed(path, None)
    assert [next(followed)["event"], next(followed)["event"]] == ["first", "second"]
