"""The page's files: packaged, of our own making, and within the policy."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from spyoncino.web.routes.page import STATIC

ROOT = Path(__file__).parents[3]
FILES = sorted(path for path in STATIC.iterdir() if path.is_file())
TEXTS = [path for path in FILES if path.suffix != ".png"]


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_page(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="needs hatchling to build a wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"spyoncino/web/static/{path.name}" for path in FILES} <= names


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_file_loads_anything_from_a_stranger(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_file_makes_html_from_text_or_runs_it(path: Path) -> None:
    text = path.read_text()
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "style=",
    ):
        assert way not in text
    assert not re.search(r"<script(?![^>]* src=)", text)
    assert not re.search(r"\son[a-z]+=\"", text)


def test_every_import_of_a_script_is_there() -> None:
    for path in FILES:
        if path.suffix == ".js":
            for name in re.findall(r"""(?:from|import) "\./([^"]+)\"""", path.read_text()):
                assert (STATIC / name).is_file()
