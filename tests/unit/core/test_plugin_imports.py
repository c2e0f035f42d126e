import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spyoncino.core.plugin_imports import foreign_import

OTHERS = frozenset({"other_plug_in.module"})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ``mine`` with a module that imports a neighbour of its own; it is loaded."""
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "module.py").write_text("from .deep import helper\n")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "helper.py").write_text("import json\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("mine.module")
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


@pytest.mark.usefixtures("package")
def test_a_plug_in_may_import_its_own_files_and_the_core() -> None:
    assert foreign_import("mine.module", OTHERS) == ""


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("import spyoncino.modules.folders", "spyoncino.modules.folders"),
        ("from spyoncino.modules import folders", "spyoncino.modules.folders"),
        ("from spyoncino import modules", "spyoncino.modules"),
        ("def later():\n    import other_plug_in.module as x", "other_plug_in.module"),
        ("from other_plug_in.module import Class", "other_plug_in.module.Class"),
        ("from .. import deep, module", ""),
        ("from spyoncino.modules_of_mine import x", ""),
    ],
)
def test_an_import_in_any_of_its_files_is_found(package: Path, line: str, named: str) -> None:
    (package / "deep" / "helper.py").write_text(f"{line}\n")
    wanted = f"helper.py imports {named}" if named else ""
    assert foreign_import("mine.module", OTHERS) == wanted


def test_a_module_without_source_says_nothing() -> None:
    assert foreign_import("sys", OTHERS) == ""
    assert foreign_import("not.there", OTHERS) == ""
