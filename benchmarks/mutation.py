"""How much of some files the tests really check: one small change at a time must make them fail.

Run by hand, on files or packages and the tests that belong to them::

    python benchmarks/mutation.py src/spyoncino/tracking --tests tests/unit/tracking

The tree is copied to a temporary folder, so the checkout is never touched. Each mutant is one
change of the syntax tree; those tests that reach the changed line on the unchanged code run on it
in a forked process, the quick ones first, up to the first failure. A mutant no test fails on has
survived and is printed: either a test is missing, or the change makes no difference anyone could
see. What runs past the time limit counts as killed. With ``--jobs`` several are tried at once: one
that hangs uses up its limit, but no processor. Too many make tests late that wait for something.
"""

import argparse
import gc
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FunctionType

import pytest
from coverage import CoverageData

from mutants import Mutant, mutants
from report import ROOT, Row, write_report

LIMIT_FACTOR = 10
LEAST_LIMIT_S = 8.0
"""A mutant may take this many times as long as its tests on the unchanged code, and so much more:
to start, on a machine that others use too. The same holds for each single test."""

WHOLE_LIMIT_S = 900.0

FIXED = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed=0")


@dataclass
class Reach:
    """Which tests come by which line, and how long each takes."""

    seconds: dict[str, float] = field(default_factory=dict)
    tests: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))

    def of(self, mutant: Mutant) -> list[str]:
        """Tests that can notice the mutant, quick ones first."""
        if mutant.function is None:
            return sorted(self.seconds, key=self.seconds.__getitem__)
        first, last = mutant.lines
        found: set[str] = set()
        for line in range(first, last + 1):
            found |= self.tests.get((str(mutant.path), line), set())
        return sorted(found, key=lambda test: self.seconds.get(test, 0.0))


