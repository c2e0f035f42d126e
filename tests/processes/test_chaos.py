"""Two minutes of ``make chaos``: ``make round``, which every check of a change runs at its end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.alone,
    pytest.mark.slow,
    pytest.mark.processes,
    pytest.mark.timeout(420),
    pytest.mark.skipif(
        os.environ.get("SPYONCINO_LONG") != "1",
        reason="takes two minutes and a half: make round",
    ),
]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MINUTES = 2.0


def test_a_round_of_chaos_loses_no_press_and_no_event(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "chaos.py", "--minutes", str(MINUTES), "--json", str(results)]
    subprocess.run(command, cwd=BENCHMARKS, check=True, timeout=400)
    found = {row["name"]: row["value"] for row in json.loads(results.read_text())}
    assert found["faults recovered"] == found["faults injected"] > 0
    assert found["presses that nobody heard"] == 0
    assert found["presses in no event"] == 0
    assert found["events neither completed nor failed"] == 0
    assert found["processes at the end"] == found["processes at the start"]
    assert found["exit code"] == 0
    assert found["folders left in shared memory"] == 0
