"""``demo`` runs over its own settings and tells at the end where everything is."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.records import FIRST_ID, furnish
from typer.testing import CliRunner

from spyoncino.app import Application
from spyoncino.cli import demo
from spyoncino.cli.app import app


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Application, float | None]]:
    """What would have run, and for how long."""
    found: list[tuple[Application, float | None]] = []

    async def remember(
        application: Application,
        stop_after_s: float | None,
        *,
        beside: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        await asyncio.sleep(0)
        assert callable(beside)
        found.append((application, stop_after_s))

    monkeypatch.setattr(demo, "serve", remember)
    monkeypatch.setattr(demo, "configure_logging", lambda *_, **__: None)
    return found


def test_it_shows_the_simulated_door_and_then_where_everything_is(
    served: list[tuple[Application, float | None]], tmp_path: Path
) -> None:
    house = furnish(tmp_path / "data")

    shown = CliRunner().invoke(
        app, ["--data", str(house.root), "demo", "--for", "3"], catch_exceptions=False
    )

    ((application, stop_after_s),) = served
    assert stop_after_s == 3
    (camera,) = application.loaded.settings.cameras.values()
    assert camera.source.type == "sim"
    assert camera.doorbell == "front"
    assert application.loaded.sections["console"].model_dump() == {"show": "auto"}
    assert str(house.root / house.snapshot.path) in shown.stdout
    assert FIRST_ID in shown.stdout
    assert "rang once" in shown.stdout
    assert "Somebody rang at 08:00" in shown.stdout
    assert application.faces.is_on
    assert shown.stdout.rstrip().endswith("and explain EVENT for the reasons.")


def test_its_folder_is_its_own_when_none_is_given(
    served: list[tuple[Application, float | None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    CliRunner().invoke(app, ["demo"], catch_exceptions=False)

    ((application, stop_after_s),) = served
    assert application.data.root == tmp_path / "spyoncino-demo"
    assert stop_after_s is None
