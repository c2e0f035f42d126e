"""``ring``: what main answers, and what is said when nobody does."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spyoncino.cli import ring
from spyoncino.cli.app import app
from spyoncino.core.doorbells import PRESS, REFUSED
from spyoncino.errors import StorageError

RUNG = {"event_id": "press-1", "doorbell": "front", "camera": "door"}


def rings(monkeypatch: pytest.MonkeyPatch, answer: dict[str, str]) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []

    async def main(_: Path, order: str, **arguments: Any) -> dict[str, str]:
        assert order == PRESS
        asked.append(arguments)
        return answer

    monkeypatch.setattr(ring, "ask_main", main)
    return asked


def test_a_doorbell_is_rung_and_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = rings(monkeypatch, RUNG)
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "ring", "front"])
    assert (result.exit_code, result.output.strip()) == (0, "rang front at camera door (press-1)")
    assert asked == [{"doorbell": "front", "method": "cli"}]


def test_the_only_doorbell_needs_no_name_and_programs_get_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = rings(monkeypatch, RUNG)
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "ring", "--json"])
    assert json.loads(result.output) == RUNG
    assert asked[0]["doorbell"] is None


def test_a_press_that_cannot_be_kept_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rings(monkeypatch, {REFUSED: "the press was passed on, but cannot be kept"})
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "ring"])
    assert isinstance(result.exception, StorageError)
    assert "cannot be kept" in str(result.exception)


def test_nobody_to_ring_at_is_a_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "ring"])
    assert isinstance(result.exception, StorageError)
    assert "start `spyoncino run`" in str(result.exception)
