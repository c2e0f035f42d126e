import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.fixtures.fake_modules import Bell, Photographer, fake_registry
from typer import Typer
from typer.testing import CliRunner, Result

from spyoncino.cli import config, modules
from spyoncino.cli.options import GlobalOptions
from spyoncino.core.registry import LoadFailure, Registry
from spyoncino.errors import ConfigError, UsageError

Call = Callable[..., Result]

STARTER = "cameras:\n  door:\n    source: {type: sim}\nphoto: {mode: off}\n"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in an empty folder, over the fake modules; errors are raised."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setattr(Registry, "discover", lambda *_: fake_registry())
    root = Typer()
    root.add_typer(config.app, name="config")
    root.add_typer(modules.app, name="modules")

    def run(*words: str, options: GlobalOptions | None = None, code: int = 0) -> Result:
        result = CliRunner().invoke(root, words, obj=options, catch_exceptions=False)
        assert result.exit_code == code
        return result

    return run


def test_init_writes_a_file_that_passes_the_check(call: Call, tmp_path: Path) -> None:
    assert "spyoncino.yaml written" in call("config", "init").stdout
    assert "cameras" in yaml.safe_load((tmp_path / "spyoncino.yaml").read_text())
    said = call("config", "check").stdout
    assert "The configuration is right." in said
    assert "door (sim)" in said


def test_init_replaces_nothing_unless_forced(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("x")
    with pytest.raises(UsageError, match="exists already"):
        call("config", "init", "mine.yaml")
    call("config", "init", "mine.yaml", "--force", "--full")
    assert "photo:" in path.read_text()


def test_init_says_when_it_cannot_write(call: Call) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        call("config", "init", "no/such/folder.yaml")


def test_check_tells_every_problem(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("photo: {mod: off}\nbell: {loudness: 99}\n")
    with pytest.raises(ConfigError) as raised:
        call("config", "check", "bad.yaml")
    assert len(raised.value.problems) == 2
    answer = json.loads(call("config", "check", "bad.yaml", "--json", code=2).stdout)
    assert answer["ok"] is False
    assert len(answer["problems"]) == 2


def test_check_without_a_file_checks_the_defaults(call: Call) -> None:
    said = call("config", "check").stdout
    assert "no file; these are the defaults" in said
    assert "cameras: none" in said


def test_check_takes_the_global_config_option(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(STARTER)
    answer = call("config", "check", "--json", options=GlobalOptions(config=path)).stdout
    assert json.loads(answer) == {
        "ok": True,
        "files": [str(path)],
        "cameras": {"door": "sim"},
        "notices": [],
    }


def test_check_names_modules_that_could_not_be_loaded(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry((Bell,), (LoadFailure("x:Y", "cannot be loaded"),))
    monkeypatch.setattr(Registry, "discover", lambda *_: registry)
    assert "x:Y: cannot be loaded" in call("config", "check").stderr
    assert "x:Y cannot be loaded" in call("modules", "list").stderr
    failures = json.loads(call("modules", "list", "--json").stdout)["failures"]
    assert failures == [{"name": "x:Y", "error": "cannot be loaded"}]


def test_show_prints_what_is_in_force_without_secrets(call: Call, tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text(STARTER + "album: {token: hunter2}\n")
    said = call("config", "show").stdout
    tree = yaml.safe_load(said)
    assert tree["photo"]["mode"] == "off"
    assert tree["data_dir"] == str(tmp_path / "share" / "spyoncino")
    assert "hunter2" not in said


def test_show_of_one_part(call: Call, tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text(STARTER)
    assert json.loads(call("config", "show", "photo.lens", "--json").stdout) == {
        "focal_mm": 35.0,
        "colour": True,
    }
    assert call("config", "show", "photo.mode").stdout.strip() in ("off", "'off'")
    assert json.loads(call("config", "show", "photo.mode", "--json").stdout) == ["off"]
    data = call("config", "show", "data_dir", options=GlobalOptions(data=tmp_path / "d")).stdout
    assert data.strip() == str(tmp_path / "d")


def test_show_names_where_each_setting_was_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text(STARTER)
    said = call("config", "show", "photo", "--origins").stdout
    assert "photo.mode = off  (spyoncino.yaml:4)" in said
    assert "photo.sensitivity = 0.5  (default)" in said
    rows = json.loads(call("config", "show", "cameras", "--origins", "--json").stdout)
    origins = {row["key"]: row["origin"] for row in rows}
    assert origins["cameras.door.source.type"] == "spyoncino.yaml:3"
    assert origins["cameras.door.enabled"] == "default"
    assert "photo.mode = off" in call("config", "show", "photo.mode", "--origins").stdout


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("nope", 'there is no "nope"; there is preset, data_dir, cameras'),
        ("photo.nope", 'there is no "nope" inside photo; there is mode'),
        ("photo.mode.x", 'there is no "x" inside photo.mode; there is nothing'),
    ],
)
def test_show_of_something_unknown_names_what_there_is(call: Call, key: str, sentence: str) -> None:
    with pytest.raises(UsageError) as raised:
        call("config", "show", key)
    assert sentence in str(raised.value)


def test_schema_is_the_json_schema_of_the_document(call: Call) -> None:
    schema: dict[str, Any] = json.loads(call("config", "schema").stdout)
    assert "photo" in schema["properties"]
    assert Photographer.settings_model.__name__ in schema["$defs"]


@pytest.mark.parametrize("command", ["init", "check", "show", "schema"])
def test_every_command_has_help_with_an_example(call: Call, command: str) -> None:
    assert "Example: spyoncino config" in call("config", command, "--help").stdout
