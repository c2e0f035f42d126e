"""``spyoncino run``: the system, until it is told to stop."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from spyoncino.app import Application, load_modules
from spyoncino.cli.options import options_of, stderr
from spyoncino.core.config_load import load_config
from spyoncino.core.logs import configure_logging
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.errors import UsageError


def run(
    ctx: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file.")] = None,
    show: Annotated[
        str | None, typer.Option(help="Show events here: table, lines, auto or off.")
    ] = None,
) -> None:
    """Run the configured cameras until Ctrl-C.

    Example: spyoncino run --config spyoncino.yaml --show auto
    """
    options = options_of(ctx)
    overrides = {} if show is None else {"console": {"show": show}}
    registry = load_modules()
    loaded = load_config(registry, file=config or options.config, overrides=overrides)
    settings = loaded.settings
    if not any(camera.enabled for camera in settings.cameras.values()):
        raise UsageError(
            "no camera is configured; write a file with `spyoncino config init`, "
            "or see the system without a camera with `spyoncino demo`"
        )
    data = DataFolder(resolve_data_dir(options.data or settings.data_dir, loaded.user_file))
    with data:
        configure_logging(
            "debug" if options.debug else settings.log.level,
            json=settings.log.format == "json",
            file=data.log if settings.log.file else None,
        )
        for notice in loaded.notices:
            stderr().print(notice, markup=False, soft_wrap=True)
    asyncio.run(serve(Application(loaded, registry, data)))


async def serve(application: Application, stop_after_s: float | None = None) -> None:
    """Run until SIGINT or SIGTERM, or for a given time; then finish what is open.

    Args:
        application: Built, not started.
        stop_after_s: Stop by itself after so long.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with application:
            try:
                await asyncio.wait_for(stop.wait(), stop_after_s)
            except TimeoutError:
                return
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
