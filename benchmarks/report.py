"""The one way a benchmark reports: a table for people and a JSON file per machine as data.

Usage in a benchmark that lies beside this file::

    from report import Row, write_report

    write_report("bus", [Row("one subscriber", 231_000, "deliveries/s", 100_000, "at least")])
"""

import json
import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure.

    Args:
        name: What was measured, in words.
        value: The figure; infinities and NaN are written as null.
        unit: Its unit, or ``ratio``.
        budget: What it is compared with, in the same unit; ``None`` when there is no budget.
        note: How it was measured, or which way the budget goes.
    """

    name: str
    value: float
    unit: str
    budget: float | None = None
    note: str = ""


def cpu_model() -> str:
    """Name of the processor as the kernel tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    named = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.MULTILINE)
    return named.group(1).strip() if named else platform.processor() or platform.machine()


def machine_name() -> str:
    """Processor and cores as a word for file names, for example ``amd-epyc-2c``."""
    model = re.sub(r"[^a-z0-9]+", "-", cpu_model().lower()).strip("-")
    return f"{model}-{os.cpu_count() or 1}c"


def commit() -> str:
    """Short hash of the checked-out commit, with ``+`` when files differ from it."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


def write_report(name: str, rows: Sequence[Row]) -> Path:
    """Print the rows as a table and write them to ``results/<name>-<machine>.json``.

    Args:
        name: Subject of the benchmark, one word.
        rows: The figures, in the order to show them.

    Returns:
        The file written; an older one of the same machine is replaced.
    """
    _print_table(name, rows)
    facts = {
        "benchmark": name,
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpu": cpu_model(),
        "cores": os.cpu_count() or 1,
        "load_1_min": round(os.getloadavg()[0], 2),
        "rows": [
            {**asdict(row), "value": row.value if math.isfinite(row.value) else None}
            for row in rows
        ],
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}-{machine_name()}.json"
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"written to {path.relative_to(ROOT)}\n")
    return path


def reports_since(moment_s: float) -> dict[str, list[Row]]:
    """What was reported on this machine since then.

    Args:
        moment_s: Seconds since 1970.

    Returns:
        Name of the benchmark to its rows, by name; a value that is no number is NaN.
    """
    found: dict[str, list[Row]] = {}
    for path in sorted(RESULTS.glob(f"*-{machine_name()}.json")):
        if path.stat().st_mtime < moment_s:
            continue
        facts = json.loads(path.read_text(encoding="utf-8"))
        for row in facts["rows"]:
            value = math.nan if row["value"] is None else row["value"]
            found.setdefault(facts["benchmark"], []).append(Row(**{**row, "value": value}))
    return found


def print_reports(reports: Mapping[str, Sequence[Row]]) -> None:
    """Print all rows of several benchmarks as one table."""
    rows = [
        replace(row, name=f"{name}: {row.name}") for name, rows in reports.items() for row in rows
    ]
    _print_table(f"everything, commit {commit()},", rows)


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _print_table(name: str, rows: Sequence[Row]) -> None:
    width = max((len(row.name) for row in rows), default=4)
    sys.stdout.write(f"\n{name} on {cpu_model()}, {os.cpu_count()} cores\n")
    sys.stdout.write(f"{'':{width}}  {'value':>12}  {'budget':>12}  unit\n")
    for row in rows:
        figures = f"{_figure(row.value):>12}  {_figure(row.budget):>12}"
        sys.stdout.write(f"{row.name:{width}}  {figures}  {row.unit}  {row.note}".rstrip() + "\n")
