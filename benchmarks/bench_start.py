"""Seconds from starting ``spyoncino run`` until it is of use, and what the small commands cost.

One simulated camera, the bundled model, two workers where there are two cores. The first round
makes the data folder and warms the disk cache; it does not count. Each moment is when somebody
outside sees it: the page answers ``/health/live``, ``/health/ready`` says 200, ``/metrics`` counts
the first and the last worker, ``/api/v1/cameras`` calls the camera live. Processor seconds are
those of every process of the program until all of it is there.

Usage: bench_start.py [--rounds N] [--workers N]
"""

import argparse
import http.client
import json
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import yaml

from report import Row, write_report

PROGRAM = [sys.executable, "-m", "spyoncino"]
TIMEOUT_S = 60.0
STEP_S = 0.02
END_S = 30.0
LIGHT_BUDGET_S = 0.35
COMMANDS: dict[tuple[str, ...], float | None] = {
    ("--version",): LIGHT_BUDGET_S,
    ("--help",): LIGHT_BUDGET_S,
    ("events", "list", "--help"): None,
}
"""What is called, with its budget: listing events needs the database's library, and imports it."""
BUDGETS_S = {"ready": 3.0, "first worker": 3.0, "whole pool": 5.0}

Ask = Callable[[str], tuple[int, str]]


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configuration(folder: Path, port: int, workers: int) -> Path:
    """One simulated camera."""
    path = folder / "spyoncino.yaml"
    camera = {"source": {"type": "sim", "width_px": 1280, "height_px": 720, "fps": 15}}
    sections = {
        "cameras": {"door": camera},
        "pool": {"workers": workers},
        "web": {"port": port},
    }
    path.write_text(yaml.safe_dump(sections))
    return path


def asker(port: int) -> Ask:
    """Asks the page; ``(0, "")`` while nobody answers."""

    def ask(path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    return ask


def workers_ready(ask: Ask) -> int:
    """How many workers the program counts as ready."""
    found = re.search(r"^\S*pool_workers_ready\S*\s+(\d+)", ask("/metrics")[1], re.MULTILINE)
    return int(found[1]) if found else 0


def is_live(ask: Ask) -> bool:
    """Whether the camera shows pictures."""
    status, text = ask("/api/v1/cameras")
    return status == http.client.OK and json.loads(text)[0]["state"] == "live"


def moments(ask: Ask, workers: int) -> dict[str, Callable[[], bool]]:
    """What is waited for, in the order in which it is shown."""
    return {
        "page answers": lambda: ask("/health/live")[0] == http.client.OK,
        "ready": lambda: ask("/health/ready")[0] == http.client.OK,
        "first worker": lambda: workers_ready(ask) >= 1,
        "whole pool": lambda: workers_ready(ask) >= workers,
        "camera live": lambda: is_live(ask),
    }


def cpu_s_of(pid: int) -> float:
    """Processor seconds of a process and its children so far."""
    main = psutil.Process(pid)
    times = [process.cpu_times() for process in (main, *main.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def one_start(
    command: Sequence[str], waited_for: dict[str, Callable[[], bool]]
) -> dict[str, float]:
    """Start it, note when each moment comes, end it.

    Returns:
        Moment to seconds since it was started, and ``cpu`` seconds until the last.
    """
    began = time.monotonic()
    seen: dict[str, float] = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            while len(seen) < len(waited_for):
                if run.poll() is not None or time.monotonic() - began > TIMEOUT_S:
                    raise SystemExit(f"it did not start ({run.returncode}); seen: {seen}")
                for name, has_come in waited_for.items():
                    if name not in seen and has_come():
                        seen[name] = time.monotonic() - began
                time.sleep(STEP_S)
            seen["cpu"] = cpu_s_of(run.pid)
            run.send_signal(signal.SIGINT)
            run.wait(END_S)
        finally:
            run.kill()
    return seen


def start_rows(rounds: int, workers: int) -> list[Row]:
    """Every moment: median, with the span of all rounds."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = configuration(Path(folder), port, workers)
        command = [*PROGRAM, "--data", f"{folder}/data", "run", "--config", str(config)]
        waited_for = moments(asker(port), workers)
        one_start(command, waited_for)
        seen = [one_start(command, waited_for) for _ in range(rounds)]
    rows = []
    for name in (*waited_for, "cpu"):
        spent = [each[name] for each in seen]
        note = f"{min(spent):.2f} to {max(spent):.2f} in {rounds} warm starts"
        what = "processor time until all is up" if name == "cpu" else f"start to {name}"
        rows.append(Row(what, statistics.median(spent), "s", BUDGETS_S.get(name), note))
    return rows


def light_rows(rounds: int) -> list[Row]:
    """Processor seconds of commands that need little of the system."""
    rows = []
    for words, budget in COMMANDS.items():
        spent = []
        for _ in range(rounds):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([*PROGRAM, *words], capture_output=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        note = f"{min(spent):.2f} to {max(spent):.2f} in {rounds}"
        rows.append(
            Row(
                f"spyoncino {' '.join(words)}",
                statistics.median(spent),
                "s CPU",
                budget,
                note,
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    chosen = parser.parse_args()
    write_report("start", [*light_rows(chosen.rounds), *start_rows(chosen.rounds, chosen.workers)])


if __name__ == "__main__":
    main()
