"""Relabels the past: whom the faces of kept events belong to, once that is known better."""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Select, func, or_, select, true, update

from spyoncino.persistence.database import Database
from spyoncino.persistence.tables import EVENTS
from spyoncino.schemas.events import Event, Identity

Rewrite = Callable[[str, Identity], Identity | None]
"""Takes the event's id and one of its identities; returns what it is now, or none: leave it out."""

BATCH = 200
"""Events in one transaction: some milliseconds, so that a new event does not wait."""


class EventIdentities:
    """The identities of kept events.

    Args:
        database: An open database.
        story_of: Tells an event anew once its identities are others; without it the story stays.
    """

    def __init__(self, database: Database, story_of: Callable[[Event], str] | None = None) -> None:
        self._database = database
        self._story_of = story_of

    async def of_person(self, person_id: str, name: str) -> list[str]:
        """Ids of events in which somebody is told, or is the one whom a face resembles."""
        identity = func.json_each(EVENTS.c.data, "$.identities").table_valued("value")
        field = _field_of(identity.c.value)
        told = or_(
            field("person_id") == person_id,
            field("name").in_((person_id, name)),
            field("resembles").in_((person_id, name)),
        )
        return await self._ids(
            select(EVENTS.c.id).select_from(EVENTS.join(identity, true())).where(told)
        )

    async def of_stranger(self, number: int) -> list[str]:
        """Ids of events in which a stranger is told."""
        identity = func.json_each(EVENTS.c.data, "$.identities").table_valued("value")
        told = _field_of(identity.c.value)("stranger") == number
        return await self._ids(
            select(EVENTS.c.id).select_from(EVENTS.join(identity, true())).where(told)
        )

    async def rewrite(self, event_ids: Collection[str], rewrite: Rewrite) -> tuple[str, ...]:
        """Pass every identity of some events through a function; ids without an event are ignored.

        Returns:
            Ids of the events that changed.

        Raises:
            StorageError: The disk refused; events before it may be rewritten already, and doing it
                again changes nothing in them.
        """
        ordered = sorted(event_ids)
        changed: list[str] = []
        for start in range(0, len(ordered), BATCH):
            changed += await self._rewrite_batch(ordered[start : start + BATCH], rewrite)
        return tuple(changed)

    async def _rewrite_batch(self, event_ids: list[str], rewrite: Rewrite) -> list[str]:
        changed = []
        async with self._database.write() as connection:
            query = select(EVENTS.c.id, EVENTS.c.data).where(EVENTS.c.id.in_(event_ids))
            for event_id, data in (await connection.execute(query)).all():
                event = Event.model_validate(data)
                rewritten = [rewrite(event_id, identity) for identity in event.identities]
                identities = tuple(each for each in rewritten if each is not None)
                if identities == event.identities:
                    continue
                after = event.model_copy(update={"identities": identities})
                if self._story_of is not None:
                    after = after.model_copy(update={"story": self._story_of(after)})
                await connection.execute(
                    update(EVENTS)
                    .where(EVENTS.c.id == event_id)
                    .values(data=after.model_dump(mode="json"))
                )
                changed.append(event_id)
        return changed

    async def _ids(self, query: Select[tuple[str]]) -> list[str]:
        async with self._database.read() as connection:
            rows = (await connection.execute(query.distinct())).all()
        return [str(row[0]) for row in rows]


def _field_of(value: Any) -> Callable[[str], Any]:
    return lambda name: func.json_extract(value, f"$.{name}")