class _Stopwatch:
    """A plug-in of pytest that writes down how long each test took, and has all of them watched.

    Property tests are kept out of the gate of lines; here a line that only they reach is theirs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seconds: Counter[str] = Counter()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            item.own_markers = [each for each in item.own_markers if each.name != "no_cover"]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration  # type: ignore[assignment]

    def pytest_sessionfinish(self) -> None:
        self._path.write_text(json.dumps(self._seconds))


def passes(run: Callable[[], int], limit_s: float) -> bool:
    """Whether tests pass in a forked process before the time is over."""
    process = begun(run)
    process.join(limit_s)
    return ended(process)


def begun(run: Callable[[], int]) -> BaseProcess:
    """Tests that run in a forked process from now on."""
    process = multiprocessing.get_context("fork").Process(target=_child, args=(run,))
    process.start()
    return process


def ended(process: BaseProcess) -> bool:
    """Whether its tests have passed; what still runs is ended, with all that it began."""
    if process.exitcode is None and process.pid is not None:
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
    return process.exitcode == 0


def _child(run: Callable[[], int]) -> None:
    os.setsid()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    os._exit(run())


def warm_up(tree: Path, tests: Sequence[str]) -> None:
    """Import the copy and its tests here; children inherit them."""
    os.chdir(tree)
    sys.dont_write_bytecode = True  # mutants of one second and one size would share a cache file
    sys.path.insert(0, str(tree / "src"))
    if pytest.main([*tests, "--collect-only", "-qq", "-p", "no:cacheprovider"]) != 0:
        sys.exit("the tests cannot be collected")
    if not any(_lies_in(tree / "src", module) for module in sys.modules.values()):
        sys.exit("the tests import the installed package instead of the copy")


def _lies_in(tree: Path, module: object) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(place and Path(place).is_relative_to(tree) for place in places)


def reach_of(tree: Path, tests: Sequence[str]) -> Reach:
    """Run all tests on the unchanged copy and see where each comes by."""
    told, data = tree / "seconds.json", tree / ".coverage-of-mutation"
    os.environ["COVERAGE_FILE"] = str(data)
    command = [*tests, *FIXED, "--cov=spyoncino", "--cov-context=test", "--cov-report="]
    if not passes(lambda: pytest.main(command, plugins=[_Stopwatch(told)]), WHOLE_LIMIT_S):
        sys.exit("the tests fail on the unchanged code")
    reach = Reach(json.loads(told.read_text()))
    lines = CoverageData(str(data))
    lines.read()
    for file in lines.measured_files():
        path = str(Path(file).relative_to(tree))
        for line, contexts in lines.contexts_by_lineno(file).items():
            reach.tests[path, line] |= {each.partition("|")[0] for each in contexts if each}
    return reach


def run_on(tree: Path, mutant: Mutant, tests: Sequence[str], limit_s: float) -> int:
    """In the forked process: put the change in place and run the tests, each with its limit."""
    command = [*tests, "-x", *FIXED, f"--timeout={limit_s}"]
    if mutant.function is None:
        for name in [name for name, module in sys.modules.items() if _lies_in(tree, module)]:
            del sys.modules[name]
        return int(pytest.main(command))
    name, line, code = mutant.function
    for found in gc.get_objects():
        if isinstance(found, FunctionType):
            old = found.__code__
            if (old.co_name, old.co_firstlineno) == (name, line) and old.co_filename == str(
                tree / mutant.path
            ):
                found.__code__ = code
    return int(pytest.main(command))


@dataclass
class Trial:
    """A mutant whose tests run.

    Args:
        mutant: The mutant.
        process: Runs them.
        until_s: Monotonic time at which they have taken too long.
    """

    mutant: Mutant
    process: BaseProcess
    until_s: float


class Trials:
    """Tries mutants, several at once, and prints those that survive; works in the copy.

    Args:
        tree: The copy.
        reach: Which tests come by which line.
        jobs: Mutants that are tried at once; those of import time are alone, for each of them is
            written into the copy.

    Attributes:
        alive: Those that no test failed on.
    """

    def __init__(self, tree: Path, reach: Reach, jobs: int) -> None:
        self.alive: list[Mutant] = []
        self._tree = tree
        self._reach = reach
        self._jobs = jobs
        self._running: list[Trial] = []
        self._done = 0

    def all_of(self, found: Sequence[Mutant]) -> None:
        """Try these, in this order."""
        for mutant in found:
            is_inside = mutant.function is not None
            self._wait_until(self._jobs - 1 if is_inside else 0)
            if is_inside:
                self._begin(mutant)
                continue
            mutant.path.write_text(mutant.text, encoding="utf-8")
            self._begin(mutant)
            self._wait_until(0)
            shutil.copyfile(ROOT / mutant.path, mutant.path)
        self._wait_until(0)

    def _begin(self, mutant: Mutant) -> None:
        tests = self._reach.of(mutant)
        if not tests:
            self._survived(mutant, "  (no test comes here)")
            return
        took_s = [self._reach.seconds.get(each, 0.0) for each in tests]
        limit_s, each_s = (LEAST_LIMIT_S + LIMIT_FACTOR * most(took_s) for most in (sum, max))
        process = begun(lambda: run_on(self._tree, mutant, tests, each_s))
        self._running.append(Trial(mutant, process, time.monotonic() + limit_s))

    def _wait_until(self, left: int) -> None:
        """Wait until at most so many run."""
        while len(self._running) > left:
            until_s = min(each.until_s for each in self._running)
            wait(
                [each.process.sentinel for each in self._running],
                max(0.0, until_s - time.monotonic()),
            )
            running, self._running = self._running, []
            for trial in running:
                if trial.process.is_alive() and time.monotonic() < trial.until_s:
                    self._running.append(trial)
                    continue
                if ended(trial.process):
                    self._survived(trial.mutant, "")
                self._done += 1
                if self._done % 100 == 0:
                    print(f"... {self._done}", file=sys.stderr, flush=True)

    def _survived(self, mutant: Mutant, note: str) -> None:
        self.alive.append(mutant)
        print(f"{said(mutant)}{note}", flush=True)


def said(mutant: Mutant) -> str:
    """Where it is and what it changes, as it is printed."""
    return f"{mutant.path}:{mutant.line}: {mutant.change}"


def rows_of(found: Sequence[Mutant], alive: Sequence[Mutant], took_s: float) -> list[Row]:
    """Counts for each file, and the sums."""
    all_of, alive_of = (Counter(each.path for each in some) for some in (found, alive))
    rows = []
    for path, count in all_of.items():
        survived = alive_of[path]
        rows.append(Row(f"{path.name}: mutants", count, "mutants"))
        rows.append(
            Row(f"{path.name}: survived", survived, "mutants", None, f"{count - survived} killed")
        )
    killed = len(found) - len(alive)
    counts = {"mutants": len(found), "killed": killed, "survived": len(alive)}
    rows += [Row(name, count, "mutants") for name, count in counts.items()]
    rows.append(Row("score", killed / max(len(found), 1), "ratio"))
    rows.append(Row("took", took_s / 60, "min"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sources", type=Path, nargs="+", help="files or packages to change")
    parser.add_argument("--tests", nargs="+", required=True, help="tests that belong to them")
    parser.add_argument("--name", help="of the result; the first source's when not given")
    parser.add_argument("--every", type=int, default=1, help="try only every n-th mutant")
    parser.add_argument(
        "--inside",
        action="store_true",
        help="only what lies in functions: no constants and defaults, which take a whole run each",
    )
    parser.add_argument("--jobs", type=int, default=1, help="mutants that are tried at once")
    parser.add_argument(
        "--again", type=Path, help="try only the mutants that this earlier output names"
    )
    options = parser.parse_args()
    paths = [
        path.relative_to(ROOT)
        for source in options.sources
        for path in ([ROOT / source] if source.suffix else sorted((ROOT / source).rglob("*.py")))
    ]
    began_s = time.monotonic()
    found = [item for path in paths for item in mutants(ROOT, path)]
    if options.inside:
        found = [each for each in found if each.function is not None]
    found = found[:: options.every]
    if options.again:
        named = {line.partition("  (no test")[0] for line in options.again.read_text().splitlines()}
        found = [each for each in found if said(each) in named]
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        tree = Path(folder).resolve() / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        warm_up(tree, options.tests)
        trials = Trials(tree, reach_of(tree, options.tests), options.jobs)
        trials.all_of(found)
        os.chdir(ROOT)
    name = options.name or options.sources[0].stem
    write_report(f"mutation-{name}", rows_of(found, trials.alive, time.monotonic() - began_s))


if __name__ == "__main__":
    main()
