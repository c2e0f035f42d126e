"""An open database and events to put into it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from spyoncino.persistence.database import Database
from spyoncino.schemas.events import Event, EventState

MORNING = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(tmp_path / "spyoncino.db")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def make_event() -> Callable[..., Event]:
    def make(event_id: str = "e1", minutes: float = 0.0, **changes: Any) -> Event:
        start = MORNING + timedelta(minutes=minutes)
        facts: dict[str, Any] = {
            "event_id": event_id,
            "camera": "door",
            "type": "person",
            "state": EventState.CREATED,
            "labels": ("person",),
            "start_s": minutes * 60,
            "end_s": minutes * 60 + 5,
            "started_at": start,
            "ended_at": start + timedelta(seconds=5),
        }
        return Event(**{**facts, **changes})

    return make
