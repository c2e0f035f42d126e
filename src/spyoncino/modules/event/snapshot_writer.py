"""Writes the best picture of each event in full size, and replaces it when a better one comes."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, EventModule, ModuleSettings
from spyoncino.core.queues import Policy
from spyoncino.errors import SpyoncinoError
from spyoncino.events.calendar import day_of
from spyoncino.events.recent_ids import RecentIds
from spyoncino.modules.chores import Chores
from spyoncino.modules.folders import make_folder
from spyoncino.runtime.jobs import Job, Priority
from spyoncino.runtime.tasks import SNAPSHOT, SnapshotJob, SnapshotResult
from spyoncino.schemas.events import CLOSED_STATES, BestPicture, Event, EventUpdate
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import (
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    MEDIA_READY,
    SNAPSHOT_READY,
)

FILE_NAME = "snapshot.jpg"


class SnapshotSettings(ModuleSettings):
    """Section ``snapshot``: the picture of an event."""

    enabled: bool = Field(default=True, description="Whether events get a picture.")
    quality: int = Field(default=90, ge=1, le=100, description="JPEG quality.")
    min_interval_s: float = Field(
        default=1.0, ge=0, description="Live, a better picture replaces the last one not sooner."
    )
    timeout_s: float = Field(
        default=10.0, gt=0, description="How long the camera may take to find the picture."
    )


@dataclass(eq=False, slots=True)
class _Sheet:
    """One event: the newest wish, and whether somebody works on it."""

    event: Event
    wanted: BestPicture | None = None
    wished_quality: float = float("-inf")
    is_busy: bool = False
    is_closed: bool = False


class SnapshotWriterModule(EventModule[SnapshotSettings]):
    """Publishes ``event.snapshot.ready`` each time the picture of an event was written.

    The picture is decoded in full size from the packets that the camera's process keeps, not taken
    from the small analysis frame. Of several wishes that come while one is written only the newest
    is fulfilled: it is the best.
    """

    name = "event.snapshot_writer"
    section = "snapshot"
    settings_model = SnapshotSettings
    per_camera = True
    consumes = (
        Consume(EVENT_CREATED, "on_event", policy=Policy.BLOCK),
        Consume(EVENT_UPDATED, "on_event", policy=Policy.BLOCK),
        Consume(EVENT_COMPLETED, "on_event", policy=Policy.BLOCK),
    )
    publishes = (SNAPSHOT_READY, MEDIA_READY)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._sheets: dict[str, _Sheet] = {}
        self._closed = RecentIds()
        self._chores = Chores(context.log)
        self._written_count = 0
        self._failed_count = 0
        self._last_error = ""

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Give up what is not written yet."""
        await self._chores.cancel()
        self._sheets.clear()

    async def drain(self) -> None:
        """Wait until every wish is fulfilled or has failed."""
        await self._chores.finished()

    async def health(self) -> HealthStatus:
        """Degraded while the last picture could not be written."""
        problem = self._chores.last_error or self._last_error
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={"written": self._written_count, "failed": self._failed_count},
        )

    async def on_event(self, update: EventUpdate) -> None:
        """Note the wish for a better picture; the messages of an event may overtake each other."""
        event = update.event
        if event.event_id in self._closed or not self.camera_settings(event.camera).enabled:
            return
        sheet = self._sheets.setdefault(event.event_id, _Sheet(event))
        if event.best is not None and event.best.quality > sheet.wished_quality:
            sheet.event = event
            sheet.wanted = event.best
            sheet.wished_quality = event.best.quality
        if event.state in CLOSED_STATES:
            sheet.is_closed = True
        if sheet.wanted is not None and not sheet.is_busy:
            sheet.is_busy = True
            self._chores.start(self._fulfil(sheet), f"snapshot {event.event_id}")
        self._forget_if_done(sheet)

    async def _fulfil(self, sheet: _Sheet) -> None:
        """Write wishes until there is none."""
        try:
            while sheet.wanted is not None:
                best, sheet.wanted = sheet.wanted, None
                await self._try_to_write(sheet.event, best)
                if not (self.context.lossless or sheet.is_closed):
                    interval_s = self.camera_settings(sheet.event.camera).min_interval_s
                    await self.context.clock.sleep(interval_s)
        finally:
            sheet.is_busy = False
            self._forget_if_done(sheet)

    def _forget_if_done(self, sheet: _Sheet) -> None:
        if sheet.is_closed and not sheet.is_busy:
            self._sheets.pop(sheet.event.event_id, None)
            self._closed.add(sheet.event.event_id)

    async def _try_to_write(self, event: Event, best: BestPicture) -> None:
        try:
            result = await self._write(event, best)
        except SpyoncinoError as error:
            self._failed_count += 1
            self._last_error = str(error)
            self.context.log.warning("no snapshot", event_ref=event.event_id, why=str(error))
            self._record(event, best, False, f"the snapshot failed: {error}")
            return
        self._written_count += 1
        self._last_error = ""
        self._record(event, best, True, "the snapshot was written")
        artifact = MediaArtifact(
            kind=MediaKind.SNAPSHOT,
            event_ref=event.event_id,
            camera=event.camera,
            path=self.context.data.relative(self._path(event)),
            content_type="image/jpeg",
            size_bytes=result.size_bytes,
            width_px=result.width_px,
            height_px=result.height_px,
            start_s=best.pts_s,
            timestamp=self.context.clock.utc_now(),
            source=self.name,
            correlation_id=event.event_id,
        )
        await self.publish(SNAPSHOT_READY, artifact)
        await self.publish(MEDIA_READY, artifact)

    async def _write(self, event: Event, best: BestPicture) -> SnapshotResult:
        """Get the full-size picture from the camera's process and have it encoded.

        Raises:
            SpyoncinoError: The packets are gone, the pool could not do it, or the disk refused.
        """
        settings = self.camera_settings(event.camera)
        path = self._path(event)
        await make_folder(path.parent)
        handle = await self.context.captures[event.camera].frame_at(
            best.pts_s, timeout_s=settings.timeout_s
        )
        try:
            job = Job(
                SNAPSHOT,
                SnapshotJob(handle, str(path), settings.quality),
                priority=Priority.PRESS if event.presses else Priority.CONTINUOUS,
            )
            result: SnapshotResult = await self.context.pool.submit(job)
        finally:
            self.context.captures.release(handle)
        return result

    def _path(self, event: Event) -> Path:
        return self.context.data.media(day_of(event), event.event_id, FILE_NAME)

    def _record(self, event: Event, best: BestPicture, passed: bool, reason: str) -> None:
        self.context.decisions.record(
            self.name,
            event.camera,
            "snapshot",
            passed,
            reason,
            quantity="quality",
            value=best.quality,
            at_s=best.pts_s,
            event_ref=event.event_id,
        )
