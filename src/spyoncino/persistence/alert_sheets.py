"""What is to be told of each event: one row, written before anything of it is published.

A killed program finds here what it had said last, and says it again where it may not have come to
that; a channel ignores a revision that it has.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from spyoncino.persistence.database import Database
from spyoncino.persistence.tables import ALERT_SHEETS
from spyoncino.schemas.alerts import AlertNotification


@dataclass(frozen=True, slots=True)
class AlertSheet:
    """What is told of one event, by all channels.

    Args:
        ref: Id of the event, or the reference of what is told without one.
        owner: Who tells it.
        alerts: Of each channel the newest revision.
        is_open: Whether the owner wants to find it after a restart.
        facts: What the owner keeps with it, as JSON.
    """

    ref: str
    owner: str
    alerts: tuple[AlertNotification, ...]
    is_open: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


class AlertSheetStore:
    """The table of sheets.

    Args:
        database: An open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, sheet: AlertSheet, now: datetime) -> None:
        """Write a sheet, in the place of the one it had."""
        values: dict[str, Any] = {
            "event_id": sheet.ref,
            "owner": sheet.owner,
            "is_open": sheet.is_open,
            "kept_at": now,
            "alerts": [alert.model_dump(mode="json") for alert in sheet.alerts],
            "facts": sheet.facts,
        }
        statement = insert(ALERT_SHEETS).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=[ALERT_SHEETS.c.event_id],
            set_={name: statement.excluded[name] for name in values if name != "event_id"},
        )
        async with self._database.write() as connection:
            await connection.execute(statement)

    async def get(self, ref: str) -> AlertSheet | None:
        """The sheet of an event, if something of it was told or held back."""
        found = await self._all(select(ALERT_SHEETS).where(ALERT_SHEETS.c.event_id == ref))
        return next(iter(found), None)

    async def newest(self, owner: str, since: datetime, limit: int) -> list[AlertSheet]:
        """The sheets that were kept last, oldest first.

        Args:
            owner: Whose.
            since: Sheets that were not kept since then are left out.
            limit: No more than so many.
        """
        query = (
            select(ALERT_SHEETS)
            .where(ALERT_SHEETS.c.owner == owner, ALERT_SHEETS.c.kept_at >= since)
            .order_by(ALERT_SHEETS.c.kept_at.desc())
            .limit(limit)
        )
        return (await self._all(query))[::-1]

    async def open(self, owner: str, since: datetime) -> list[AlertSheet]:
        """The open sheets that were kept since a moment, oldest first."""
        query = (
            select(ALERT_SHEETS)
            .where(
                ALERT_SHEETS.c.owner == owner,
                ALERT_SHEETS.c.is_open,
                ALERT_SHEETS.c.kept_at >= since,
            )
            .order_by(ALERT_SHEETS.c.kept_at)
        )
        return await self._all(query)

    async def close(self, owner: str) -> None:
        """Close every sheet of an owner."""
        statement = (
            update(ALERT_SHEETS)
            .where(ALERT_SHEETS.c.owner == owner, ALERT_SHEETS.c.is_open)
            .values(is_open=False)
        )
        async with self._database.write() as connection:
            await connection.execute(statement)

    async def forget(self, before: datetime) -> int:
        """Delete what was not kept since a moment.

        Returns:
            Rows that were deleted.
        """
        statement = delete(ALERT_SHEETS).where(ALERT_SHEETS.c.kept_at < before)
        async with self._database.write() as connection:
            return await connection.changed(statement)

    async def _all(self, query: Select[Any]) -> list[AlertSheet]:
        async with self._database.read() as connection:
            rows: Iterable[Row[Any]] = (await connection.execute(query)).all()
        return [
            AlertSheet(
                ref=row.event_id,
                owner=row.owner,
                alerts=tuple(map(AlertNotification.model_validate, row.alerts)),
                is_open=row.is_open,
                facts=row.facts,
            )
            for row in rows
        ]
