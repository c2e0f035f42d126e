"""A new plug-in project keeps its contract at once, whatever its category."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spyoncino.cli import modules
from spyoncino.cli.modules_new import BEGINNINGS, write_project
from spyoncino.core.contracts import Category
from spyoncino.errors import UsageError
from spyoncino.testing import ModuleContract


@pytest.mark.parametrize("category", BEGINNINGS, ids=lambda each: each.name.lower())
def test_a_new_plug_in_keeps_the_contract(
    category: Category, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = category.name.lower()
    folder = write_project(f"{word}-light", category, tmp_path)
    monkeypatch.syspath_prepend(folder / "src")
    package = importlib.import_module(f"spyoncino_{word}_light")
    kind = getattr(package, f"{word.capitalize()}Light")
    assert kind.name == f"{word}.{word}_light"
    ModuleContract(kind).check()


def test_every_category_has_a_beginning() -> None:
    assert set(BEGINNINGS) == set(Category)


def test_its_own_test_passes_with_the_kit(tmp_path: Path) -> None:
    folder = write_project("night_light", Category.OUTPUT, tmp_path)
    assert folder.name == "spyoncino-night-light"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed" in done.stdout


def test_its_files_are_clean(tmp_path: Path) -> None:
    folders = [write_project(f"a{each.value}", each, tmp_path) for each in Category]
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "check", "--isolated", "--select", "E,F,UP,B", "--line-length", "100", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for folder in folders:
        assert "$" not in "".join(path.read_text() for path in folder.rglob("*.*"))
        for path in folder.rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text()))


def test_the_command_says_what_to_do_next(tmp_path: Path) -> None:
    words = ("new", "night-light", "--category", "status", "--out", str(tmp_path))
    result = CliRunner().invoke(modules.app, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "a plug-in with the module status.night_light" in result.stdout
    assert f"pytest {tmp_path / 'spyoncino-night-light'}" in result.stdout


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Night", "cannot be the name of a plug-in"),
        ("9lives", "cannot be the name of a plug-in"),
        ("../x", "cannot be the name of a plug-in"),
        ("night light", "cannot be the name of a plug-in"),
        ("class", "cannot be the name of a plug-in"),
        ("cameras", "is a key of the configuration already"),
        ("zones", "is a key of the configuration already"),
        ("motion", r"is the section of process\.motion"),
    ],
)
def test_a_bad_name_is_a_sentence(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=reason):
        write_project(name, Category.PROCESS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    folder = write_project("night-light", Category.PROCESS, tmp_path)
    (folder / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write_project("night-light", Category.PROCESS, tmp_path)
    assert (folder / "README.md").read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        write_project("night-light", Category.PROCESS, tmp_path / "file")


def test_a_category_that_is_none_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="no category 'magic'; choose one of: input, process"):
        CliRunner().invoke(modules.app, ("new", "x", "--category", "magic"), catch_exceptions=False)
