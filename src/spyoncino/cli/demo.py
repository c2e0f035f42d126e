"""``spyoncino demo``: the whole system over a simulated front door; no camera, no configuration."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from spyoncino.app import Application, load_modules
from spyoncino.cli.options import options_of, stdout
from spyoncino.cli.run import serve
from spyoncino.core.config_load import load_config
from spyoncino.core.logs import configure_logging
from spyoncino.core.paths import DataFolder
from spyoncino.persistence.database import Database
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore

DEFAULT_FOLDER = Path("spyoncino-demo")
NEWEST_SHOWN = 5

DEMO_SETTINGS: dict[str, Any] = {
    "cameras": {
        "door": {
            "source": {"type": "sim"},
            "doorbell": "front",
            "zones": [
                {"name": "porch", "polygon": [[0.0, 0.55], [1.0, 0.55], [1.0, 1.0], [0.0, 1.0]]}
            ],
        }
    },
    "console": {"show": "auto"},
}


def demo(
    ctx: typer.Context,
    stop_after_s: Annotated[
        float | None, typer.Option("--for", help="Stop by itself after so many seconds.")
    ] = None,
) -> None:
    """Show a running system: a drawn front door, a visitor who rings, a cat.

    Motion, the object detector, tracks, zones, events and media are the real ones.

    Example: spyoncino demo --for 60
    """
    options = options_of(ctx)
    data = DataFolder(options.data or DEFAULT_FOLDER)
    console = stdout()
    registry = load_modules()
    with data:
        configure_logging("debug" if options.debug else "error", file=data.log)
        loaded = load_config(
            registry, overrides=DEMO_SETTINGS, working_folder=data.root, config_home=data.root
        )
    console.print(
        "A simulated front door: somebody walks up, rings and leaves; a cat crosses. "
        "Stop with Ctrl-C.\n"
        f"Pictures, clips and the database are written to {data.root}",
        markup=False,
        soft_wrap=True,
    )
    asyncio.run(serve(Application(loaded, registry, data), stop_after_s))
    asyncio.run(_tell_what_is_there(data))


async def _tell_what_is_there(data: DataFolder) -> None:
    console = stdout()
    database = Database(data.database)
    await database.open()
    try:
        events = await EventStore(database).find(limit=NEWEST_SHOWN)
        media = MediaStore(database)
        for event in reversed(events):
            rang = f", rang {len(event.presses)} times" if event.presses else ""
            console.print(
                f"\n{event.started_at.astimezone():%H:%M:%S} {event.type} at {event.camera} for "
                f"{event.end_s - event.start_s:.1f} s{rang}  ({event.event_id})",
                markup=False,
                soft_wrap=True,
            )
            for artifact in await media.of_event(event.event_id):
                path = data.root / artifact.path
                console.print(f"  {artifact.kind.value:<9} {path}", markup=False, soft_wrap=True)
    finally:
        await database.close()
    console.print(
        f"\nMore: spyoncino --data {data.root} events list, and explain EVENT for the reasons.",
        markup=False,
        soft_wrap=True,
    )
