"""Rows of media files, in the order that makes a crash harmless.

A file is written and synced before its row exists. It is removed in three steps: the row is marked
doomed, the file is unlinked, the row is forgotten. Whatever moment a crash hits, a row never points
to a file that was never whole, and only files with a row are ever deleted.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from spyoncino.persistence.database import Database
from spyoncino.persistence.tables import MEDIA
from spyoncino.schemas.media import MediaArtifact


class MediaStore:
    """The index of media files.

    Args:
        database: An open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, artifact: MediaArtifact) -> None:
        """Insert the row, or replace it: a better snapshot has the same path."""
        values: dict[str, Any] = {
            "path": artifact.path,
            "event_id": artifact.event_ref,
            "kind": artifact.kind.value,
            "size_bytes": artifact.size_bytes,
            "created_at": artifact.timestamp,
            "protected": artifact.retention.protected,
            "doomed": False,
            "data": artifact.model_dump(mode="json"),
        }
        statement = insert(MEDIA).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=[MEDIA.c.path],
            set_={name: statement.excluded[name] for name in values if name != "path"},
        )
        async with self._database.write() as connection:
            await connection.execute(statement)

    async def of_event(self, event_id: str) -> list[MediaArtifact]:
        """The files of one event, by kind."""
        query = (
            select(MEDIA.c.data)
            .where(MEDIA.c.event_id == event_id, MEDIA.c.doomed.is_(False))
            .order_by(MEDIA.c.kind)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).scalars().all()
        return [MediaArtifact.model_validate(data) for data in rows]

    async def of_events(self, event_ids: Collection[str]) -> dict[str, list[MediaArtifact]]:
        """The files of several events at once, by event and kind."""
        query = (
            select(MEDIA.c.data)
            .where(MEDIA.c.event_id.in_(event_ids), MEDIA.c.doomed.is_(False))
            .order_by(MEDIA.c.kind)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).scalars().all()
        files: dict[str, list[MediaArtifact]] = {}
        for data in rows:
            artifact = MediaArtifact.model_validate(data)
            files.setdefault(artifact.event_ref, []).append(artifact)
        return files

    async def get(self, path: str) -> MediaArtifact | None:
        """The file of this path; ``None`` when the index has none, or it is about to go."""
        query = select(MEDIA.c.data).where(MEDIA.c.path == path, MEDIA.c.doomed.is_(False))
        async with self._database.read() as connection:
            data = (await connection.execute(query)).scalar_one_or_none()
        return None if data is None else MediaArtifact.model_validate(data)

    async def total_bytes(self) -> int:
        """Bytes of all files in the index."""
        query = select(func.coalesce(func.sum(MEDIA.c.size_bytes), 0))
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def doom_oldest(self, bytes_to_free: int) -> list[MediaArtifact]:
        """Mark the oldest unprotected files that make up the bytes; they may be unlinked now."""
        query = (
            select(MEDIA.c.path, MEDIA.c.size_bytes, MEDIA.c.data)
            .where(MEDIA.c.protected.is_(False), MEDIA.c.doomed.is_(False))
            .order_by(MEDIA.c.created_at, MEDIA.c.path)
        )
        chosen: list[MediaArtifact] = []
        freed = 0
        async with self._database.write() as connection:
            for path, size_bytes, data in (await connection.execute(query)).all():
                if freed >= bytes_to_free:
                    break
                freed += size_bytes
                chosen.append(MediaArtifact.model_validate(data))
                marked = update(MEDIA).where(MEDIA.c.path == path).values(doomed=True)
                await connection.execute(marked)
        return chosen

    async def doomed(self) -> list[MediaArtifact]:
        """Files that were marked but not yet forgotten; a crash may have left some."""
        query = select(MEDIA.c.data).where(MEDIA.c.doomed.is_(True)).order_by(MEDIA.c.path)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).scalars().all()
        return [MediaArtifact.model_validate(data) for data in rows]

    async def forget(self, path: str) -> None:
        """Drop the row of a file that is gone."""
        async with self._database.write() as connection:
            await connection.execute(delete(MEDIA).where(MEDIA.c.path == path))
