"""``spyoncino alerts``: what would be told, and what was."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from spyoncino.alerts.rehearsal import Rehearsed, rehearse
from spyoncino.alerts.restraint import Restraint, end_of_mute
from spyoncino.app import load_modules
from spyoncino.cli.options import GlobalOptions, options_of, print_json, stdout
from spyoncino.cli.periods import period
from spyoncino.cli.records import find_event, open_records
from spyoncino.core.config_load import load_config
from spyoncino.core.mute_orders import order_mute
from spyoncino.modules.alert_settings import AlertSettings
from spyoncino.modules.capture_specs import section_of
from spyoncino.modules.delivery import enabled_channels
from spyoncino.persistence.deliveries import Delivery, DeliveryStore
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.mutes import MuteStore
from spyoncino.schemas.events import Event
from spyoncino.schemas.modes import Mode

app = typer.Typer(help="What would be told, and what was told.", no_args_is_help=True)

MAX_EVENTS = 10_000
PLACEHOLDER = "your channel"
"""Stands for the channels while none is enabled: the rules can be tried all the same."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@app.callback()
def alerts() -> None:
    """What would be told, and what was told."""


@app.command("test")
def rehearse_rules(
    ctx: typer.Context,
    last: Annotated[str, typer.Option(help="Events of so long: 24h, 7d.")] = "7d",
    mode: Annotated[Mode, typer.Option(help="Mode of the house to assume.")] = Mode.HOME,
    *,
    silent: Annotated[bool, typer.Option("--silent", help="Only what is not told.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the present rules would have told of past events, and why not of the others.

    Nothing is sent.

    Example: spyoncino alerts test --last 7d --mode away
    """
    options = options_of(ctx)
    registry = load_modules()
    loaded = load_config(registry, file=options.config)
    settings = section_of(loaded, "alerts", AlertSettings)
    rules = settings.to_rules(enabled_channels(loaded, registry) or (PLACEHOLDER,))
    events = asyncio.run(_events(options, datetime.now(UTC) - period(last, "--last")))
    found = [
        each
        for each in rehearse(events, rules, Restraint(settings.to_limits()), mode)
        if not (silent and each.told)
    ]
    if as_json:
        for each in found:
            print_json(_document(each))
        return
    _print_table(found)


@app.command("log")
def show_log(
    ctx: typer.Context,
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="Id, or its beginning.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show who was told of an event, how far each message came, and what went wrong.

    Example: spyoncino alerts log 3f2a9c1b
    """
    deliveries = asyncio.run(_deliveries(options_of(ctx), event_id))
    if as_json:
        for each in deliveries:
            print_json(
                {
                    "channel": each.key.channel,
                    "target": each.key.target,
                    "state": each.state.value,
                    "rule": each.alert.rule,
                    "revision": each.alert.revision,
                    "sent_revision": each.sent_revision,
                    "reason": each.reason,
                }
            )
        return
    table = Table(
        "channel", "whom", "state", "revision", "rule", "why", box=SIMPLE_HEAD, pad_edge=False
    )
    for each in deliveries:
        table.add_row(
            each.key.channel,
            each.key.target,
            each.state.value,
            f"{each.sent_revision} of {each.alert.revision}",
            each.alert.rule,
            each.reason,
        )
    stdout().print(table if deliveries else "nobody was told of this event")


@app.command("mute")
def mute(
    ctx: typer.Context,
    camera: Annotated[str | None, typer.Argument(help="Which one; none: show the mutes.")] = None,
    for_: Annotated[str, typer.Option("--for", help="How long: 30m, 1h, 2d.")] = "1h",
    *,
    off: Annotated[bool, typer.Option("--off", help="Tell of it again.")] = False,
) -> None:
    """Tell nothing new of a camera for a while, not even that somebody rings; or show the mutes.

    Example: spyoncino alerts mute door --for 1h
    """
    options = options_of(ctx)
    if camera is None:
        for each in asyncio.run(_mutes(options)) or ["no camera is muted"]:
            stdout().print(each)
        return
    for_s = 0.0 if off else period(for_, "--for").total_seconds()
    cameras = load_config(load_modules(), file=options.config).settings.cameras
    until = asyncio.run(_mute(options, camera, for_s, cameras))
    stdout().print(
        f"{camera} is not muted"
        if off
        else f"{camera} is muted until {end_of_mute(until, datetime.now().astimezone())}"
    )


async def _mute(
    options: GlobalOptions, camera: str, for_s: float, cameras: Collection[str]
) -> datetime:
    async with open_records(options) as (folder, _):
        return await order_mute(folder, camera, for_s, cameras)


async def _mutes(options: GlobalOptions) -> list[str]:
    async with open_records(options) as (_, database):
        return [
            f"{mute.camera} is muted until {mute.until.astimezone():%Y-%m-%d %H:%M} "
            f"by {mute.author}"
            for mute in await MuteStore(database).in_force(datetime.now(UTC))
        ]


async def _events(options: GlobalOptions, since: datetime) -> list[Event]:
    async with open_records(options) as (_, database):
        return await EventStore(database).find(since=since, limit=MAX_EVENTS)


async def _deliveries(options: GlobalOptions, event_id: str) -> list[Delivery]:
    async with open_records(options) as (_, database):
        event = await find_event(database, event_id)
        return await DeliveryStore(database).of_event(event.event_id)


def _document(each: Rehearsed) -> dict[str, object]:
    return {
        "event_id": each.event.event_id,
        "started_at": each.event.started_at.isoformat(),
        "camera": each.event.camera,
        "type": each.event.type,
        "told": each.told,
        "silent": list(each.silent),
    }


def _print_table(found: list[Rehearsed]) -> None:
    if not found:
        stdout().print("no events in that time")
        return
    table = Table("when", "event", "camera", "type", "told by", box=SIMPLE_HEAD, pad_edge=False)
    for each in found:
        told = [f"[green]{channel}[/]: {rule}" for channel, rule in each.told.items()]
        table.add_row(
            each.event.started_at.astimezone().strftime("%m-%d %H:%M:%S"),
            each.event.event_id[:8],
            each.event.camera,
            each.event.type,
            "\n".join(told or [f"[dim]silent[/] {reason}" for reason in each.silent]),
        )
    console = stdout()
    console.print(table)
    told_count = sum(bool(each.told) for each in found)
    console.print(f"{told_count} of {len(found)} events would have been told; nothing was sent.")
