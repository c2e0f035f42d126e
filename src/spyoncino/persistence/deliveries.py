"""What was told to whom: one row per event, channel and target, newest wish and newest success.

A row is written before anything is sent, so that a killed program knows what it still owes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql.dml import ReturningInsert

from spyoncino.persistence.database import Database
from spyoncino.persistence.tables import DELIVERIES
from spyoncino.schemas.alerts import AlertNotification, DeliveryState


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """Which message: one event, told by one channel to one target."""

    event_ref: str
    channel: str
    target: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message and how far it has come.

    Args:
        key: Which one.
        state: ``sent`` and ``confirmed`` are of ``sent_revision``.
        alert: The newest revision that is wanted.
        sent_revision: The newest one that the far side has; 0: none.
        remote_id: What the far side calls the message; empty before the first success.
        attempts: Failures since the last success.
        retry_at: Not to be tried before; ``None``: at once.
        queued_at: When the first revision was wanted.
        reason: Of the last failure, one sentence.
    """

    key: DeliveryKey
    state: DeliveryState
    alert: AlertNotification
    sent_revision: int
    remote_id: str
    attempts: int
    retry_at: datetime | None
    queued_at: datetime
    reason: str

    @property
    def is_due(self) -> bool:
        """Whether a newer revision is wanted than the far side has."""
        return self.state is not DeliveryState.FAILED and self.sent_revision < self.alert.revision

    @property
    def is_loud(self) -> bool:
        """Whether what is wanted is to be heard: a first message, or one that became urgent."""
        return self.sent_revision < self.alert.loud_revision


class DeliveryStore:
    """The table of deliveries.

    Args:
        database: An open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def want(self, key: DeliveryKey, alert: AlertNotification, now: datetime) -> Delivery:
        """Have a revision told; one that is older than what is wanted already changes nothing.

        A newer revision of a message that was given up is tried again: it may fit where the
        former did not.
        """
        async with self._database.write() as connection:
            row = (await connection.execute(_wanted(key, alert, now))).one_or_none()
            if row is None:  # it stays as it is
                row = (await connection.execute(select(DELIVERIES).where(*_is(key)))).one()
        return _delivery(row)

    async def sent(
        self, key: DeliveryKey, revision: int, remote_id: str, *, confirmed: bool
    ) -> None:
        """Note that the far side has a revision."""
        state = DeliveryState.CONFIRMED if confirmed else DeliveryState.SENT
        await self._set(
            key,
            state=state.value,
            sent_revision=revision,
            remote_id=remote_id,
            attempts=0,
            retry_at=None,
            reason="",
        )

    async def postponed(
        self, key: DeliveryKey, attempts: int, retry_at: datetime, reason: str
    ) -> None:
        """Note a failure that may pass."""
        await self._set(key, attempts=attempts, retry_at=retry_at, reason=reason)

    async def given_up(self, key: DeliveryKey, revision: int, reason: str) -> None:
        """Note that a revision will never be told; a newer one that is wanted by now may be."""
        statement = (
            update(DELIVERIES)
            .where(*_is(key), DELIVERIES.c.wanted_revision == revision)
            .values(state=DeliveryState.FAILED.value, retry_at=None, reason=reason)
        )
        async with self._database.write() as connection:
            await connection.execute(statement)

    async def owed(self, channel: str, limit: int, target: str | None = None) -> list[Delivery]:
        """What a channel still has to tell: a target that takes nothing hides no other.

        Args:
            channel: Which one.
            limit: The oldest so many for each target.
            target: Only for this one; ``None``: for all.

        Returns:
            Oldest first.
        """
        place = func.row_number().over(
            partition_by=DELIVERIES.c.target, order_by=DELIVERIES.c.queued_at
        )
        owed = select(DELIVERIES, place.label("place")).where(
            DELIVERIES.c.channel == channel,
            DELIVERIES.c.state != DeliveryState.FAILED.value,
            DELIVERIES.c.sent_revision < DELIVERIES.c.wanted_revision,
        )
        if target is not None:
            owed = owed.where(DELIVERIES.c.target == target)
        placed = owed.subquery()
        query = select(placed).where(placed.c.place <= limit).order_by(placed.c.queued_at)
        async with self._database.read() as connection:
            return [_delivery(row) for row in (await connection.execute(query)).all()]

    async def of_event(self, event_ref: str) -> list[Delivery]:
        """How far the messages about one event have come, by channel and target."""
        query = (
            select(DELIVERIES)
            .where(DELIVERIES.c.event_id == event_ref)
            .order_by(DELIVERIES.c.channel, DELIVERIES.c.target)
        )
        async with self._database.read() as connection:
            return [_delivery(row) for row in (await connection.execute(query)).all()]

    async def counts(self) -> dict[tuple[str, str], int]:
        """Messages by channel and state."""
        query = select(DELIVERIES.c.channel, DELIVERIES.c.state, func.count()).group_by(
            DELIVERIES.c.channel, DELIVERIES.c.state
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {(channel, state): count for channel, state, count in rows}

    async def forget(self, before: datetime) -> int:
        """Delete what was wanted first before a moment; what is still owed stays.

        Returns:
            Rows that were deleted.
        """
        statement = delete(DELIVERIES).where(
            DELIVERIES.c.queued_at < before,
            (DELIVERIES.c.sent_revision >= DELIVERIES.c.wanted_revision)
            | (DELIVERIES.c.state == DeliveryState.FAILED.value),
        )
        async with self._database.write() as connection:
            return await connection.changed(statement)

    async def _set(self, key: DeliveryKey, **values: Any) -> None:
        async with self._database.write() as connection:
            await connection.execute(update(DELIVERIES).where(*_is(key)).values(values))


def _wanted(
    key: DeliveryKey, alert: AlertNotification, now: datetime
) -> ReturningInsert[*tuple[Any, ...]]:
    """A new row, or in the one that is there what is wanted now if it is newer; gives the row."""
    values: dict[str, Any] = {
        "event_id": key.event_ref,
        "channel": key.channel,
        "target": key.target,
        "state": DeliveryState.QUEUED.value,
        "wanted_revision": alert.revision,
        "sent_revision": 0,
        "remote_id": "",
        "attempts": 0,
        "retry_at": None,
        "queued_at": now,
        "reason": "",
        "alert": alert.model_dump(mode="json"),
    }
    statement = insert(DELIVERIES).values(values)
    return statement.on_conflict_do_update(
        index_elements=[DELIVERIES.c.event_id, DELIVERIES.c.channel, DELIVERIES.c.target],
        set_={name: statement.excluded[name] for name in ("state", "wanted_revision", "alert")},
        where=statement.excluded.wanted_revision > DELIVERIES.c.wanted_revision,
    ).returning(*DELIVERIES.c)


def _is(key: DeliveryKey) -> tuple[Any, ...]:
    return (
        DELIVERIES.c.event_id == key.event_ref,
        DELIVERIES.c.channel == key.channel,
        DELIVERIES.c.target == key.target,
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        key=DeliveryKey(row.event_id, row.channel, row.target),
        state=DeliveryState(row.state),
        alert=AlertNotification.model_validate(row.alert),
        sent_revision=row.sent_revision,
        remote_id=row.remote_id,
        attempts=row.attempts,
        retry_at=None if row.retry_at is None else row.retry_at.replace(tzinfo=UTC),
        queued_at=row.queued_at.replace(tzinfo=UTC),
        reason=row.reason,
    )
