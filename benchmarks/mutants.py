"""The changes of a mutation check: what one small change makes of a file's syntax tree."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import NamedTuple

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

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(NamedTuple):
    """Where a change lies.

    Args:
        first: First line of the statement, or of the head of a block.
        last: Its last line.
        owner: Outermost function whose body holds it; ``None``: it runs when it is imported.
    """

    first: int = 1
    last: int = 1
    owner: Function | None = None


class Mutant(NamedTuple):
    """One changed file.

    Args:
        path: Below the root of the project.
        line: Line of the change.
        change: Before and after.
        text: The whole changed file.
        lines: First and last line of the changed statement.
        function: Name and first line of the function whose code differs, and its new code;
            ``None`` for what runs when the file is imported.
    """

    path: Path
    line: int
    change: str
    text: str
    lines: tuple[int, int]
    function: tuple[str, int, CodeType] | None


def mutants(root: Path, path: Path) -> Iterator[Mutant]:
    """All mutants of one file, in the order of its syntax tree."""
    text = (root / path).read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node, other, place in _changes(tree, Place()):
        before = " ".join((ast.get_source_segment(text, node) or "").split())
        change = f"{before}  ->  {ast.unparse(other)}"
        code = compile(ast.fix_missing_locations(tree), str(path), "exec", dont_inherit=True)
        yield Mutant(
            path,
            getattr(node, "lineno", 1),
            change,
            ast.unparse(tree),
            (place.first, place.last),
            _changed_function(code, place.owner),
        )


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What an expression, a statement or an operator is replaced by, one after the other."""
    match node:
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Call(ast.Name(name), arguments, keywords) if name in OPPOSITES:
            yield ast.Call(ast.Name(OPPOSITES[name], ast.Load()), arguments, keywords)
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


def _changes(node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, ast.AST, Place]]:
    """What is changed into what; the tree below the node is changed only until the next one."""
    for field, held in list(ast.iter_fields(node)):
        inside = place
        if place.owner is None and isinstance(node, Function) and field == "body":
            inside = place._replace(owner=node)
        for index, child in enumerate(held if isinstance(held, list) else [held]):
            if {field, getattr(child, "arg", None)} & UNTOUCHED or not isinstance(child, ast.AST):
                continue
            at = _at(child, inside)
            for other in variants(child):
                _put(node, field, index, other)
                yield (child, other, at) if hasattr(child, "lineno") else (node, node, at)
                _put(node, field, index, child)
            yield from _changes(child, at)


def _at(child: ast.AST, place: Place) -> Place:
    """The place of a node: a statement is its own, anything else lies in one."""
    if not isinstance(child, ast.stmt):
        return place
    body = getattr(child, "body", None)
    last = child.end_lineno or child.lineno
    return Place(child.lineno, max(child.lineno, body[0].lineno - 1) if body else last, place.owner)


def _put(node: ast.AST, field: str, index: int, child: ast.AST) -> None:
    held = getattr(node, field)
    if isinstance(held, list):
        held[index] = child
    else:
        setattr(node, field, child)


def _changed_function(code: CodeType, owner: Function | None) -> tuple[str, int, CodeType] | None:
    if owner is None:
        return None
    first = min([owner.lineno, *(each.lineno for each in owner.decorator_list)])
    found = [
        each for each in _codes(code) if (each.co_name, each.co_firstlineno) == (owner.name, first)
    ]
    return (owner.name, first, found[0]) if len(found) == 1 else None


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)
