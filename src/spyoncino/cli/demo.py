"""``spyoncino demo``: the whole system over a simulated front door; no camera, no configuration."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from spyoncino.app import Application, load_modules
from spyoncino.cli import demo_person
from spyoncino.cli.demo_figures import PressFigures
from spyoncino.cli.options import options_of, stdout
from spyoncino.cli.run import serve
from spyoncino.core.config_load import load_config
from spyoncino.core.logs import configure_logging
from spyoncino.core.paths import DataFolder
from spyoncino.persistence.database import Database
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.events import Event

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
    "faces": {"enabled": True},
    "terminal": {"enabled": True},
}


def demo(
    ctx: typer.Context,
    stop_after_s: Annotated[
        float | None, typer.Option("--for", help="Stop by itself after so many seconds.")
    ] = None,
) -> None:
    """Show a running system: a drawn front door, a visitor who rings and is known, a cat.

    Motion, objects, faces, tracks, zones, events and media are found and made by the real parts.

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
        person = demo_person.DemoPerson(data)
        person.look_up()
    console.print(
        "A simulated front door: somebody walks up, rings and leaves; a cat crosses. "
        "Stop with Ctrl-C.\n"
        f"Pictures, clips and the database are written to {data.root}",
        markup=False,
        soft_wrap=True,
    )
    application = Application(loaded, registry, data)
    figures = PressFigures()
    figures.listen(application.bus)

    async def introduce() -> None:
        told = await person.introduce(application.bus)
        if told:
            sys.stdout.write(f"{told}\n")  # which a live table catches, unlike a console of ours

    asyncio.run(serve(application, stop_after_s, beside=introduce))
    asyncio.run(_tell_what_is_there(data, figures))


async def _tell_what_is_there(data: DataFolder, figures: PressFigures) -> None:
    console = stdout()
    database = Database(data.database)
    await database.open()
    try:
        events = await EventStore(database).find(limit=NEWEST_SHOWN)
        media = MediaStore(database)
        for event in reversed(events):
            console.print(
                f"\n{event.started_at.astimezone():%H:%M:%S} {event.type} at {event.camera} for "
                f"{event.end_s - event.start_s:.1f} s{_rang(event)}  ({event.event_id})",
                markup=False,
                soft_wrap=True,
            )
            if event.story:
                console.print(f"  {event.story}.", markup=False, soft_wrap=True)
            for told in figures.told(event.press_ids):
                console.print(f"  {told}", markup=False, soft_wrap=True)
            for artifact in await media.of_event(event.event_id):
                path = data.root / artifact.path
                console.print(f"  {artifact.kind.value:<9} {path}", markup=False, soft_wrap=True)
    finally:
        await database.close()
    if lines := figures.lines():
        console.print("\n" + "\n".join(lines), markup=False, soft_wrap=True)
    console.print(
        f"\nMore: spyoncino --data {data.root} events list, and explain EVENT for the reasons.",
        markup=False,
        soft_wrap=True,
    )


def _rang(event: Event) -> str:
    count = len(event.presses)
    if not count:
        return ""
    return f", rang {'once' if count == 1 else f'{count} times'}"
