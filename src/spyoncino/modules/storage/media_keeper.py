"""Keeps the index of media files and holds them under a byte cap.

Only files that stand in the index are ever deleted, oldest unprotected first. A file that could
not be indexed, because the database is locked or the disk is full for a while, waits here and is
tried again; health says so meanwhile.
"""

import asyncio
import shutil
from pathlib import Path

from pydantic import ByteSize, Field

from spyoncino.core.contracts import Consume, ModuleSettings, StorageModule
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas import topics
from spyoncino.schemas.media import MediaArtifact, StorageAck
from spyoncino.schemas.status import HealthState, HealthStatus

DRAIN_ATTEMPTS = 5
RETRY_S = 1.0
"""Until a file that could not be indexed is tried again."""


class MediaKeeperSettings(ModuleSettings):
    """How much the files of events may take."""

    max_bytes: ByteSize = Field(
        default=ByteSize(10_000_000_000),
        description="Cap for all event media, for example 10GB; the oldest unprotected go first.",
    )
    min_free_bytes: ByteSize = Field(
        default=ByteSize(500_000_000),
        description="Space that stays free on the disk; below it the oldest media go too.",
    )


class MediaKeeper(StorageModule[MediaKeeperSettings]):
    """Indexes ``event.media.ready`` and removes what is over the cap."""

    name = "storage.media_keeper"
    section = "media"
    settings_model = MediaKeeperSettings
    consumes = (Consume(topics.MEDIA_READY, "on_media", Policy.BLOCK),)
    publishes = (topics.MEDIA_STORED, topics.MEDIA_REMOVED)

    async def start(self) -> None:
        """Finish removals that a crash interrupted, then begin to retry what cannot be indexed."""
        self._media = MediaStore(self.context.database)
        self._total_bytes = await self._media.total_bytes()
        self._removed = 0
        self._last_error = ""
        self._waiting: dict[str, MediaArtifact] = {}
        self._indexing = asyncio.Lock()
        await self._unlink(await self._media.doomed())
        self._retrying = asyncio.create_task(self._retry_forever(), name=self.name)

    async def stop(self) -> None:
        """Stop retrying; ``drain`` has tried before."""
        retrying = getattr(self, "_retrying", None)
        if retrying is not None:
            retrying.cancel()
            await asyncio.gather(retrying, return_exceptions=True)

    async def on_media(self, artifact: MediaArtifact) -> None:
        """Write the row of a finished file, then keep the cap."""
        self._waiting[artifact.path] = artifact
        await self._index_waiting()

    async def drain(self) -> None:
        """Try a bounded number of times to index what waits.

        Raises:
            StorageError: Some files could not be indexed.
        """
        for _ in range(DRAIN_ATTEMPTS):
            await self._index_waiting()
            if not self._waiting:
                return
            await self.context.clock.sleep(RETRY_S)
        raise StorageError(
            f"{len(self._waiting)} media files are on disk but not in the index: {self._last_error}"
        )

    async def health(self) -> HealthStatus:
        """Degraded while the index or the disk refuses."""
        numbers = {
            "waiting": float(len(getattr(self, "_waiting", ()))),
            "bytes": float(getattr(self, "_total_bytes", 0)),
            "max_bytes": float(self.settings.max_bytes),
            "removed": float(getattr(self, "_removed", 0)),
        }
        error = getattr(self, "_last_error", "")
        if error:
            return HealthStatus(state=HealthState.DEGRADED, detail=error, numbers=numbers)
        return HealthStatus(numbers=numbers)

    async def _retry_forever(self) -> None:
        while True:
            await self.context.clock.sleep(RETRY_S)
            await self._index_waiting()

    async def _index_waiting(self) -> None:
        async with self._indexing:
            for path, artifact in list(self._waiting.items()):
                try:
                    await self._index(artifact)
                except StorageError as error:
                    if str(error) != self._last_error:
                        self.context.log.error("media not indexed yet", path=path, error=str(error))
                    self._last_error = str(error)
                    return
                self._last_error = ""

    async def _index(self, artifact: MediaArtifact) -> None:
        await self._media.add(artifact)
        if self._waiting.get(artifact.path) is artifact:
            del self._waiting[artifact.path]
        self._total_bytes = await self._media.total_bytes()
        await self._publish(topics.MEDIA_STORED, "stored", artifact)
        await self._keep_cap()

    async def _keep_cap(self) -> None:
        free = (await asyncio.to_thread(shutil.disk_usage, self.context.data.root)).free
        too_much = self._total_bytes - int(self.settings.max_bytes)
        too_little_free = int(self.settings.min_free_bytes) - free
        surplus = max(too_much, too_little_free)
        if surplus > 0:
            await self._unlink(await self._media.doom_oldest(surplus))

    async def _unlink(self, artifacts: list[MediaArtifact]) -> None:
        for artifact in artifacts:
            path = self.context.data.root / artifact.path
            await asyncio.to_thread(_remove_file, path)
            await self._media.forget(artifact.path)
            self._removed += 1
            self.context.log.info("media removed to keep the cap", path=artifact.path)
            await self._publish(topics.MEDIA_REMOVED, "removed", artifact)
        if artifacts:
            self._total_bytes = await self._media.total_bytes()

    async def _publish(
        self, topic: topics.Topic[StorageAck], action: str, artifact: MediaArtifact
    ) -> None:
        acknowledgement = StorageAck(
            source=self.name,
            correlation_id=artifact.event_ref,
            subject="media",
            action=action,
            key=artifact.path,
            event_ref=artifact.event_ref,
        )
        await self.publish(topic, acknowledgement)


def _remove_file(path: Path) -> None:
    path.unlink(missing_ok=True)
    try:
        path.parent.rmdir()
    except OSError:
        return  # other files of the event are still there
