"""The events of this run in the terminal: a live table, or lines where there is no terminal."""

from collections import OrderedDict
from typing import Literal

from pydantic import Field
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, DashboardModule, ModuleSettings
from spyoncino.core.queues import Policy
from spyoncino.events.story import names_of
from spyoncino.schemas import topics
from spyoncino.schemas.events import Event, EventState, EventUpdate
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import CameraStatus, HealthStatus

ROWS_KEPT = 12
"""Newest events in the table; a terminal has 24 lines, two go to each picture's path."""

STATE_COLOURS = {
    EventState.CREATED: "yellow",
    EventState.PROCESSING: "yellow",
    EventState.COMPLETED: "green",
    EventState.FAILED: "red",
}


class ConsoleSettings(ModuleSettings):
    """Section ``console``: what is shown in the terminal."""

    show: Literal["off", "lines", "table", "auto"] = Field(
        default="off",
        description="off: nothing; lines: one line per change; table: a live table; "
        "auto: table on a terminal, else lines.",
    )


class EventRow:
    """One event and the files it has so far."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.media: dict[MediaKind, str] = {}


class ConsoleDashboard(DashboardModule[ConsoleSettings]):
    """Shows cameras and events as they happen."""

    name = "dashboard.console"
    section = "console"
    settings_model = ConsoleSettings
    fixed_at_start = frozenset(ConsoleSettings.model_fields)
    consumes = (
        Consume(topics.EVENT_CREATED, "on_event", Policy.DROP_OLDEST),
        Consume(topics.EVENT_UPDATED, "on_event", Policy.DROP_OLDEST),
        Consume(topics.EVENT_COMPLETED, "on_event", Policy.DROP_OLDEST),
        Consume(topics.MEDIA_READY, "on_media", Policy.DROP_OLDEST),
        Consume(topics.STATUS_CAMERA, "on_camera", Policy.DROP_OLDEST),
    )

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._console = Console(highlight=False)
        self._live: Live | None = None
        self._rows: OrderedDict[str, EventRow] = OrderedDict()
        self._cameras: dict[str, CameraStatus] = {}
        self._shown = "off"

    async def start(self) -> None:
        """Take the terminal, if it is wanted and there is one."""
        self._shown = self.settings.show
        if self._shown == "auto":
            self._shown = "table" if self._console.is_terminal else "lines"
        if self._shown == "table":
            self._live = Live(self._render(), console=self._console, auto_refresh=False)
            self._live.start()

    async def stop(self) -> None:
        """Give the terminal back; the last table stays on it."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    async def health(self) -> HealthStatus:
        """Nothing can go wrong here that matters."""
        return HealthStatus(numbers={"events": float(len(self._rows))})

    async def on_event(self, update: EventUpdate) -> None:
        """Show a new state of an event."""
        event = update.event
        row = self._rows.get(event.event_id)
        is_news = row is None or row.event.state is not event.state or _is_told_anew(row, event)
        if row is None:
            row = self._rows[event.event_id] = EventRow(event)
            while len(self._rows) > ROWS_KEPT:
                self._rows.popitem(last=False)
        row.event = event
        if is_news:
            self._say(_line(event))
        self._refresh()

    async def on_media(self, artifact: MediaArtifact) -> None:
        """Show where a file is."""
        row = self._rows.get(artifact.event_ref)
        path = str(self.context.data.root / artifact.path)
        if row is not None and row.media.get(artifact.kind) != path:
            row.media[artifact.kind] = path
            self._say(f"{artifact.camera:<10} {artifact.kind.value:<10} {path}")
            self._refresh()

    async def on_camera(self, status: CameraStatus) -> None:
        """Show the state of a camera."""
        before = self._cameras.get(status.camera)
        self._cameras[status.camera] = status
        if before is None or before.state is not status.state:
            self._say(f"{status.camera:<10} is {status.state.value} {status.detail}".rstrip())
        self._refresh()

    def _say(self, line: str) -> None:
        if self._shown == "lines":
            self._console.print(line, markup=False, soft_wrap=True)

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self._render(), refresh=True)

    def _render(self) -> RenderableType:
        cameras = Text("  ").join(
            Text(f"{status.camera}: {status.state.value}", style="bold")
            for status in self._cameras.values()
        )
        table = Table("when", "camera", "type", "state", "seconds", "what", expand=True)
        for row in reversed(self._rows.values()):
            event = row.event
            table.add_row(
                event.started_at.astimezone().strftime("%H:%M:%S"),
                event.camera,
                event.type,
                Text(event.state.value, style=STATE_COLOURS[event.state]),
                f"{event.end_s - event.start_s:.1f}",
                _what(event, row),
            )
        return Group(cameras, table)


def _is_told_anew(row: EventRow, event: Event) -> bool:
    before = row.event
    is_other = before.labels != event.labels or len(before.presses) != len(event.presses)
    return is_other or names_of(before) != names_of(event)


def _what(event: Event, row: EventRow) -> str:
    parts = [", ".join(names_of(event)), ", ".join(event.labels)]
    if event.presses:
        parts.append(f"rang {len(event.presses)}×")
    if row.media:
        parts.append("+ " + ", ".join(sorted(kind.value for kind in row.media)))
    return "  ".join(part for part in parts if part)


def _line(event: Event) -> str:
    at = event.started_at.astimezone().strftime("%H:%M:%S")
    labels = ", ".join(event.labels)
    who = ", ".join(names_of(event))
    labels = f"{who}, {labels}" if who and labels else who or labels
    rang = f", rang {len(event.presses)}×" if event.presses else ""
    lasted = f"{event.end_s - event.start_s:.1f} s"
    return (
        f"{event.camera:<10} {event.state.value:<10} {event.type} at {at}, {lasted}: {labels}{rang}"
    )
