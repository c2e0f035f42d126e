"""Runs the quick benchmarks, one after the other, so that none disturbs another; then one table.

    python benchmarks/run_all.py [NAME ...]

Every ``bench_*.py`` beside this file, and short rounds of the drills under names of their own, so
that they never replace the figures of the long ones (``make drill``, ``make soak``). Names choose:
``run_all.py bus motion`` runs ``bench_bus.py`` and ``bench_motion.py``.
"""

import subprocess
import sys
import time
from pathlib import Path

from report import print_reports, reports_since

HERE = Path(__file__).resolve().parent

SHORT_DRILLS = {
    "restart": ("restart_drill.py", "--kills", "3", "--name", "restart-quick"),
    "rtsp": (
        "rtsp_drill.py",
        *("--kills", "1", "--freezes", "1", "--cuts", "1", "--powers", "1"),
        *("--warm-up-s", "10", "--name", "rtsp-drill-quick"),
    ),
}


def main() -> None:
    """Run them all; the exit code is 1 when one failed, and the last lines say which."""
    wanted = sys.argv[1:]
    benchmarks = {
        script.stem.removeprefix("bench_"): (script.name,) for script in HERE.glob("bench_*.py")
    }
    commands = {**dict(sorted(benchmarks.items())), **SHORT_DRILLS}
    unknown = sorted(set(wanted) - set(commands))
    if unknown:
        sys.exit(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(commands)}")
    outcomes: list[str] = []
    failed = False
    started = time.time()
    for name, (script, *arguments) in commands.items():
        if wanted and name not in wanted:
            continue
        began = time.monotonic()
        command = [sys.executable, str(HERE / script), *arguments]
        code = subprocess.run(command, check=False).returncode
        failed = failed or code != 0
        said = "done" if code == 0 else f"FAILED with exit code {code}"
        outcomes.append(f"{name:<12} {said} after {time.monotonic() - began:.0f} s")
    print_reports(reports_since(started))
    print("\n" + "\n".join(outcomes))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
