"""``run`` reads the configuration, serves until it is told to stop, and stops in order."""

import asyncio
import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import pytest
from tests.fixtures.programs import sim, write_config
from typer.testing import CliRunner

from spyoncino.app import Application
from spyoncino.cli import run as run_command
from spyoncino.cli.app import app
from spyoncino.cli.run import serve
from spyoncino.errors import ConfigError, StorageError, UsageError


class FakeApplication:
    """Opens and closes; tells when it is open."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.orchestrator = self
        self.is_open = asyncio.Event()

    def module(self, name: str) -> None:
        """No module runs, so there is no page to tell of."""

    async def __aenter__(self) -> Self:
        self.steps.append("open")
        self.is_open.set()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.steps.append("close" if error is None else f"close after {error!r}")


async def serve_fake(application: FakeApplication, stop_after_s: float | None = None) -> None:
    await serve(cast("Application", application), stop_after_s)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_in_order_and_gives_the_signal_back(number: signal.Signals) -> None:
    application = FakeApplication()
    before = signal.getsignal(number)
    serving = asyncio.create_task(serve_fake(application))
    await application.is_open.wait()

    os.kill(os.getpid(), number)

    await asyncio.wait_for(serving, 5)
    assert application.steps == ["open", "close"]
    assert signal.getsignal(number) in (before, signal.default_int_handler, signal.SIG_DFL)


async def test_it_may_stop_by_itself() -> None:
    application = FakeApplication()

    await asyncio.wait_for(serve_fake(application, 0.01), 5)

    assert application.steps == ["open", "close"]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Applications that were served, and what logging was set to; nothing is started."""
    found: list[Any] = []

    async def remember(application: Application) -> None:
        await asyncio.sleep(0)
        found.append(application)

    monkeypatch.setattr(run_command, "serve", remember)
    monkeypatch.setattr(
        run_command, "configure_logging", lambda level, **how: found.append((level, how))
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return found


def run(*words: str) -> None:
    CliRunner().invoke(app, words, catch_exceptions=False)


def test_the_configured_cameras_are_served_over_the_data_folder(
    served: list[Any], tmp_path: Path
) -> None:
    config = write_config(
        tmp_path / "mine.yaml", cameras={"door": sim()}, log={"level": "warning", "format": "json"}
    )

    run("--data", str(tmp_path / "d"), "run", "--config", str(config), "--show", "lines")

    (level, how), application = served
    assert (level, how["json"]) == ("warning", True)
    assert how["file"] == tmp_path / "d" / "logs" / "doorbell.log"
    assert application.data.root == tmp_path / "d"
    assert list(application.loaded.settings.cameras) == ["door"]
    assert application.loaded.sections["console"].show == "lines"


def test_the_file_beside_the_working_directory_is_found(served: list[Any], tmp_path: Path) -> None:
    write_config(
        tmp_path / "spyoncino.yaml",
        cameras={"door": sim()},
        data_dir=str(tmp_path / "here"),
        log={"file": False},
    )

    run("--debug", "run")

    (level, how), application = served
    assert (level, how["file"]) == ("debug", None)
    assert application.data.root == tmp_path / "here"
    assert application.loaded.sections["console"].show == "off"


def test_a_camera_that_is_switched_off_does_not_count(served: list[Any], tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.yaml", cameras={"door": {**sim(), "enabled": False}})

    with pytest.raises(UsageError, match="no camera is configured"):
        run("run", "--config", str(config))
    assert served == []


def test_show_knows_its_words(served: list[Any], tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.yaml", cameras={"door": sim()})

    with pytest.raises(ConfigError, match=r"console\.show"):
        run("run", "--config", str(config), "--show", "colours")
    assert served == []


def test_a_folder_that_cannot_be_made_is_a_sentence(served: list[Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = write_config(tmp_path / "c.yaml", cameras={"door": sim()})

    with pytest.raises(StorageError, match="cannot be created"):
        run("--data", str(tmp_path / "file" / "d"), "run", "--config", str(config))
    assert served == []
