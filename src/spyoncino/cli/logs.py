"""``spyoncino logs``: the log file for people, and levels of a running main."""

import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from spyoncino.cli.options import options_of, print_json, stdout
from spyoncino.core.control_desk import ask_main
from spyoncino.core.log_levels import SET, SHOW
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.errors import StorageError, UsageError

app = typer.Typer(
    help="Log lines: show them, follow one happening, change levels while it runs.",
    no_args_is_help=True,
)

FOLLOW_S = 0.5
"""How often the file is looked at for new lines."""

COLOURS = {"error": "red", "critical": "red", "warning": "yellow", "debug": "dim"}

_HEAD = frozenset({"timestamp", "level", "event", "logger", "module"})


@app.command()
def level(
    ctx: typer.Context,
    module: Annotated[
        str | None,
        typer.Argument(metavar="MODULE", help="A module, a stage (process), a library, or all."),
    ] = None,
    least: Annotated[
        str | None, typer.Argument(metavar="LEVEL", help="debug, info, warning, error or default.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show or change from which level on a running main writes lines; until its next start.

    Example: spyoncino logs level process.tracker debug
    """
    if (module is None) != (least is None):
        raise UsageError("name a module and a level, or neither to see what is set")
    socket = _folder(ctx).socket
    if module is None:
        levels = asyncio.run(ask_main(socket, SHOW))
    else:
        levels = asyncio.run(ask_main(socket, SET, module=module, level=least))
    if as_json:
        print_json(levels)
        return
    for name, shown in levels.items():
        stdout().print(f"{name:<28} {shown}", markup=False)


@app.command()
def show(
    ctx: typer.Context,
    *,
    count: Annotated[int, typer.Option("-n", "--lines", min=1, help="The last so many.")] = 50,
    happening: Annotated[
        str | None,
        typer.Option(
            "--of", metavar="ID", help="Only lines of one event or correlation id, or its start."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Lines as they are in the file.")] = False,
) -> None:
    """Show the newest lines of the log file, for people.

    Example: spyoncino logs show --of 0b9e4d5c --follow
    """
    path = _folder(ctx).log
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            newest: deque[dict[str, Any]] = deque(_lines(file.readlines(), happening), count)
    except OSError as error:
        raise StorageError(
            f"there is no log at {path} ({error.strerror}); it is written by `spyoncino run` "
            "unless log.file is false"
        ) from error
    for line in newest:
        _print(line, as_json=as_json)
    if follow:
        for line in _followed(path, happening):
            _print(line, as_json=as_json)


def _folder(ctx: typer.Context) -> DataFolder:
    options = options_of(ctx)
    return DataFolder(resolve_data_dir(options.data, options.config))


def _lines(texts: list[str], happening: str | None) -> Iterator[dict[str, Any]]:
    for text in texts:
        try:
            line = json.loads(text)
        except ValueError:  # the last one is being written
            continue
        if happening is None or any(
            str(line.get(key, "")).startswith(happening) for key in ("correlation_id", "event_ref")
        ):
            yield line


def _followed(path: Path, happening: str | None) -> Iterator[dict[str, Any]]:
    """New lines as they come, over the file's rotation."""
    file = path.open(encoding="utf-8", errors="replace")
    try:
        file.seek(0, 2)
        while True:
            yield from _lines(file.readlines(), happening)
            if path.exists() and not os.path.samestat(path.stat(), os.fstat(file.fileno())):
                yield from _lines(file.readlines(), happening)  # written just before
                file.close()
                file = path.open(encoding="utf-8", errors="replace")
                continue
            time.sleep(FOLLOW_S)
    finally:
        file.close()


def _print(line: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(line)
        return
    at = str(line.get("timestamp", ""))
    with suppress(ValueError):
        at = datetime.fromisoformat(at).astimezone().strftime("%d %b %H:%M:%S")
    name = str(line.get("module") or line.get("logger", "")).removeprefix("spyoncino.")
    facts = "  ".join(f"{key}={value}" for key, value in line.items() if key not in _HEAD)
    level = str(line.get("level", ""))
    colour = COLOURS.get(level, "")
    text = f"{at} {level:<7} {name:<22} {line.get('event', '')}  {facts}".rstrip()
    stdout().print(f"[{colour}]{escape(text)}[/]" if colour else escape(text), soft_wrap=True)
