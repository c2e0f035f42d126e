"""Keeps the index of media files and holds them under a byte cap.

Only files that stand in the index are ever deleted, oldest unprotected first. A file that could
not be indexed, because the database is locked, the disk is full for a while or the program was
killed, is told again by the bus, or in runs without outbox waits here; health says so meanwhile.
"""

import asyncio
import shutil
from pathlib import Path

from pydantic import ByteSize, Field

from spyoncino.core.contracts import DURABLE_CAPACITY, Consume, ModuleSettings, StorageModule
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError
from spyoncino.modules.chores import Chores
from spyoncino.modules.unsaved import Unsaved
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas import topics
from spyoncino.schemas.media import MediaArtifact, StorageAck
from spyoncino.schemas.status import HealthState, HealthStatus

SWEEP_S = 30.0
"""Between two looks at the disk: others may fill it, too, while no event happens here."""

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
    consumes = (
        Consume(topics.MEDIA_READY, "on_media", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
    )
    publishes = (topics.MEDIA_STORED, topics.MEDIA_REMOVED)

    async def start(self) -> None:
        """Finish removals that a crash interrupted, then begin to retry what cannot be indexed."""
        self._media = MediaStore(self.context.database)
        self._total_bytes = await self._media.total_bytes()
        self._removed = 0
        await self._unlink(await self._media.doomed())
        self._unindexed: Unsaved[MediaArtifact] = Unsaved(
            self._media.add,
            self.context.clock,
            RETRY_S,
            self.context.log,
            "media not indexed yet",
            self._on_indexed,
            is_repeated_by_bus=self.context.bus.critical is not None,
        )
        self._unindexed.start(self.name)
        self._keeping = asyncio.Lock()
        self._chores = Chores(self.context.log)
        if not self.context.lossless:
            self._chores.start(self._sweep(), "look at the disk")

    async def stop(self) -> None:
        """Stop retrying; ``drain`` has tried before."""
        chores: Chores | None = getattr(self, "_chores", None)
        if chores is not None:
            await chores.cancel()
        unindexed: Unsaved[MediaArtifact] | None = getattr(self, "_unindexed", None)
        if unindexed is not None:
            await unindexed.stop()

    async def on_media(self, artifact: MediaArtifact) -> None:
        """Write the row of a finished file, then keep the cap.

        Raises:
            StorageError: The index or the disk refused, and the bus repeats.
        """
        if not await asyncio.to_thread((self.context.data.root / artifact.path).exists):
            self.context.log.info("a file is gone before its row came", path=artifact.path)
            return
        await self._unindexed.add(artifact.path, artifact)

    async def drain(self) -> None:
        """Try a bounded number of times to index what waits.

        Raises:
            StorageError: Some files could not be indexed.
        """
        if not await self._unindexed.drain():
            raise StorageError(
                f"{len(self._unindexed)} media files are on disk but not in the index: "
                f"{self._unindexed.last_error}"
            )

    async def health(self) -> HealthStatus:
        """Degraded while the index or the disk refuses."""
        unindexed: Unsaved[MediaArtifact] | None = getattr(self, "_unindexed", None)
        numbers = {
            "waiting": float(len(unindexed) if unindexed is not None else 0),
            "bytes": float(getattr(self, "_total_bytes", 0)),
            "max_bytes": float(self.settings.max_bytes),
            "removed": float(getattr(self, "_removed", 0)),
        }
        if unindexed is not None and unindexed.last_error:
            detail = unindexed.last_error
            return HealthStatus(state=HealthState.DEGRADED, detail=detail, numbers=numbers)
        return HealthStatus(numbers=numbers)

    async def _on_indexed(self, artifact: MediaArtifact) -> None:
        self._total_bytes = await self._media.total_bytes()
        await self._publish(topics.MEDIA_STORED, "stored", artifact)
        await self._keep_cap()

    async def _sweep(self) -> None:
        while True:
            await self.context.clock.sleep(SWEEP_S)
            try:
                await self._keep_cap()
            except StorageError as error:
                self.context.log.warning("no room was made on the disk", error=str(error))

    async def _keep_cap(self) -> None:
        async with self._keeping:
            await self._make_room()

    async def _make_room(self) -> None:
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
