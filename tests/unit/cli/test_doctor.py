import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.bench_scene import drawn_once
from tests.fixtures.rtsp_camera import free_port
from typer import Typer
from typer.testing import CliRunner, Result

from spyoncino.cli import doctor
from spyoncino.cli.options import GlobalOptions
from spyoncino.errors import ModelError
from spyoncino.host import bench
from spyoncino.host.bench import LookFigures

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(doctor, "MEASURE_S", 0.01)
    monkeypatch.setattr(bench, "scene", drawn_once)
    app = Typer()
    app.command("doctor")(doctor.doctor)

    def run(*words: str, code: int = 0) -> Result:
        options = GlobalOptions(data=tmp_path / "data")
        result = CliRunner().invoke(app, words, obj=options, catch_exceptions=False)
        assert result.exit_code == code, result.stdout
        return result

    return run


def answer_looks(monkeypatch: pytest.MonkeyPatch, answer: LookFigures | ModelError) -> None:
    """Take the place of the worker processes."""

    async def look(*_: Any) -> LookFigures:
        if isinstance(answer, ModelError):
            raise answer
        return answer

    monkeypatch.setattr(bench, "look", look)


def test_it_says_what_is_here_without_measuring(call: Call) -> None:
    said = call("--quick").stdout
    assert "no file, the defaults hold" in said
    assert "cpu:nanodet_416 was not measured" in said
    assert "0 wrong" in said


def test_what_was_measured_decides_what_is_slow(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spyoncino.yaml").write_text(
        "cameras: {door: {source: {type: sim}, analysis_fps: 10}}\n"
    )
    answer_looks(monkeypatch, LookFigures("cpu:nanodet_416", 400.0, 2.5))
    said = call().stdout
    assert "takes 400 ms a picture" in said
    assert "analysis_fps: 2" in said
    assert "1 slow" in said


def test_a_model_that_cannot_run_is_wrong(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_looks(monkeypatch, ModelError("the file is damaged"))
    assert "objects cannot be looked for: the file is damaged" in call(code=1).stdout


def test_json_has_the_facts_the_plan_and_the_remarks(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_looks(monkeypatch, LookFigures("cpu:nanodet_416", 40.0, 40.0))
    (tmp_path / "spyoncino.yaml").write_text(
        "cameras:\n  door: {source: {type: file, path: gone.mp4}}\n"
        "  yard: {source: {type: usb, device: /dev/video-gone}}\n"
        "  off: {source: {type: sim}, enabled: false}\n"
    )
    facts = json.loads(call("--json", code=1).stdout)
    assert facts["ok"] is False
    assert facts["machine"]["cores"] >= 1
    assert facts["plan"]["analysis_fps"] == [5.0, 5.0]
    assert facts["measured"]["look_ms"] == 40.0
    wrong = [each for each in facts["remarks"] if each["verdict"] == "wrong"]
    assert [each["help"] for each in wrong] == [
        "plug it in, or correct cameras.door.source.path",
        "plug it in, or correct cameras.yard.source.device",
    ]


def test_a_wrong_configuration_is_a_finding_not_the_end(call: Call, tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text("camras: {}\n")
    said = call("--quick", code=1).stdout
    assert "spyoncino.yaml:1" in said
    assert "decoders" in said


def test_cameras_on_the_network_are_asked_unless_it_is_told_not_to(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_looks(monkeypatch, LookFigures("cpu:nanodet_416", 40.0, 40.0))
    source = f"{{type: rtsp, url: 'rtsp://anna:s3cret@127.0.0.1:{free_port()}/live'}}"
    (tmp_path / "spyoncino.yaml").write_text(f"cameras: {{door: {{source: {source}}}}}\n")
    result = call(code=1)
    assert "door: 127.0.0.1 is there, but nothing listens on port" in result.stdout
    assert "try: spyoncino cameras test door" in result.stdout
    assert "s3cret" not in result.output
    assert "nothing listens" not in call("--no-cameras").stdout
    assert "nothing listens" not in call("--quick").stdout
