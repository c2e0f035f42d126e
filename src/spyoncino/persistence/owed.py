"""What a channel still owes, target by target: one that takes nothing hides no other."""

from sqlalchemy import func, select

from spyoncino.persistence.database import Database
from spyoncino.persistence.deliveries import Delivery, _delivery
from spyoncino.persistence.tables import DELIVERIES
from spyoncino.schemas.alerts import DeliveryState


async def owed_by_target(
    database: Database, channel: str, limit: int, target: str | None = None
) -> list[Delivery]:
    """The oldest messages that are still to be told to each target.

    Args:
        database: An open database.
        channel: Which one.
        limit: So many for a target at most.
        target: Only for this one; ``None``: for each.

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
    async with database.read() as connection:
        return [_delivery(row) for row in (await connection.execute(query)).all()]
