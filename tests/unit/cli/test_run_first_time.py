"""The first ``run`` on a machine, without a configuration."""

from pathlib import Path

import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner

from spyoncino.app import load_modules
from spyoncino.cli import run
from spyoncino.core.config_load import load_config
from spyoncino.errors import UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setattr(run, "USB_DEVICE", tmp_path / "no-camera")
    return tmp_path


def call() -> str:
    app = Typer()
    app.command()(run.run)
    return CliRunner().invoke(app, [], catch_exceptions=False).stdout


def test_without_a_configuration_a_first_one_is_written_and_the_next_steps_are_said(
    folder: Path,
) -> None:
    said = call()
    assert "There was no configuration" in said
    assert "spyoncino doctor" in said
    loaded = load_config(load_modules(), variables={})
    assert loaded.user_file == Path("spyoncino.yaml")
    assert [camera.source.type for camera in loaded.settings.cameras.values()] == ["sim"]
    assert not (folder / "share").exists()


def test_a_usb_camera_that_is_there_is_put_in_and_the_file_is_valid(folder: Path) -> None:
    device = folder / "video0"
    device.touch()
    run.write_first_configuration(Path("spyoncino.yaml"), device)
    text = (folder / "spyoncino.yaml").read_text()
    assert set(yaml.safe_load(text)["cameras"]) == {"door", "usb"}
    cameras = load_config(load_modules(), variables={}).settings.cameras
    assert cameras["usb"].source.type == "usb"
    assert str(device) in cameras["usb"].source.model_dump_json()


def test_a_file_without_cameras_is_left_alone(folder: Path) -> None:
    (folder / "spyoncino.yaml").write_text("log: {level: info}\n")
    with pytest.raises(UsageError, match=r"spyoncino\.yaml: no camera is configured"):
        call()
    assert (folder / "spyoncino.yaml").read_text() == "log: {level: info}\n"


def test_a_folder_that_cannot_be_written_is_said(folder: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        run.write_first_configuration(folder / "not" / "there" / "spyoncino.yaml", folder)
