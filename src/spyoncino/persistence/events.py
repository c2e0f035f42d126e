"""Rows of events."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, RowMapping, Select, func, select, true
from sqlalchemy.dialects.sqlite import insert

from spyoncino.persistence.database import Database
from spyoncino.persistence.tables import EVENTS
from spyoncino.schemas.events import CLOSED_STATES, Event, EventState

_OPEN = tuple(state for state in EventState if state not in CLOSED_STATES)

_GIVES_WAY_TO: dict[EventState, tuple[EventState, ...]] = {
    **dict.fromkeys(_OPEN, _OPEN),
    EventState.FAILED: (*_OPEN, EventState.FAILED),
    EventState.COMPLETED: tuple(EventState),
}
"""State to the states of a row that it may replace."""


class EventStore:
    """Keeps events; one row each, written again while the event grows.

    Args:
        database: An open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, event: Event, *, processing_time_ms: float | None = None) -> None:
        """Insert the event or replace its row; saving the same event twice changes nothing.

        A closed event is never opened again by a late message, and a completed one never failed. A
        time that is known already is kept.
        """
        values = _row_of(event, processing_time_ms)
        statement = insert(EVENTS).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=[EVENTS.c.id],
            set_={
                **{name: statement.excluded[name] for name in values if name != "id"},
                "processing_time_ms": func.coalesce(
                    statement.excluded.processing_time_ms, EVENTS.c.processing_time_ms
                ),
            },
            where=EVENTS.c.status.in_(_GIVES_WAY_TO[event.state]),
        )
        async with self._database.write() as connection:
            await connection.execute(statement)

    async def get(self, event_id: str) -> Event | None:
        """One event by its id, or by the beginning of its id when that is unambiguous."""
        query = select(EVENTS).where(EVENTS.c.id.startswith(event_id, autoescape=True)).limit(2)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return _event_of(rows[0]) if len(rows) == 1 else None

    async def holders_of_press(self, press_id: str, camera: str, near: datetime) -> list[str]:
        """Ids of the events that a press belongs to, among those of its camera and day.

        Args:
            press_id: ``event_id`` of the press.
            camera: Its camera.
            near: When it was made; events that began more than a day from it are not looked at.
        """
        held = func.json_each(EVENTS.c.data, "$.press_ids").table_valued("value")
        query = (
            select(EVENTS.c.id)
            .select_from(EVENTS.join(held, true()))
            .where(
                EVENTS.c.camera == camera,
                EVENTS.c.created_at >= near.astimezone(UTC) - timedelta(days=1),
                EVENTS.c.created_at <= near.astimezone(UTC) + timedelta(days=1),
                held.c.value == press_id,
            )
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def find(
        self,
        *,
        camera: str | None = None,
        event_type: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: Event | None = None,
        limit: int = 100,
    ) -> list[Event]:
        """Newest first; every condition may be left out.

        ``before``: only events that come after this one in the list, for the next page.
        """
        query = select(EVENTS).order_by(EVENTS.c.created_at.desc(), EVENTS.c.id).limit(limit)
        query = _filtered(query, camera, event_type, since, until)
        if before is not None:
            begun = before.started_at.astimezone(UTC)
            query = query.where(
                (EVENTS.c.created_at < begun)
                | ((EVENTS.c.created_at == begun) & (EVENTS.c.id > before.event_id))
            )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [_event_of(row) for row in rows]

    async def fail_unfinished(self, reason: str, now: datetime) -> list[Event]:
        """Close the events that a killed run left open, and tell which.

        Returns:
            The events as they stand now: state failed, with the reason.
        """
        query = select(EVENTS).where(EVENTS.c.status.not_in(CLOSED_STATES))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        closed = [failed(_event_of(row), reason, now) for row in rows]
        for event in closed:
            await self.save(event)
        return closed

    async def counts(
        self,
        *,
        camera: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[int, list[tuple[str, str, int]]]:
        """Events in a period: all of them, and how many for each camera and label."""
        label = func.json_each(EVENTS.c.data, "$.labels").table_valued("value")
        total = _filtered(select(func.count()).select_from(EVENTS), camera, None, since, until)
        by_label = _filtered(
            select(EVENTS.c.camera, label.c.value, func.count())
            .select_from(EVENTS.join(label, true()))
            .group_by(EVENTS.c.camera, label.c.value)
            .order_by(EVENTS.c.camera, label.c.value),
            camera,
            None,
            since,
            until,
        )
        async with self._database.read() as connection:
            number = int((await connection.execute(total)).scalar_one())
            rows = (await connection.execute(by_label)).all()
        return number, [(name, text, count) for name, text, count in rows]

    async def statistics(self) -> dict[str, Any]:
        """Counts by type and by state, and the mean time from creation to completion."""
        query = select(
            EVENTS.c.event_type,
            EVENTS.c.status,
            func.count().label("events"),
            func.avg(EVENTS.c.processing_time_ms).label("mean_ms"),
        ).group_by(EVENTS.c.event_type, EVENTS.c.status)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {
            "total": sum(row["events"] for row in rows),
            "by_type": _summed(rows, "event_type"),
            "by_status": _summed(rows, "status"),
            "mean_processing_ms": {
                row["event_type"]: row["mean_ms"] for row in rows if row["mean_ms"] is not None
            },
        }


def _summed(rows: Sequence[RowMapping], column: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row[column]] = counts.get(row[column], 0) + row["events"]
    return counts


def _filtered(
    query: Select[Any],
    camera: str | None,
    event_type: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Select[Any]:
    if camera is not None:
        query = query.where(EVENTS.c.camera == camera)
    if event_type is not None:
        query = query.where(EVENTS.c.event_type == event_type)
    if since is not None:
        query = query.where(EVENTS.c.created_at >= since.astimezone(UTC))
    if until is not None:
        query = query.where(EVENTS.c.created_at <= until.astimezone(UTC))
    return query


def _row_of(event: Event, processing_time_ms: float | None) -> dict[str, Any]:
    closed = event.state in CLOSED_STATES
    return {
        "id": event.event_id,
        "event_type": event.type,
        "status": event.state.value,
        "created_at": event.started_at.astimezone(UTC),
        "completed_at": event.ended_at.astimezone(UTC) if closed else None,
        "data": event.model_dump(mode="json"),
        "metadata": {"reason": event.reason, "successor_of": event.successor_of},
        "processing_time_ms": processing_time_ms,
        "error_message": event.reason if event.state is EventState.FAILED else None,
        "camera": event.camera,
    }


def _event_of(row: Row[Any]) -> Event:
    return Event.model_validate(row._mapping["data"])  # noqa: SLF001 - SQLAlchemy's public name


def failed(event: Event, reason: str, now: datetime) -> Event:
    """The event as one that will never be completed."""
    transitions = {**event.transitions, EventState.FAILED.value: now}
    return event.model_copy(
        update={"state": EventState.FAILED, "reason": reason, "transitions": transitions}
    )
