"""Runs every ``bench_*.py`` beside this file, one after the other, so that none disturbs another.

    python benchmarks/run_all.py [NAME ...]

Names choose: ``run_all.py bus motion`` runs ``bench_bus.py`` and ``bench_motion.py``.
"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run them all; the exit code is 1 when one failed, and the last lines say which."""
    wanted = sys.argv[1:]
    scripts = sorted(HERE.glob("bench_*.py"))
    names = [script.stem.removeprefix("bench_") for script in scripts]
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        sys.exit(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(names)}")
    outcomes: list[str] = []
    failed = False
    for name, script in zip(names, scripts, strict=True):
        if wanted and name not in wanted:
            continue
        began = time.monotonic()
        code = subprocess.run([sys.executable, str(script)], check=False).returncode
        failed = failed or code != 0
        said = "done" if code == 0 else f"FAILED with exit code {code}"
        outcomes.append(f"{name:<12} {said} after {time.monotonic() - began:.0f} s")
    print("\n" + "\n".join(outcomes))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
