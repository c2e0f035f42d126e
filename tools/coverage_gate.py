"""Demand 90 % of lines in every package, not only overall, from the coverage data at hand."""

import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from coverage import Coverage

REQUIRED_PERCENT = 90.0


def main() -> int:
    """Print a row per package; 1 when one is below the gate."""
    coverage = Coverage()
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        overall = coverage.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    lines: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, facts in files.items():
        parts = Path(name).parts
        inside = parts[parts.index("spyoncino") + 1 :]
        package = inside[0] if len(inside) > 1 else "(top level)"
        summary = facts["summary"]
        lines[package][0] += summary["covered_lines"]
        lines[package][1] += summary["num_statements"]
    failed = False
    for package, (covered, total) in sorted(lines.items()):
        percent = 100.0 * covered / total if total else 100.0
        too_low = percent < REQUIRED_PERCENT
        failed |= too_low
        verdict = "  TOO LOW" if too_low else ""
        print(f"coverage {package:<12} {percent:5.1f} % of {total} lines{verdict}")
    print(f"coverage overall {overall:.1f} % (lines and branches)")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
