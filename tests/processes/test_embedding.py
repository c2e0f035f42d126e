"""The system inside a plain script, as a command without a page, and behind the old class."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.fixtures.programs import RINGS_ALONE, clean_environment, sim, wait_for

from spyoncino.core.logs import configure_logging
from spyoncino.errors import BusClosedError
from spyoncino.integration import LegacyAdapter, main

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed.py"
PAGE = Path(__file__).parents[2] / "docs" / "design" / "embedding.md"
WAIT_S = 60.0


def small(folder: Path, **sections: Any) -> dict[str, Any]:
    """The simulator and the mock detector."""
    return {
        "data_dir": str(folder / "data"),
        "pool": {"workers": 1},
        "objects": {"detector": "mock"},
        "shared_memory": {"folder": str(folder)},
        "cameras": {"door": sim(press_at_s=-1)},
        "events": RINGS_ALONE,
        "clip": {"post_roll_s": 1},
        **sections,
    }


@pytest.fixture(autouse=True)
def _settings_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    yield
    configure_logging()  # closes the log file


def run_python(*arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**clean_environment(), "XDG_CONFIG_HOME": str(cwd)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_the_example_rings_and_says_how_the_system_is(tmp_path: Path) -> None:
    running = run_python(EXAMPLE, cwd=tmp_path)
    said, _ = running.communicate(timeout=WAIT_S)
    assert running.returncode == 0, said
    assert "rang: True" in said
    assert re.search(r"^running \{'overall_status'", said, re.MULTILINE), said
    assert "Traceback" not in said
    assert (tmp_path / "embed-data" / "logs" / "doorbell.log").exists()


def test_the_example_has_ten_lines_and_stands_in_the_design_page() -> None:
    code = EXAMPLE.read_text().split("\n\n", 1)[1].strip()
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    assert code in PAGE.read_text()


def test_as_a_command_it_ends_well_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text(yaml.safe_dump(small(tmp_path)))
    running = run_python("-m", "spyoncino.integration", cwd=tmp_path)
    try:
        socket = tmp_path / "data" / "control.sock"
        wait_for(socket.exists, WAIT_S, lambda: "no socket")
        os.killpg(running.pid, signal.SIGTERM)
        said, _ = running.communicate(timeout=WAIT_S)
    finally:
        running.kill()
    assert running.returncode == 0, said
    assert "Traceback" not in said


def test_main_says_what_is_wrong_and_answers_with_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main({"motion": {"sensitivity": 7}}) == 2
    assert "sensitivity" in capsys.readouterr().err
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert main({"data_dir": str(blocked / "data"), "cameras": {}}) == 1
    assert capsys.readouterr().err.startswith("spyoncino: the data folder")


def test_main_runs_outside_the_main_thread_for_a_time(tmp_path: Path) -> None:
    codes: list[int] = []
    config = small(tmp_path, modules={"disabled": ["input.camera"]})
    thread = threading.Thread(target=lambda: codes.append(main(config, stop_after_s=0.01)))
    before = signal.getsignal(signal.SIGTERM)
    thread.start()
    thread.join(WAIT_S)
    assert codes == [0]
    assert signal.getsignal(signal.SIGTERM) is before


def test_code_for_the_old_class_rings_and_finds_its_picture(tmp_path: Path) -> None:
    system = LegacyAdapter(config=small(tmp_path, web={"enabled": False}))
    assert {"settings", "face_manager", "camera", "gpio"} <= set(dir(system))
    assert system.camera.state == "off"
    assert system.settings.cameras["door"].doorbell == "front"
    with pytest.raises(BusClosedError, match="call start"):
        system._manager.call(system._recent_captures(1))
    system.start()
    try:
        wait_for(lambda: system.camera.is_initialized, WAIT_S, lambda: system.camera.state)
        pipeline = system._manager.orchestrator
        wait_for(lambda: pipeline.pipeline_health_check()["pipeline_fps"] > 0, WAIT_S, str)
        before = system.get_system_status()
        assert (before["status"], before["is_running"]) == ("running", True)
        assert before["camera"] == {"name": "door", "state": "live"}
        assert system.on_doorbell_pressed(18).success
        wait_for(lambda: has_picture(system), WAIT_S, lambda: str(system.get_recent_captures()))
        capture = system.get_recent_captures(limit=1)[0]
        assert system.gpio.press().success
    finally:
        system.stop()
    assert (capture["camera"], capture["type"], capture["presses"]) == ("door", "doorbell", 1)
    assert isinstance(capture["timestamp"], datetime)
    assert Path(capture["image"]).read_bytes()[:2] == b"\xff\xd8"
    assert system.get_system_status()["status"] == "stopped"


def has_picture(system: LegacyAdapter) -> bool:
    return any(each["image"] for each in system.get_recent_captures(5))


def test_faces_that_nobody_recognises_yet_are_told_in_a_sentence(tmp_path: Path) -> None:
    system = LegacyAdapter(config=small(tmp_path))
    assert not system.face_manager.is_available
    with pytest.raises(AttributeError, match="does not recognise faces yet"):
        _ = system.face_manager.load_known_faces
    assert system._manager.get_legacy_interface().camera.name == "door"
    assert not system.gpio.press().success


def test_the_log_can_be_read_with_tail_and_grep(tmp_path: Path) -> None:
    config = small(tmp_path, modules={"disabled": ["input.camera"]})
    thread = threading.Thread(target=main, args=(config,), kwargs={"stop_after_s": 0.01})
    thread.start()
    thread.join(WAIT_S)
    lines = (tmp_path / "data" / "logs" / "doorbell.log").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == [
        "the system runs",
        "the system has stopped",
    ]
    assert all({"event", "level", "timestamp"} <= json.loads(line).keys() for line in lines)
