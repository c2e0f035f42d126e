"""``spyoncino run``: the system, until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from spyoncino.app import Application, load_modules
from spyoncino.cli.options import options_of, stderr, stdout
from spyoncino.cli.page import tell_page
from spyoncino.core.config_document import starter_document
from spyoncino.core.config_files import FILE_NAME
from spyoncino.core.config_load import load_config
from spyoncino.core.logs import configure_logging
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.errors import UsageError
from spyoncino.host.notify import ServiceManager

USB_DEVICE = Path("/dev/video0")
"""Where Linux puts the first camera; on a Raspberry Pi too, its own encoders begin at 10."""


def run(
    ctx: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file.")] = None,
    show: Annotated[
        str | None, typer.Option(help="Show events here: table, lines, auto or off.")
    ] = None,
) -> None:
    """Run the configured cameras until Ctrl-C; without a configuration, write a first one.

    Example: spyoncino run --config spyoncino.yaml --show auto
    """
    options = options_of(ctx)
    overrides = {} if show is None else {"console": {"show": show}}
    registry = load_modules()
    loaded = load_config(registry, file=config or options.config, overrides=overrides)
    settings = loaded.settings
    if not any(camera.enabled for camera in settings.cameras.values()):
        if loaded.user_file is None:
            write_first_configuration(Path(FILE_NAME), USB_DEVICE)
            return
        raise UsageError(
            f"{loaded.user_file}: no camera is configured; add one under cameras "
            "(`spyoncino config init example.yaml` shows how), "
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


def write_first_configuration(path: Path, usb_device: Path) -> None:
    """Write a commented configuration with the simulated camera, and say what to do next.

    Args:
        path: The file; there is none yet.
        usb_device: A camera of its own for it, where this device is there.

    Raises:
        UsageError: The file cannot be written.
    """
    has_usb = usb_device.exists()
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter_document(usb_device if has_usb else None))
    except OSError as error:
        raise UsageError(
            f"there is no configuration, and {path} cannot be written ({error.strerror}); "
            "go to a folder of yours, or name a file with --config"
        ) from error
    cameras = "a simulated front door"
    if has_usb:
        cameras += f" and the USB camera {usb_device}"
    stdout().print(
        f"There was no configuration. {path} is a first one, with {cameras}.\n"
        "Next:\n"
        "  spyoncino run --show auto   start it as it is\n"
        f"  edit {path}         put your own camera in; each line is explained\n"
        "  spyoncino config check      every mistake with its line\n"
        "  spyoncino doctor            what this computer can do, what would be slow",
        markup=False,
        soft_wrap=True,
    )


async def serve(
    application: Application,
    stop_after_s: float | None = None,
    *,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Run until SIGINT or SIGTERM, or for a given time; then finish what is open.

    Args:
        application: Built, not started.
        stop_after_s: Stop by itself after so long.
        beside: Called once everything has started; cancelled when the end begins.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    manager = ServiceManager.from_environment()
    try:
        async with application:
            tell_page(application)
            manager.tell("READY=1")
            tasks = [asyncio.create_task(manager.keep_alive(), name="watchdog")]
            if beside is not None:
                tasks.append(asyncio.create_task(beside(), name="beside"))
            try:
                await asyncio.wait_for(stop.wait(), stop_after_s)
            except TimeoutError:
                return
            finally:
                for task in tasks:
                    task.cancel()
                manager.tell("STOPPING=1")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
