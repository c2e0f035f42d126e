"""``spyoncino explain``: why an event became what it is, decision by decision."""

import asyncio
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from spyoncino.cli.options import GlobalOptions, options_of, print_json, stdout
from spyoncino.cli.records import find_event, open_records
from spyoncino.persistence.decisions import DecisionStore
from spyoncino.schemas.decisions import Decision
from spyoncino.schemas.events import Event


def explain(
    ctx: typer.Context,
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="Id, or its beginning.")],
    *,
    stopped: Annotated[
        bool, typer.Option("--stopped", help="Only what was stopped, not what passed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Say why an event came, what each stage compared, and what was stopped meanwhile.

    Example: spyoncino explain 3f2a9c1b
    """
    event, decisions = asyncio.run(_load(options_of(ctx), event_id))
    shown = [decision for decision in decisions if not (stopped and decision.passed)]
    if as_json:
        for decision in shown:
            print_json(decision.model_dump(mode="json"))
        return
    console = stdout()
    title = (
        f"{event.type} at {event.camera}, {event.state.value}: "
        f"{event.start_s:.1f} s to {event.end_s:.1f} s of the camera. {event.reason}"
    )
    console.print(title, markup=False)
    table = Table(
        "seconds", "stage", "about", "", "why", "compared", box=SIMPLE_HEAD, pad_edge=False
    )
    for decision in shown:
        table.add_row(
            _span(decision),
            decision.stage,
            decision.subject,
            "passed" if decision.passed else "[yellow]stopped[/]",
            decision.reason + (f" (×{decision.count})" if decision.count > 1 else ""),
            _comparison(decision),
        )
    console.print(table if shown else "no decisions were kept for this event")


async def _load(options: GlobalOptions, event_id: str) -> tuple[Event, list[Decision]]:
    async with open_records(options) as (_, database):
        event = await find_event(database, event_id)
        return event, await DecisionStore(database).of_event(event.event_id)


def _span(decision: Decision) -> str:
    if decision.count == 1:
        return f"{decision.first_s:.1f}"
    return f"{decision.first_s:.1f}-{decision.last_s:.1f}"


def _comparison(decision: Decision) -> str:
    if decision.value is None:
        return decision.quantity
    limit = "" if decision.limit is None else f", limit {decision.limit:.3g}"
    peak = "" if decision.count == 1 or decision.peak is None else f", most {decision.peak:.3g}"
    return f"{decision.quantity} {decision.value:.3g}{limit}{peak}"
