"""Rows of decisions: why an event became what it is."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from spyoncino.persistence.database import Database
from spyoncino.persistence.tables import DECISIONS
from spyoncino.schemas.decisions import Decision

_COLUMNS = (
    "stage",
    "camera",
    "subject",
    "passed",
    "reason",
    "quantity",
    "value",
    "limit",
    "peak",
    "first_s",
    "last_s",
    "count",
)


class DecisionStore:
    """Keeps the decisions of events.

    Args:
        database: An open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, event_id: str, decisions: Sequence[Decision]) -> None:
        """Store the decisions of an event in place of what was there."""
        rows = [
            {"event_id": event_id, **{name: getattr(decision, name) for name in _COLUMNS}}
            for decision in decisions
        ]
        async with self._database.write() as connection:
            await connection.execute(delete(DECISIONS).where(DECISIONS.c.event_id == event_id))
            if rows:
                await connection.execute(insert(DECISIONS), rows)

    async def of_event(self, event_id: str) -> list[Decision]:
        """The decisions of an event in the order of camera time."""
        query = (
            select(DECISIONS)
            .where(DECISIONS.c.event_id == event_id)
            .order_by(DECISIONS.c.first_s, DECISIONS.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            Decision(event_ref=event_id, **{name: row[name] for name in _COLUMNS}) for row in rows
        ]
