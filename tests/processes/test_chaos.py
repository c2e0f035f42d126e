"""A short round of the chaos run: what CI can afford of ``make chaos``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(420)]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
IS_LONG = os.environ.get("SPYONCINO_LONG") == "1"


@pytest.mark.skipif(not IS_LONG, reason="takes minutes; set SPYONCINO_LONG=1")
def test_two_minutes_of_chaos_lose_no_press_and_no_event(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "chaos.py", "--minutes", "2", "--json", str(results)]
    subprocess.run(command, cwd=BENCHMARKS, check=True, timeout=400)
    found = {row["name"]: row["value"] for row in json.loads(results.read_text())}
    assert found["faults recovered"] == found["faults injected"] > 0
    assert found["presses that nobody heard"] == 0
    assert found["events neither completed nor failed"] == 0
    assert found["exit code"] == 0
    assert found["folders left in shared memory"] == 0
