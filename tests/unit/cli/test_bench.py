import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from spyoncino.cli import bench
from spyoncino.host.bench import Figure
from spyoncino.media.hardware_decode import DecoderKind

FIGURES = [
    Figure("objects: one look", 41.23, "ms", "median"),
    Figure("bus", 145_314.2, "messages/s"),
]


@pytest.fixture(autouse=True)
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that are known before."""

    async def measure_all(
        _seconds: float,
        settings: Mapping[str, Any],
        say: Callable[[str], None],
        _hardware: Sequence[DecoderKind],
    ) -> list[Figure]:
        say("objects")
        assert settings["detector"] == "cpu"
        return FIGURES

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(bench, "measure_all", measure_all)


def call(*words: str) -> str:
    app = Typer()
    app.command()(bench.bench)
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "objects …" in result.stderr
    return result.stdout


def test_figures_are_a_table_for_people() -> None:
    rows = [line.split() for line in call().splitlines()]
    assert ["objects:", "one", "look", "41.2", "ms", "median"] in rows
    assert ["bus", "145,314", "messages/s"] in rows


def test_json_has_the_figures_and_the_machine() -> None:
    facts = json.loads(call("--json"))
    assert [each["name"] for each in facts["figures"]] == ["objects: one look", "bus"]
    assert facts["cores"] >= 1


def test_what_auto_has_chosen_here_is_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    chosen = {"detector": "cpu", "threads": 4, "median_ms": 20.0}
    slower = {"detector": "cpu", "threads": 1, "median_ms": 50.0}
    choice = {"chosen": chosen, "candidates": [slower, chosen]}
    (data / "detector-choices.json").write_text(json.dumps({"key": choice}))

    assert "auto: cpu with 4 thread(s) (cpu with 1: 50.0 ms" in call()
    (told,) = json.loads(call("--json"))["choices"]
    assert told.startswith("auto: cpu with 4")
