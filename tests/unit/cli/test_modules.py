import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.fixtures.fake_modules import Bell, Photographer, fake_registry
from typer import Typer
from typer.testing import CliRunner

from spyoncino.cli import modules
from spyoncino.cli.app import app as program
from spyoncino.core.control_desk import ControlDesk
from spyoncino.core.paths import DataFolder
from spyoncino.core.registry import Registry
from spyoncino.errors import UsageError, WiringError
from spyoncino.schemas import topics


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = fake_registry()
    monkeypatch.setattr(Registry, "discover", lambda *_: found)
    return found


def call(*words: str, app: Typer = modules.app) -> str:
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.usefixtures("registry")
def test_list_names_every_module_with_its_section() -> None:
    said = call("list")
    assert "event.photographer" in said
    assert "photo" in said
    facts = json.loads(call("list", "--json"))["modules"]
    assert facts[1] == {
        "name": "event.photographer",
        "category": "event",
        "section": "photo",
        "per_camera": True,
        "consumes": ["doorbell.{id}.pressed"],
        "publishes": ["event.media.ready", "event.snapshot.ready"],
        "purpose": "Makes a picture of whoever rings.",
    }


@pytest.mark.usefixtures("registry")
def test_graph_shows_who_feeds_whom() -> None:
    assert call("graph").splitlines() == [
        "input.bell  (input)",
        "  -> doorbell.{id}.pressed      to event.photographer",
        "",
        "event.photographer  (event)",
        "  <- doorbell.{id}.pressed      from input.bell",
        "  -> event.media.ready          to storage.album",
        "  -> event.snapshot.ready       to storage.album",
        "",
        "storage.album  (storage)",
        "  <- event.media.ready          from event.photographer",
        "  <- event.snapshot.ready       from event.photographer",
        "",
        "3 modules, 3 connections.",
    ]


@pytest.mark.usefixtures("registry")
def test_graph_for_other_programs() -> None:
    dot = call("graph", "--dot")
    assert dot.startswith("digraph spyoncino {")
    assert '"input.bell" -> "event.photographer" [label="doorbell.{id}.pressed"];' in dot
    facts = json.loads(call("graph", "--json"))
    assert len(facts["edges"]) == 3
    assert facts["problems"] == []
    with pytest.raises(UsageError, match="choose one"):
        call("graph", "--json", "--dot")


def test_graph_of_modules_that_do_not_fit_is_shown_and_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Gong(Bell):
        """Publishes what belongs to a later stage."""

        name = "input.gong"
        section = "gong"
        publishes = (topics.MEDIA_READY,)

    monkeypatch.setattr(Registry, "discover", lambda *_: fake_registry(Gong, Photographer))
    result = CliRunner().invoke(modules.app, ["graph", "--json"])
    assert isinstance(result.exception, WiringError)
    facts = json.loads(result.stdout)
    assert facts["problems"] == [
        "input.gong is of the stage input and must not publish event.media.ready of the stage event"
    ]
    assert facts["unfed"] == [{"module": "event.photographer", "topic": "doorbell.{id}.pressed"}]
    assert "from nobody" in CliRunner().invoke(modules.app, ["graph"]).stdout


def test_what_the_core_publishes_is_not_said_to_come_from_nobody() -> None:
    shown = CliRunner().invoke(modules.app, ["graph"]).stdout
    assert "<- system.mode                from the core" in shown
    assert "from nobody" not in shown


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("command", ["list", "graph"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert "Example: spyoncino modules" in call(command, "--help")


@contextmanager
def running_main(folder: DataFolder, **orders: object) -> Iterator[list[dict[str, object]]]:
    """Something that answers as main does, in a thread; yields what it was asked."""
    asked: list[dict[str, object]] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        desk = ControlDesk(folder.socket)
        for name, answer in orders.items():

            async def order(arguments: dict[str, object], answer: object = answer) -> object:
                asked.append(arguments)
                return answer

            desk.register(name.replace("__", "."), order)
        await desk.open()
        ready.set()
        await asyncio.to_thread(over.wait)
        await desk.close()

    with folder:
        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        ready.wait()
        try:
            yield asked
        finally:
            over.set()
            thread.join()


BROKEN = {
    "event.photographer": {"state": "quarantine", "detail": "is in quarantine after 3 restarts"},
    "input.bell": {"state": "ok", "detail": ""},
}


@pytest.mark.usefixtures("registry")
def test_list_shows_how_modules_are_doing_while_main_runs(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with running_main(folder, modules__states=BROKEN):
        words = ["--data", str(tmp_path), "modules", "list"]
        result = CliRunner().invoke(program, words, env={"COLUMNS": "200"}, catch_exceptions=False)
        facts = CliRunner().invoke(program, [*words, "--json"], catch_exceptions=False)
    assert "quarantine" in result.stdout
    assert "event.photographer: is in quarantine after 3 restarts" in result.stderr
    assert json.loads(facts.stdout)["modules"][1]["state"] == "quarantine"


def test_release_asks_main_and_says_whether_it_runs(tmp_path: Path) -> None:
    words = ["--data", str(tmp_path), "modules", "release", "event.photographer"]
    with running_main(DataFolder(tmp_path), modules__release=True) as asked:
        result = CliRunner().invoke(program, words, catch_exceptions=False)
    assert result.stdout == "event.photographer runs\n"
    assert asked == [{"name": "event.photographer"}]
    with (
        running_main(DataFolder(tmp_path), modules__release=False),
        pytest.raises(UsageError, match="was started and failed again"),
    ):
        CliRunner().invoke(program, words, catch_exceptions=False)
