"""Whether a plug-in imports another module: modules meet on the bus only.

The built-in modules are watched by the import ladder; plug-ins are looked at when they are found:
the source of the module's file, and of the files of its own package that it imports. Nothing is
run for it. An import by a name that is only made at run time is not seen.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

BUILT_IN = "spyoncino.modules"

MAX_FILES = 200
"""Files of one plug-in that are read; looking at one takes about a millisecond."""


def foreign_import(module: str, others: frozenset[str]) -> str:
    """What a loaded plug-in imports of other modules; empty when it keeps to itself.

    Args:
        module: Full name of the Python module that holds the plug-in's class.
        others: Full names of those that hold other modules.

    Returns:
        ``<file> imports <name>``, the first that was found.
    """
    package = module.partition(".")[0]
    waiting, seen = [module], {module}
    while waiting and len(seen) <= MAX_FILES:
        name = waiting.pop()
        path = getattr(sys.modules.get(name), "__file__", None) or ""
        for imported in _imports_of(name, Path(path)):
            if _is_within(imported, BUILT_IN) or any(_is_within(imported, each) for each in others):
                return f"{Path(path).name} imports {imported}"
            if imported in sys.modules and imported not in seen and _is_within(imported, package):
                seen.add(imported)
                waiting.append(imported)
    return ""


def _is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _imports_of(name: str, path: Path) -> Iterator[str]:
    """Full names that a file imports; of ``from a import b`` both ``a.b`` and ``a``."""
    if path.suffix != ".py" or not path.is_file():
        return
    is_package = path.name == "__init__.py"
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                home = name.split(".")
                home = home[: len(home) - node.level + is_package]
                base = ".".join([*home, base] if base else home)
            yield from (f"{base}.{alias.name}" for alias in node.names)
            yield base
