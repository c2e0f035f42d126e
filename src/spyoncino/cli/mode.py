"""``spyoncino mode``: which mode holds, or another one from now on."""

import asyncio
from typing import Annotated

import typer

from spyoncino.cli.options import options_of, stdout
from spyoncino.core.modes import order_mode
from spyoncino.core.paths import DataFolder, resolve_data_dir


def mode(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[MODE]", help="home, away, night or privacy.")
    ] = None,
) -> None:
    """Say which mode holds, or choose one: home, away, night, privacy.

    Example: spyoncino mode away
    """
    options = options_of(ctx)
    folder = DataFolder(resolve_data_dir(options.data, options.config))
    stdout().print(asyncio.run(order_mode(folder, name)))
