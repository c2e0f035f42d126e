"""``explain`` tells the decisions of an event, with the numbers that were compared."""

import json
from pathlib import Path

import pytest
from tests.fixtures.records import House, furnish
from typer.testing import CliRunner

from spyoncino.cli.app import app
from spyoncino.errors import UsageError


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("COLUMNS", "200")
    return furnish(tmp_path / "data")


def explain(house: House, *words: str) -> str:
    arguments = ["--data", str(house.root), "explain", *words]
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_it_tells_what_each_stage_compared_with_what(house: House) -> None:
    told = explain(house, "aaaa")

    assert "person at door, completed: 10.0 s to 14.0 s of the camera. nobody for 10 s" in told
    tracker = next(line for line in told.splitlines() if "process.tracker" in line)
    for part in ("10.2-13.8", "track 7", "passed", "confirmed (×6)", "hits 3, limit 3, most 8"):
        assert part in tracker, part
    zoning = next(line for line in told.splitlines() if "process.zoning_filter" in line)
    assert "12.0" in zoning
    assert "stopped" in zoning


def test_only_what_was_stopped(house: House) -> None:
    told = explain(house, "aaaa", "--stopped")

    assert "process.tracker" not in told
    assert "outside every zone" in told


def test_as_json_there_is_a_line_for_each_decision(house: House) -> None:
    decisions = [json.loads(line) for line in explain(house, "aaaa", "--json").splitlines()]

    assert [decision["stage"] for decision in decisions] == [
        "process.tracker",
        "process.zoning_filter",
    ]
    assert decisions[0]["value"] == 3


def test_an_event_without_decisions_says_so(house: House) -> None:
    assert "no decisions were kept for this event" in explain(house, "bbbb")


def test_an_unknown_event_is_refused(house: House) -> None:
    with pytest.raises(UsageError, match="no single event begins with 'zz'"):
        explain(house, "zz")
