"""``mode``: which one holds, or another one from now on."""

from pathlib import Path

from typer.testing import CliRunner

from spyoncino.cli.app import app
from spyoncino.errors import UsageError


def test_the_mode_of_a_house_at_rest_is_told_and_changed(tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["--data", str(tmp_path), "mode", *arguments])
        assert result.exit_code == 0, result.exception
        return result.output.strip()

    assert said() == "home"
    assert said("away") == "away"
    assert said() == "away"


def test_a_mode_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "mode", "holiday"])
    assert isinstance(result.exception, UsageError)
    assert "home, away, night, privacy" in str(result.exception)
