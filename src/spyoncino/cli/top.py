"""``spyoncino top``: the running system at a glance, in any terminal, over ssh too."""

import asyncio
import time
from collections import Counter
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from spyoncino.cli.options import options_of, print_json, stdout
from spyoncino.core.control_desk import ask_main
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.core.top_snapshot import ORDER

EVERY_S = 1.0
SMALL_LINES = 24
"""The terminal for which the numbers of rows are chosen; a higher one shows more."""

STATES = {
    **dict.fromkeys(("ok", "live", "idle", "busy", "completed"), "green"),
    **dict.fromkeys(("starting", "connecting", "degraded", "created", "processing"), "yellow"),
    **dict.fromkeys(("failed", "stalled", "retrying", "given_up", "waiting"), "red"),
}


def top(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Show one moment and end.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One moment as JSON, with everything; implies --once.")
    ] = False,
) -> None:
    """Watch the running system: cameras, stages, queues, workers, memory, events.

    Example: spyoncino top --once
    """
    options = options_of(ctx)
    socket = DataFolder(resolve_data_dir(options.data, options.config)).socket

    def look() -> dict[str, Any]:
        answer: dict[str, Any] = asyncio.run(ask_main(socket, ORDER))
        return answer

    if as_json:
        print_json(look())
        return
    console = stdout()
    if once or not console.is_terminal:
        console.print(render(look(), console, is_whole=True))
        return
    try:
        with Live(
            render(look(), console), console=console, screen=True, auto_refresh=False
        ) as shown:
            while True:
                time.sleep(EVERY_S)
                shown.update(render(look(), console), refresh=True)
    except KeyboardInterrupt:  # the way to leave it
        return


def render(facts: dict[str, Any], console: Console, *, is_whole: bool = False) -> RenderableType:
    """The picture of one moment.

    Args:
        facts: Answer of main.
        console: Where it is shown; its height says how many rows there is room for.
        is_whole: Show every row, however long it becomes.
    """
    more = 1000 if is_whole else max(0, console.height - SMALL_LINES)
    below = Table.grid(expand=True, padding=(0, 2))
    below.add_column(width=40)
    below.add_column(ratio=1)
    below.add_row(
        _stages(facts), Group(_workers(facts, 3 + more), Text(), _queues(facts, min(12, 4 + more)))
    )
    return Group(
        _head(facts),
        _cameras(facts, 3 + more // 2),
        below,
        _losses(facts),
        _events(facts, 3 + more // 2),
    )


def _head(facts: dict[str, Any]) -> Text:
    state = facts["state"]
    memory = sum(facts["memory_bytes"].values()) / 1e6
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"spyoncino {facts['version']}", style="bold")
    text.append(f"  up {_duration(facts['uptime_s'])}  memory {memory:.0f} MB  ")
    text.append(state, style=STATES.get(state, ""))
    text.append(f"  {facts['detail']}" if facts["detail"] else "")
    return text


def _table(*columns: str) -> Table:
    """A table without lines; a name before ``>`` is set to the right."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold cyan")
    for column in columns:
        name, _, side = column.partition(">")
        right = column.endswith(">") or bool(side)
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    return table


def _cameras(facts: dict[str, Any], rows: int) -> Table:
    table = _table("CAMERA", "STATE", "FPS>", "LIVE>", "GAPS>", "LOST>", "RESTARTS>", "")
    for camera in facts["cameras"][:rows]:
        table.add_row(
            camera["camera"],
            _state(camera["state"]),
            f"{camera['per_s']:.1f}",
            f"{camera['available']:.1%}",
            str(camera["gaps"]),
            _duration(camera["lost_s"]),
            str(camera["restarts"]),
            Text("asleep" if camera["asleep"] else camera["error"], style="dim"),
        )
    _say_left_out(table, len(facts["cameras"]) - rows)
    return table


def _stages(facts: dict[str, Any]) -> Table:
    table = _table("STAGE (ms)", "/S>", "P50>", "P95>", "MAY>")
    for stage in facts["stages"]:
        budget = stage["budget_ms"]
        is_late = budget is not None and stage["p95_ms"] > budget
        table.add_row(
            stage["stage"],
            f"{stage['per_s']:.1f}",
            f"{stage['p50_ms']:.0f}" if stage["count"] else "",
            Text(f"{stage['p95_ms']:.0f}" if stage["count"] else "", "red" if is_late else ""),
            "" if budget is None else f"{budget:.0f}",
        )
    return table


def _workers(facts: dict[str, Any], rows: int) -> Table:
    table = _table("WORKER", "STATE", "BUSY>", "JOBS>", "NEW>")
    for worker in facts["workers"][:rows]:
        table.add_row(
            worker["worker"],
            _state(worker["state"]),
            f"{worker['busy']:.0%}",
            str(worker["jobs"]),
            str(worker["restarts"]),
        )
    _say_left_out(table, len(facts["workers"]) - rows)
    return table


def _queues(facts: dict[str, Any], rows: int) -> Table:
    table = _table("QUEUE", "WAIT>", "LAG>", "LOST>")
    table.columns[0].max_width = 18
    table.columns[0].overflow = "ellipsis"
    for queue in facts["queues"][:rows]:
        lost = queue["dropped"] + queue["failed"]
        table.add_row(
            queue["subscriber"],
            f"{queue['depth']}/{queue['capacity']}",
            f"{queue['lag_s']:.1f}s",
            Text(str(lost), "red" if queue["failed"] else ""),
        )
    return table


def _losses(facts: dict[str, Any]) -> Text:
    counts: Counter[str] = Counter()
    for loss in facts["losses"]:
        counts[f"{loss['where']} {loss['reason'].partition(':')[0]}"] += loss["count"]
    words = [f"{what} {count}" for what, count in counts.most_common()]
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("LOST ", style="bold cyan")
    text.append(", ".join(words) if words else "nothing")
    return text


def _events(facts: dict[str, Any], rows: int) -> Table:
    table = _table("EVENT", "CAMERA", "TYPE", "STATE", "S>", "WHAT")
    for event in facts["events"][:rows]:
        rang = [f"rang {event['presses']}×"] if event["presses"] else []
        table.add_row(
            f"{datetime.fromisoformat(event['at']).astimezone():%H:%M:%S}",
            event["camera"],
            event["type"],
            _state(event["state"]),
            f"{event['seconds']:.0f}",
            ", ".join([*event["labels"], *rang]),
        )
    return table


def _say_left_out(table: Table, count: int) -> None:
    if count > 0:
        table.add_row(Text(f"and {count} more", style="dim"))


def _state(state: str) -> Text:
    return Text(state, style=STATES.get(state, ""))


def _duration(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if hours >= 48:
        return f"{hours // 24} d"
    if hours:
        return f"{hours} h {minutes % 60:02d}"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
