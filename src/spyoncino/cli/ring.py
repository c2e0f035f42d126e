"""``spyoncino ring``: press a doorbell of the running system."""

import asyncio
from typing import Annotated

import typer

from spyoncino.cli.options import options_of, print_json, stdout
from spyoncino.core.control_desk import ask_main
from spyoncino.core.doorbells import PRESS, REFUSED
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.errors import StorageError


def ring(
    ctx: typer.Context,
    doorbell: Annotated[
        str | None, typer.Argument(metavar="[DOORBELL]", help="Id; the only one when left out.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the press as JSON.")] = False,
) -> None:
    """Ring a doorbell. Done means: the press is on disk and will be in an event.

    Example: spyoncino ring front
    """
    options = options_of(ctx)
    folder = DataFolder(resolve_data_dir(options.data, options.config))
    press = asyncio.run(ask_main(folder.socket, PRESS, doorbell=doorbell, method="cli"))
    if REFUSED in press:
        raise StorageError(press[REFUSED])
    if as_json:
        print_json(press)
    else:
        stdout().print(
            f"rang {press['doorbell']} at camera {press['camera']} ({press['event_id']})",
            markup=False,
        )
