"""Workers that are killed and frozen while jobs flow lose no job."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.alone
def test_no_job_is_lost_while_workers_are_killed_and_frozen() -> None:
    script = ROOT / "benchmarks" / "pool_chaos.py"
    ran = subprocess.run(
        [sys.executable, str(script), "--seconds", "9", "--every", "2", "--json"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    outcome = json.loads(ran.stdout)
    assert outcome["lost"] == 0
    assert outcome["done"] == outcome["submitted"] > 20
    assert outcome["kills"] >= 1
    assert outcome["freezes"] >= 1
    assert outcome["restarts"] == outcome["kills"] + outcome["freezes"]
