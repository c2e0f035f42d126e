"""Modes of the house in the running program: kept through ``kill -9``, obeyed by cameras."""

import signal
from pathlib import Path

import pytest
from tests.fixtures.programs import Running, command, sim, write_config

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]


def test_privacy_switches_a_camera_off_survives_a_killed_main_and_ends_by_itself(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    config = write_config(
        tmp_path / "spyoncino.yaml",
        cameras={"door": {**sim(), "off_in": ["privacy"]}},
        pool={"workers": 1},
    )
    arguments = ("--data", data, "run", "--config", config, "--show", "lines")

    def mode(*name: str) -> str:
        outcome = command("--data", data, "mode", *name)
        assert outcome.code == 0, outcome.err
        return outcome.out.strip()

    with Running(tmp_path / "first", *arguments) as running:
        running.wait_for_line(r"door\s+is live")
        assert mode("privacy") == "privacy"
        running.wait_for_line(r"door\s+is off.*privacy mode")
        running.wait_for(lambda: not running.captures())
        running.process.send_signal(signal.SIGKILL)
        running.wait()
    with Running(tmp_path / "second", *arguments) as running:
        running.wait_for_line(r"door\s+is off.*privacy mode")
        assert "is live" not in running.said()
        running.wait_for(lambda: command("--data", data, "mode", "home").code == 0)
        running.wait_for_line(r"door\s+is live")
