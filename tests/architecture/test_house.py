"""The shape of the house: ladder, lengths, docstrings, broad excepts; exceptions say why."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.no_cover  # it reads files; under a tracer it takes four times as long

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "spyoncino"
FILES = sorted(SOURCE.rglob("*.py"))

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

LONG_FILES: dict[str, str] = {
    "testing/examples.py": "a table: one example of each payload",
}
"""File to the reason why it is longer than it should be."""

LONG_FUNCTIONS: dict[str, str] = {}
"""File and function to the reason why it is longer than it should be."""

BROAD_EXCEPTS: dict[str, str] = {
    "core/guard.py": "the border to modules: any of them may be broken",
    "core/message.py": "a publisher's callback must not end a receiver",
    "core/registry.py": "the border to plug-ins: importing one may raise anything",
    "core/subscription.py": "a subscriber's fault must not end its task",
    "detectors/factory.py": "a stranger's plug-in may raise anything when it is imported",
    "runtime/capture/process.py": "the process's border: main must learn why it ends",
    "runtime/capture/reconnect.py": "the connecting thread's border: raised again by who waits",
    "runtime/attempt.py": "the worker's border: the job fails, the worker goes on",
}
"""File to the reason why it catches everything: a supervisor's border."""


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree; several rules look at it."""
    return ast.parse(path.read_text())


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def broad_excepts_of(tree: ast.AST) -> int:
    broad = {"Exception", "BaseException"}
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            names = (
                {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}
                if node.type
                else broad
            )
            is_passed_on = isinstance(node.body[-1], ast.Raise)
            count += bool(names & broad) and not is_passed_on
    return count


def test_imports_go_down_the_ladder_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_long_files_are_listed_with_a_reason() -> None:
    found = {name_of(path) for path in FILES if len(path.read_text().splitlines()) > MAX_FILE_LINES}
    assert found == set(LONG_FILES)


def test_long_functions_are_listed_with_a_reason() -> None:
    found = {
        f"{name_of(path)}:{function.name}"
        for path in FILES
        for function in functions_of(tree_of(path))
        if (function.end_lineno or 0) - function.lineno >= MAX_FUNCTION_LINES
    }
    assert found == set(LONG_FUNCTIONS)


def test_catching_everything_is_listed_with_a_reason() -> None:
    found = {name_of(path) for path in FILES if broad_excepts_of(tree_of(path))}
    assert found == set(BROAD_EXCEPTS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_says_its_duty(path: Path) -> None:
    assert ast.get_docstring(tree_of(path)), f"{name_of(path)} has no docstring"


def test_the_program_starts_without_heavy_imports() -> None:
    """A spawned child imports the entry point again, so it must stay light."""
    code = "import sys, spyoncino.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "cv2", "av", "pydantic", "sqlalchemy", "onnxruntime", "typer"}
    assert not heavy & set(done.stdout.split())


def test_a_capture_process_imports_pixels_and_packets_only() -> None:
    code = "import sys, spyoncino.runtime.capture.process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pydantic", "sqlalchemy", "onnxruntime", "structlog", "dynaconf", "typer", "rich"}
    assert not heavy & set(done.stdout.split())
