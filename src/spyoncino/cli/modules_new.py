"""``spyoncino modules new``: a plug-in project that keeps its contract from the first minute."""

import keyword
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from spyoncino import __version__
from spyoncino.cli.options import stdout
from spyoncino.core.contracts import Category
from spyoncino.core.registry import Registry
from spyoncino.core.settings import CameraBase, Settings
from spyoncino.errors import UsageError
from spyoncino.modules.builtin import BUILTIN

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a new module of a category begins with.

    Args:
        base: Its abstract class.
        topic: What it consumes, as ``schemas.topics`` calls it; empty: nothing.
        payload: What that carries.
        payload_file: Where the payload is, in ``schemas``.
    """

    base: str
    topic: str = ""
    payload: str = ""
    payload_file: str = ""


_COMPLETED = ("EVENT_COMPLETED", "EventCompleted", "events")

BEGINNINGS = {
    Category.INPUT: Beginning("InputModule"),
    Category.PROCESS: Beginning("ProcessModule", "TRACKS", "TrackUpdate", "detections"),
    Category.EVENT: Beginning("EventModule", *_COMPLETED),
    Category.STORAGE: Beginning("StorageModule", *_COMPLETED),
    Category.OUTPUT: Beginning("OutputModule", *_COMPLETED),
    Category.ANALYTICS: Beginning("AnalyticsModule", *_COMPLETED),
    Category.DASHBOARD: Beginning("DashboardModule", *_COMPLETED),
    Category.STATUS: Beginning("StatusModule", "STATUS_HEALTH", "HealthSummary", "status"),
}


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="For example night-light.")],
    *,
    category: Annotated[
        str, typer.Option(help="One of: " + ", ".join(each.name.lower() for each in BEGINNINGS))
    ] = "process",
    out: Annotated[
        Path, typer.Option("--out", help="The folder that the project's folder goes into.")
    ] = Path(),
) -> None:
    """Write a plug-in project: module, settings, test, entry point; it passes its test at once.

    Example: spyoncino modules new night-light --category process
    """
    kind = Category.__members__.get(category.upper())
    if kind is None:
        known = ", ".join(each.name.lower() for each in BEGINNINGS)
        raise UsageError(f"there is no category {category!r}; choose one of: {known}")
    folder = write_project(name, kind, out)
    stdout().print(
        f"{folder} is a plug-in with the module {kind.name.lower()}.{name.replace('-', '_')}.\n"
        "Next:\n"
        f"  pip install -e '{folder}[dev]'   into the environment that has spyoncino\n"
        f"  pytest {folder}   it keeps the contract of modules\n"
        "  spyoncino modules list   it is there",
        markup=False,
        soft_wrap=True,
    )


def write_project(name: str, category: Category, out: Path) -> Path:
    """Write the project into a folder of its name.

    Args:
        name: Words in small letters, joined by ``-`` or ``_``.
        category: What kind of module it has.
        out: The folder to write the project's folder into.

    Returns:
        The project's folder.

    Raises:
        UsageError: The name cannot be used, the folder is there, or it cannot be written.
    """
    _check_name(name)
    section = name.replace("-", "_")
    package = f"spyoncino_{section}"
    folder = out / f"spyoncino-{name.replace('_', '-')}"
    beginning = BEGINNINGS[category]
    words = {
        "name": f"{category.name.lower()}.{section}",
        "section": section,
        "package": package,
        "distribution": folder.name,
        "class_name": "".join(word.capitalize() for word in section.split("_")),
        "version": __version__,
        "base": beginning.base,
        "topic": beginning.topic,
        "payload": beginning.payload,
        "payload_file": beginning.payload_file,
        "setting_line": "min_news: 1" if beginning.topic else "every_s: 0",
    }
    sources = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        ".gitignore": "gitignore",
        f"src/{package}/__init__.py": "__init__.py",
        f"src/{package}/module.py": "listener.py" if beginning.topic else "input.py",
        f"src/{package}/py.typed": "",
        "tests/test_contract.py": "test_contract.py",
    }
    try:
        folder.mkdir(parents=True)
        for path, template in sources.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            text = Template(_template(template)).substitute(words) if template else ""
            (folder / path).write_text(text, encoding="utf-8")
    except FileExistsError as error:
        raise UsageError(f"{folder} is there already; choose another name or --out") from error
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    return folder


def _template(name: str) -> str:
    file = files("spyoncino").joinpath("assets", "plugin", f"{name}.tmpl")
    return file.read_text(encoding="utf-8")


def _check_name(name: str) -> None:
    section = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(section):
        raise UsageError(
            f"{name!r} cannot be the name of a plug-in: small letters and digits, words joined by "
            "hyphens, a letter first; for example night-light"
        )
    if section in Settings.model_fields or section in CameraBase.model_fields:
        raise UsageError(f"{name!r} is a key of the configuration already; choose another name")
    for module in Registry.discover(BUILTIN).modules:
        if module.section == section:
            raise UsageError(f"{name!r} is the section of {module.name}; choose another name")
