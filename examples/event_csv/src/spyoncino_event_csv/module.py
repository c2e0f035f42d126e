"""Appends completed events to a CSV file. It never rewrites what stands there."""

import asyncio
import csv
from pathlib import Path

from pydantic import Field

from spyoncino.core.contracts import Consume, ModuleSettings, OutputModule
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError
from spyoncino.schemas.events import Event, EventCompleted
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import EVENT_COMPLETED

HEADINGS = ("event_id", "camera", "type", "labels", "started_at", "ended_at", "presses")


class EventCsvSettings(ModuleSettings):
    """Section ``event_csv``: where the file is."""

    path: Path | None = Field(
        default=None, description="The file; events.csv in the data folder when it is left out."
    )


class EventCsv(OutputModule[EventCsvSettings]):
    """Writes one line for each completed event into a CSV file."""

    name = "output.event_csv"
    section = "event_csv"
    settings_model = EventCsvSettings
    consumes = (Consume(EVENT_COMPLETED, "on_completed", Policy.BLOCK, durable=True),)

    _error = ""

    async def start(self) -> None:
        """Read which events stand in the file already."""
        self._path = self.settings.path or self.context.data.root / "events.csv"
        self._written = await asyncio.to_thread(_ids_in, self._path)

    async def stop(self) -> None:
        """The file is open only while a line is written."""

    async def health(self) -> HealthStatus:
        """Degraded while the file cannot be written; the bus repeats what was not."""
        written = float(len(getattr(self, "_written", ())))
        state = HealthState.DEGRADED if self._error else HealthState.OK
        return HealthStatus(state=state, detail=self._error, numbers={"lines": written})

    async def on_completed(self, news: EventCompleted) -> None:
        """Write a line, unless it is there: a durable topic may repeat a message."""
        event = news.event
        if event.event_id in self._written:
            return
        try:
            await asyncio.to_thread(_append, self._path, event)
        except OSError as error:
            self._error = f"{self._path} cannot be written: {error.strerror}"
            raise StorageError(self._error) from error
        self._error = ""
        self._written.add(event.event_id)


def _ids_in(path: Path) -> set[str]:
    if not path.exists():
        return set()
    with path.open(newline="", encoding="utf-8") as file:
        return {row["event_id"] for row in csv.DictReader(file)}


def _append(path: Path, event: Event) -> None:
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(HEADINGS)
        writer.writerow(
            (
                event.event_id,
                event.camera,
                event.type,
                " ".join(event.labels),
                event.started_at.isoformat(),
                event.ended_at.isoformat(),
                len(event.presses),
            )
        )
