import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fixtures.fake_modules import fake_registry
from typer import Typer
from typer.testing import CliRunner

from spyoncino.cli import config
from spyoncino.clock import SystemClock
from spyoncino.core.config_keeper import ConfigKeeper
from spyoncino.core.config_load import load_config
from spyoncino.core.registry import Registry
from spyoncino.errors import ConfigError

Call = Callable[..., str]

FILE = "# mine\ncameras:\n  door: {source: {type: sim}}\nbell:\n  loudness: 3 # loud\n"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in a folder with a file, data and two versions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Registry, "discover", lambda *_: fake_registry())
    file = tmp_path / "spyoncino.yaml"
    (tmp_path / "data").mkdir()
    keeper = ConfigKeeper(tmp_path / "data" / "config", fake_registry(), SystemClock())
    file.write_text(FILE.replace("3", "9"))
    keeper.record(load_config(fake_registry(), file=file, variables={}).document, "start", ())
    file.write_text(FILE)
    loaded = load_config(fake_registry(), file=file, variables={})
    keeper.record(loaded.document, "anna", ("bell.loudness",))
    root = Typer()
    root.add_typer(config.app, name="config")

    def run(*words: str) -> str:
        result = CliRunner().invoke(root, ["config", *words], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    return run


def test_the_history_tells_who_changed_what(call: Call) -> None:
    lines = [json.loads(line) for line in call("history", "--json").splitlines()]
    assert [(line["number"], line["author"], line["keys"]) for line in lines] == [
        (1, "start", []),
        (2, "anna", ["bell.loudness"]),
    ]
    assert "anna" in call("history")


def test_two_versions_are_compared(call: Call) -> None:
    assert call("diff", "1").strip() == "bell.loudness: 9 -> 3"
    assert json.loads(call("diff", "2", "1", "--json")) == {
        "key": "bell.loudness",
        "before": 3,
        "after": 9,
    }
    assert call("diff", "1", "1").strip() == "they say the same"


def test_going_back_while_nothing_runs_changes_the_file(call: Call, tmp_path: Path) -> None:
    assert "version 1 is back, as version 3" in call("rollback", "1")
    assert (tmp_path / "spyoncino.yaml").read_text() == FILE.replace("3", "9")
    assert "those of version 1 already" in call("rollback", "1")
    with pytest.raises(ConfigError, match="there is no version 8"):
        call("rollback", "8")
