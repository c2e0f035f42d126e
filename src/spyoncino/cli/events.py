"""``spyoncino events``: what happened, from the database."""

import asyncio
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from spyoncino.cli.options import GlobalOptions, options_of, print_json, stdout
from spyoncino.cli.periods import period
from spyoncino.cli.records import find_event, open_records
from spyoncino.errors import MediaError
from spyoncino.events.story import names_of
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.events import Event, Identity
from spyoncino.schemas.media import MediaArtifact

app = typer.Typer(help="What happened: list, show and export events.", no_args_is_help=True)

SHORT_ID_LENGTH = 8

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@app.command("list")
def list_events(
    ctx: typer.Context,
    camera: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Only this type.")] = None,
    since: Annotated[str | None, typer.Option(help="Not older than: 30m, 24h, 7d.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List events, newest first.

    Example: spyoncino events list --since 24h --type person
    """
    oldest = None if since is None else datetime.now(UTC) - period(since, "--since")
    events = asyncio.run(_find(options_of(ctx), camera, kind, oldest, limit))
    if as_json:
        for event in events:
            print_json(event.model_dump(mode="json"))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("event", "camera", "type", "state", "when"):
        table.add_column(heading, no_wrap=True)
    for heading in ("seconds", "labels", "zones", "who"):
        table.add_column(heading)
    for event in events:
        zones = sorted({zone for track in event.tracks for zone in track.zones})
        table.add_row(
            event.event_id[:SHORT_ID_LENGTH],
            event.camera,
            event.type,
            event.state.value,
            event.started_at.astimezone().strftime("%m-%d %H:%M:%S"),
            f"{event.end_s - event.start_s:.1f}",
            ", ".join(event.labels),
            ", ".join(zones),
            ", ".join(names_of(event)),
        )
    stdout().print(table if events else "no events")


@app.command("show")
def show_event(
    ctx: typer.Context,
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="Id, or its beginning.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one event with its tracks and files.

    Example: spyoncino events show 3f2a9c1b
    """
    event, artifacts, root = asyncio.run(_load(options_of(ctx), event_id))
    if as_json:
        files = [artifact.model_dump(mode="json") for artifact in artifacts]
        print_json({**event.model_dump(mode="json"), "media": files})
        return
    console = stdout()
    for name, value in _facts(event).items():
        console.print(f"{name:<10} {value}", markup=False)
    tracks = Table("track", "label", "score", "from s", "to s", "zones", box=SIMPLE_HEAD)
    for track in event.tracks:
        tracks.add_row(
            str(track.track_id),
            track.label,
            f"{track.score:.2f}",
            f"{track.start_s:.1f}",
            f"{track.end_s:.1f}",
            ", ".join(track.zones),
        )
    console.print(tracks)
    for artifact in artifacts:
        notes = f" ({'; '.join(artifact.notes)})" if artifact.notes else ""
        console.print(f"{artifact.kind.value:<10} {root / artifact.path}{notes}", markup=False)


@app.command("export")
def export_events(
    ctx: typer.Context,
    event_ids: Annotated[list[str], typer.Argument(metavar="EVENT...", help="Ids.")],
    out: Annotated[Path, typer.Option(help="Folder to copy into; a folder per event.")],
) -> None:
    """Copy the files and the facts of events, to hand them to somebody.

    Example: spyoncino events export 3f2a9c1b --out for-the-police
    """
    for event_id in event_ids:
        event, artifacts, root = asyncio.run(_load(options_of(ctx), event_id))
        target = _export(event, artifacts, root, out)
        typer.echo(f"{event.event_id}: {len(artifacts)} files in {target}")


async def _find(
    options: GlobalOptions,
    camera: str | None,
    kind: str | None,
    since: datetime | None,
    limit: int,
) -> list[Event]:
    async with open_records(options) as (_, database):
        return await EventStore(database).find(
            camera=camera, event_type=kind, since=since, limit=limit
        )


async def _load(options: GlobalOptions, event_id: str) -> tuple[Event, list[MediaArtifact], Path]:
    async with open_records(options) as (folder, database):
        event = await find_event(database, event_id)
        return event, await MediaStore(database).of_event(event.event_id), folder.root


def _export(event: Event, artifacts: list[MediaArtifact], root: Path, out: Path) -> Path:
    started = event.started_at.astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    target = out / f"{started}_{event.camera}_{event.type}_{event.event_id[:SHORT_ID_LENGTH]}"
    try:
        target.mkdir(parents=True, exist_ok=True)
        for artifact in artifacts:
            shutil.copy2(root / artifact.path, target)
        facts = json.dumps(event.model_dump(mode="json"), indent=2, ensure_ascii=False)
        (target / "event.json").write_text(facts + "\n", encoding="utf-8")
    except OSError as error:
        raise MediaError(
            f"event {event.event_id} could not be copied to {target}: {error}"
        ) from error
    return target


def _facts(event: Event) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "event": event.event_id,
        "camera": event.camera,
        "type": event.type,
        "state": event.state.value,
        "when": event.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z"),
        "length": f"{event.end_s - event.start_s:.1f} s",
        "labels": ", ".join(event.labels) or "none",
    }
    if event.story:
        facts["story"] = event.story
    if event.identities:
        facts["faces"] = "; ".join(_whose(each) for each in event.identities)
    if event.presses:
        facts["presses"] = ", ".join(f"{press_s:.1f} s" for press_s in event.presses)
    if event.reason:
        facts["reason"] = event.reason
    return facts


def _whose(identity: Identity) -> str:
    who = identity.name or identity.decision.value
    if identity.stranger is not None:
        who = f"stranger {identity.stranger}"
    if identity.resembles:
        who += f", may be {identity.resembles}"
    return f"{who} ({identity.reason})" if identity.reason else who
