"""Cameras of which a person wants to hear nothing for a while; one row each."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from spyoncino.persistence.database import Database
from spyoncino.persistence.tables import MUTES


@dataclass(frozen=True, slots=True)
class Mute:
    """Nothing new is told of a camera.

    Args:
        camera: Which one.
        until: Wall time at which it ends.
        author: Who wanted it.
    """

    camera: str
    until: datetime
    author: str


class MuteStore:
    """The table of mutes.

    Args:
        database: An open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, mute: Mute) -> None:
        """Mute a camera; a mute that it had is replaced."""
        values: dict[str, Any] = {
            "camera": mute.camera,
            "until": mute.until,
            "author": mute.author,
        }
        statement = insert(MUTES).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=[MUTES.c.camera],
            set_={name: statement.excluded[name] for name in ("until", "author")},
        )
        async with self._database.write() as connection:
            await connection.execute(statement)

    async def end(self, camera: str) -> None:
        """Tell of a camera again."""
        async with self._database.write() as connection:
            await connection.execute(delete(MUTES).where(MUTES.c.camera == camera))

    async def in_force(self, now: datetime) -> list[Mute]:
        """The mutes that have not ended, by camera."""
        query = select(MUTES).where(MUTES.c.until > now).order_by(MUTES.c.camera)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [Mute(row.camera, row.until.replace(tzinfo=UTC), row.author) for row in rows]
