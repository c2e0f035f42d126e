"""What every command shares: the global options, and how facts are printed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """Options that stand before the command.

    Args:
        config: The user's configuration file, or ``None`` for the usual places.
        data: The data folder, or ``None`` for the usual place.
        debug: Show tracebacks and debug lines.
    """

    config: Path | None = None
    data: Path | None = None
    debug: bool = False


def options_of(ctx: typer.Context) -> GlobalOptions:
    """The global options of this call."""
    found = ctx.find_object(GlobalOptions)
    return found if found is not None else GlobalOptions()


def stdout() -> Console:
    """Console for facts; colours only on a terminal."""
    return Console(highlight=False)


def stderr() -> Console:
    """Console for progress and sentences about trouble."""
    return Console(stderr=True, highlight=False)


def print_json(facts: Mapping[str, Any] | Sequence[Any]) -> None:
    """One JSON document on one line of standard output, for ``jq`` and friends."""
    typer.echo(json.dumps(facts, ensure_ascii=False, default=str))
