from pathlib import Path
from typing import Any, cast

import pytest

from spyoncino.cli.page import tell_page
from spyoncino.core.paths import DataFolder
from spyoncino.modules.dashboard.web_server import WebServer
from spyoncino.web.access import AccessToken


class Served(WebServer):
    """A server that says it serves."""

    def __init__(self, *, is_new: bool, is_open: bool) -> None:
        self.token = AccessToken("a-secret", is_new)
        self._is_open = is_open

    @property
    def address(self) -> str | None:
        return "http://127.0.0.1:5000/"

    @property
    def is_open_to_others(self) -> bool:
        return self._is_open


class App:
    """As much of an application as is asked."""

    def __init__(self, module: object, folder: Path) -> None:
        self.data = DataFolder(folder)
        self.orchestrator = self
        self._module = module

    def module(self, name: str) -> object:
        assert name == "dashboard.web_server"
        return self._module


def told(module: object, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    tell_page(cast("Any", App(module, folder)))
    return capsys.readouterr().out


def test_the_first_start_tells_address_token_and_how_to_let_others_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = told(Served(is_new=True, is_open=False), tmp_path, capsys)
    assert "The page: http://127.0.0.1:5000/" in out
    assert "a-secret" in out
    assert "web.host: 0.0.0.0" in out


def test_later_starts_tell_the_address_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = told(Served(is_new=False, is_open=True), tmp_path, capsys)
    assert out == "The page: http://127.0.0.1:5000/\n"


def test_nothing_is_told_when_nothing_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(None, tmp_path, capsys) == ""
