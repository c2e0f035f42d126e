import json

import pytest
from tests.fixtures.fake_modules import Bell, Photographer, fake_registry
from typer import Typer
from typer.testing import CliRunner

from spyoncino.cli import modules
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


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("command", ["list", "graph"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert "Example: spyoncino modules" in call(command, "--help")
