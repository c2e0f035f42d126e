"""How long each stage of the line takes, against the table of budgets in the code.

One simulated camera with a visitor, the bundled model, the whole program as ``spyoncino run``
starts it; the figures are those that the program keeps about itself (``spyoncino top --json``).
A budget is kept when 95 of 100 are within it. The share within it is counted, because every budget
is an end of a bucket; the quantiles are interpolated within a bucket.

Usage: bench_latency.py [--seconds 60] [--workers N] [--markdown FILE] [--strict]
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from report import Row, write_report

PROGRAM = [sys.executable, "-m", "spyoncino"]
START_S = 60.0
END_S = 30.0
KEPT = 0.95
"""Share that must be within a budget."""


def configuration(folder: Path, workers: int) -> Path:
    """One simulated camera; no page, so that nobody else asks for pictures."""
    path = folder / "spyoncino.yaml"
    camera = {"source": {"type": "sim", "width_px": 1280, "height_px": 720, "fps": 15}}
    sections = {
        "data_dir": str(folder / "data"),
        "cameras": {"door": camera},
        "pool": {"workers": workers},
        "web": {"enabled": False},
    }
    path.write_text(yaml.safe_dump(sections))
    return path


def look(folder: Path) -> dict[str, Any] | None:
    """What the program tells about itself now; ``None`` while it does not answer."""
    asked = subprocess.run(
        [*PROGRAM, "--data", str(folder / "data"), "top", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(asked.stdout) if asked.returncode == 0 else None


def measured(seconds: float, workers: int) -> dict[str, Any]:
    """One run, looked at when the camera has been live for so long."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = configuration(folder, workers)
        with (folder / "run.log").open("w") as log:
            program = subprocess.Popen([*PROGRAM, "--config", str(config), "run"], stderr=log)
        try:
            last = time.monotonic() + START_S
            while not ((facts := look(folder)) and facts["cameras"][0]["state"] == "live"):
                if time.monotonic() > last or program.poll() is not None:
                    sys.exit(f"the program does not start:\n{(folder / 'run.log').read_text()}")
                time.sleep(0.2)
            time.sleep(seconds)
            facts = look(folder)
        finally:
            program.send_signal(signal.SIGINT)
            program.wait(END_S)
    if facts is None:
        sys.exit("the program ended before it was looked at")
    return facts


def rows_of(facts: dict[str, Any]) -> list[Row]:
    """95 % of every stage, and of waiting on the bus."""
    rows = [
        Row(
            stage["stage"],
            stage["p95_ms"] if stage["count"] else float("nan"),
            "ms",
            stage["budget_ms"],
            f"p95 of {stage['count']}, median {stage['p50_ms']:.1f}"
            + ("" if stage["within"] is None else f", {stage['within']:.1%} within"),
        )
        for stage in facts["stages"]
    ]
    slowest = max(facts["queues"], key=lambda queue: queue["wait_p99_ms"])
    rows.append(
        Row("bus hop", slowest["wait_p99_ms"], "ms", 100.0, f"p99, worst: {slowest['subscriber']}")
    )
    return rows


def markdown(facts: dict[str, Any]) -> str:
    """The table for ``docs/design/latency.md``."""
    lines = [
        "| stage | budget | median | 95 % | within | age of the frame, 95 % | of |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for stage in facts["stages"]:
        budget = "" if stage["budget_ms"] is None else f"{stage['budget_ms']:.0f} ms"
        within = "" if stage["within"] is None else f"{stage['within']:.0%}"
        age = f"{stage['age_p95_ms']:.0f} ms" if stage["age_p95_ms"] else ""
        lines.append(
            f"| {stage['stage']} | {budget} | {stage['p50_ms']:.0f} ms | {stage['p95_ms']:.0f} ms "
            f"| {within} | {age} | {stage['count']} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write; with --strict 1 when a budget is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args(arguments)
    facts = measured(options.seconds, options.workers)
    write_report("latency", rows_of(facts))
    if options.markdown is not None:
        options.markdown.write_text(markdown(facts), encoding="utf-8")
    late = [row for row in facts["stages"] if row["within"] is not None and row["within"] < KEPT]
    for row in late:
        sys.stdout.write(f"over its budget: {row['stage']}, {row['within']:.0%} within\n")
    return 1 if late and options.strict else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
