"""How much of a package the tests really check: one small change at a time must make them fail.

Run by hand, on any package and the tests that belong to it::

    python benchmarks/mutation.py src/spyoncino/tracking tests/unit/tracking

The tree is copied to a temporary folder, so the checkout is never touched. Each mutant is one
change of the syntax tree; the tests run on it in a forked process, in a fixed order, up to the
first failure. A mutant no test fails on has survived and is printed: either a test is missing, or
the change makes no difference anyone could see. What runs past the time limit counts as killed.
"""

import argparse
import ast
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from report import ROOT, Row, write_report

OPERATORS = (
    "Lt LtE GtE; LtE Lt Gt; Gt GtE LtE; GtE Gt Lt; Eq NotEq; NotEq Eq; Is IsNot; IsNot Is; "
    "In NotIn; NotIn In; And Or; Or And; BitAnd BitOr; BitOr BitAnd; Add Sub; Sub Add; "
    "Mult Div; Div Mult; FloorDiv Mult; Mod Mult; Pow Mult"
)
"""Names of the syntax tree's operators, each with those it is replaced by."""

SWAPS = {old: new for old, *new in map(str.split, OPERATORS.split(";"))}
OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}

UNTOUCHED = frozenset({"annotation", "returns", "decorator_list", "type_params", "strict"})
"""Fields and arguments for the type checker, of declarations, and against slips: not for tests."""

LIMIT_FACTOR = 20
"""A mutant may take this many times as long as the unchanged code."""


class Mutant(NamedTuple):
    """One changed file: what was changed in which line, and the text of the whole changed file."""

    path: Path
    line: int
    change: str
    text: str


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What an expression, a statement or an operator is replaced by, one after the other."""
    match node:
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Call(ast.Name(name), arguments, keywords) if name in OPPOSITES:
            yield ast.Call(ast.Name(OPPOSITES[name]), arguments, keywords)
        case ast.Constant(value):
            yield from map(ast.Constant, _other_values(value))
        case ast.stmt():
            yield from _other_statements(node)
        case ast.operator() | ast.cmpop() | ast.boolop():
            yield from (getattr(ast, name)() for name in SWAPS.get(type(node).__name__, ()))


def _other_values(value: object) -> tuple[float, ...]:
    if isinstance(value, int):
        return (not value,) if isinstance(value, bool) else (value + 1, value - 1)
    return (2 * value or 1.0, value / 2 or -1.0) if isinstance(value, float) else ()


def _other_statements(node: ast.stmt) -> tuple[ast.stmt, ...]:
    match node:
        case ast.AugAssign() | ast.Raise() | ast.Break() | ast.Expr(ast.Call() | ast.Await()):
            return (ast.Pass(),)
        case ast.Assign([ast.Attribute() | ast.Subscript(), *_]):
            return (ast.Pass(),)
        case ast.Continue():
            return (ast.Break(), ast.Pass())
        case ast.Return(ast.expr() as value) if ast.unparse(value) != "None":
            return (ast.Return(ast.Constant(None)),)
    return ()


def mutants(path: Path) -> Iterator[Mutant]:
    """All mutants of one file, in the order of its syntax tree."""
    text = (ROOT / path).read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node, other in _changes(tree):
        before = " ".join((ast.get_source_segment(text, node) or "").split())
        change = f"{before}  ->  {ast.unparse(other)}"
        yield Mutant(path, getattr(node, "lineno", 1), change, ast.unparse(tree))


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """What is changed into what; the tree below the node is changed only until the next one."""
    for field, held in list(ast.iter_fields(node)):
        for index, child in enumerate(held if isinstance(held, list) else [held]):
            if {field, getattr(child, "arg", None)} & UNTOUCHED or not isinstance(child, ast.AST):
                continue
            for other in variants(child):
                _put(node, field, index, other)
                yield (child, other) if hasattr(child, "lineno") else (node, node)
                _put(node, field, index, child)
            yield from _changes(child)


def _put(node: ast.AST, field: str, index: int, child: ast.AST) -> None:
    held = getattr(node, field)
    if isinstance(held, list):
        held[index] = child
    else:
        setattr(node, field, child)


def _child(tests: str) -> None:
    os.setsid()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    fixed = ("-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed=0")
    os._exit(pytest.main([tests, "-x", "-q", *fixed]))


def passes(tests: str, limit_s: float) -> bool:
    """Whether the tests pass in a forked process before the time is over."""
    process = multiprocessing.get_context("fork").Process(target=_child, args=(tests,))
    process.start()
    process.join(limit_s)
    if process.exitcode is None and process.pid is not None:
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
    return process.exitcode == 0


def warm_up(tree: Path, tests: str) -> None:
    """Import here what the tests need from outside of the tree; children inherit it."""
    os.chdir(tree)
    sys.dont_write_bytecode = True  # mutants of one second and one size would share a cache file
    sys.path.insert(0, str(tree / "src"))
    if pytest.main([tests, "--collect-only", "-qq", "-p", "no:cacheprovider"]) != 0:
        sys.exit("the tests cannot be collected")
    if not any(_lies_in(tree / "src", module) for module in sys.modules.values()):
        sys.exit("the tests import the installed package instead of the copy")
    for name in [name for name, module in sys.modules.items() if _lies_in(tree, module)]:
        del sys.modules[name]


def _lies_in(tree: Path, module: object) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(place and Path(place).is_relative_to(tree) for place in places)


def survivors(found: Sequence[Mutant], tests: str) -> list[Mutant]:
    """Those mutants that no test fails on, printed as they are found; works in the copy."""
    began = time.perf_counter()
    if not passes(tests, 600.0):
        sys.exit("the tests fail on the unchanged code")
    limit_s = LIMIT_FACTOR * (time.perf_counter() - began)
    alive = []
    for mutant in found:
        mutant.path.write_text(mutant.text, encoding="utf-8")
        if passes(tests, limit_s):
            alive.append(mutant)
            print(f"{mutant.path}:{mutant.line}: {mutant.change}", flush=True)
        shutil.copyfile(ROOT / mutant.path, mutant.path)
    return alive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="file or package to change, below src")
    parser.add_argument("tests", help="tests that belong to it")
    parser.add_argument("--every", type=int, default=1, help="try only every n-th mutant")
    options = parser.parse_args()
    source: Path = ROOT / options.source
    paths = [source] if source.suffix else sorted(source.rglob("*.py"))
    found = [item for path in paths for item in mutants(path.relative_to(ROOT))][:: options.every]
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        tree = Path(folder).resolve() / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        warm_up(tree, options.tests)
        alive = survivors(found, options.tests)
        os.chdir(ROOT)
    killed = len(found) - len(alive)
    counts = {"mutants": len(found), "killed": killed, "survived": len(alive)}
    rows = [Row(name, count, "mutants") for name, count in counts.items()]
    rows.append(Row("score", killed / max(len(found), 1), "ratio", None, str(options.source)))
    write_report(f"mutation-{source.stem}", rows)


if __name__ == "__main__":
    main()
