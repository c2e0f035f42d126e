import grp
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from spyoncino.cli import service
from spyoncino.cli.options import GlobalOptions
from spyoncino.errors import UsageError
from spyoncino.host.unit import MARK

Call = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine: its own configuration, systemd not running."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "etc"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(service, "SYSTEM_FOLDER", tmp_path / "systemd")
    monkeypatch.setattr(service, "SYSTEM_DATA", tmp_path / "var")
    monkeypatch.setattr(service, "SYSTEMD_RUNS", tmp_path / "no-systemd")
    (tmp_path / "spyoncino.yaml").write_text("cameras: {door: {source: {type: sim}}}\n")
    return tmp_path


@pytest.fixture
def call(home: Path) -> Call:
    assert home
    app = Typer()
    app.add_typer(service.app, name="service")

    def run(*words: str, options: GlobalOptions | None = None) -> Result:
        return CliRunner().invoke(app, ["service", *words], obj=options, catch_exceptions=False)

    return run


def fake_systemctl(home: Path, monkeypatch: pytest.MonkeyPatch, exit_code: int = 0) -> Path:
    """A systemctl that writes down how it was called."""
    (home / "no-systemd").mkdir()
    said = home / "systemctl.log"
    program = home / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {said}\necho failed >&2\nexit {exit_code}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return said


def unit_of(home: Path) -> Path:
    return home / "etc" / "systemd" / "user" / "spyoncino.service"


def test_install_writes_the_unit_and_says_what_comes_next(call: Call, home: Path) -> None:
    said = call("install").stdout
    text = unit_of(home).read_text()
    assert text.startswith(MARK)
    assert f"--config {home}/spyoncino.yaml --data {home}/share/spyoncino run" in text
    assert (home / "share" / "spyoncino").is_dir()
    assert "systemctl --user enable --now spyoncino.service" in said
    assert "loginctl enable-linger" in said


def test_install_now_enables_and_starts_it(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake_systemctl(home, monkeypatch)
    call("install", "--now")
    assert log.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now spyoncino.service",
    ]


def test_a_systemctl_that_fails_is_told_in_its_own_words(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_systemctl(home, monkeypatch, exit_code=1)
    with pytest.raises(UsageError, match="daemon-reload` failed: failed"):
        call("install", "--now")


def test_without_systemctl_that_is_said(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(UsageError, match="cannot be run here"):
        call("install", "--now")


def test_uninstall_stops_it_and_removes_the_unit_only(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("install")
    log = fake_systemctl(home, monkeypatch)
    call("uninstall")
    assert not unit_of(home).exists()
    assert (home / "share" / "spyoncino").is_dir()
    assert log.read_text().splitlines() == [
        "--user disable --now spyoncino.service",
        "--user daemon-reload",
    ]


def test_uninstall_of_nothing_is_said(call: Call) -> None:
    with pytest.raises(UsageError, match="nothing to remove"):
        call("uninstall")


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_a_unit_of_somebody_else_is_never_touched(call: Call, home: Path, command: str) -> None:
    path = unit_of(home)
    path.parent.mkdir(parents=True)
    path.write_text("[Unit]\nDescription=mine\n")
    with pytest.raises(UsageError, match="was not written by this command"):
        call(command)
    assert path.read_text() == "[Unit]\nDescription=mine\n"


def test_a_system_unit_runs_as_a_named_user_on_its_own_data(call: Call, home: Path) -> None:
    said = call("install", "--system", "--account", "daemon").stdout
    text = (home / "systemd" / "spyoncino.service").read_text()
    assert "User=daemon" in text
    assert f"ReadWritePaths={home}/var" in text
    assert "systemctl enable --now" in said
    assert "linger" not in said
    if os.geteuid() == 0:
        assert (home / "var").owner() == "daemon"


def test_a_service_never_runs_as_root_by_accident(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "root")
    with pytest.raises(UsageError, match="--account NAME"):
        call("show", "--system")
    monkeypatch.setenv("SUDO_USER", "daemon")
    assert "User=daemon" in call("show", "--system").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_an_account_that_does_not_exist_is_said(call: Call) -> None:
    with pytest.raises(UsageError, match="there is no user nobody-of-this-name"):
        call("install", "--system", "--account", "nobody-of-this-name")


def test_show_prints_limits_and_writes_nothing(call: Call, home: Path) -> None:
    options = GlobalOptions(data=home / "elsewhere")
    shown = call("show", "--memory-max", "700M", "--cpu-quota", "150", options=options)
    assert "MemoryMax=700M" in shown.stdout
    assert "CPUQuota=150%" in shown.stdout
    assert f"--data {home}/elsewhere" in shown.stdout
    assert "is not installed" in shown.stderr
    assert not unit_of(home).exists()
    assert not (home / "elsewhere").exists()


def test_a_service_needs_a_configuration(call: Call, home: Path) -> None:
    (home / "spyoncino.yaml").unlink()
    with pytest.raises(UsageError, match="config init"):
        call("install")


def test_only_groups_that_exist_are_named() -> None:
    assert set(service.device_groups()) <= {"video", "render", "gpio"}


def test_cameras_and_pins_are_reached_by_their_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("root", "video", "render", "gpio", "audio")
    groups = [grp.struct_group((name, "x", number, [])) for number, name in enumerate(names)]
    monkeypatch.setattr(grp, "getgrall", lambda: groups)
    assert service.device_groups() == ("video", "render", "gpio")
