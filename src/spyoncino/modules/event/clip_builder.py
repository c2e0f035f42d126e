"""Keeps each event as a clip: written while it happens, finished when it is over."""

import asyncio
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ByteSize, Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, EventModule, ModuleSettings
from spyoncino.core.queues import Policy
from spyoncino.errors import JobError, JobRejectedError, SpyoncinoError, StorageError
from spyoncino.events.calendar import day_of
from spyoncino.events.recent_ids import RecentIds
from spyoncino.modules.chores import Chores
from spyoncino.modules.folders import make_folder
from spyoncino.persistence.events import EventStore
from spyoncino.runtime.jobs import Job, Priority
from spyoncino.runtime.tasks import FINISH_CLIP, FinishClipJob, FinishClipResult
from spyoncino.schemas.events import CLOSED_STATES, Event, EventUpdate
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import (
    CLIP_READY,
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    MEDIA_READY,
)

if TYPE_CHECKING:
    from spyoncino.media.clip_writer import ClipFacts

FILE_NAME = "clip.mp4"
PART_NAME = "clip.part.mp4"


SALVAGED_NOTE = "the program ended during this event; the clip holds what was written until then"

FULL_NOTE = "the disk is nearly full: the clip ends before the event"

LOOK_AT_DISK_S = 5.0
"""A camera writes about 3 MB in this time."""

FINISH_ATTEMPTS = 5
FINISH_PAUSE_S = 5.0
"""A flooded pool sheds background work; the growing file can wait for a quiet moment."""


class ClipSettings(ModuleSettings):
    """Section ``clip``: the video of an event."""

    enabled: bool = Field(default=True, description="Whether events get a clip.")
    pre_roll_s: float = Field(
        default=5.0, ge=0, le=60, description="Seconds before the event; kept in memory till then."
    )
    post_roll_s: float = Field(default=3.0, ge=0, le=60, description="Seconds after the event.")
    min_free_bytes: ByteSize = Field(
        default=ByteSize(200_000_000),
        description="Below so much free disk no clip is begun and growing ones are closed: the "
        "rest belongs to the database.",
    )


@dataclass(eq=False, slots=True)
class _Clip:
    """One event whose clip is being made."""

    event: Event
    is_growing: bool = False
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)


class ClipBuilderModule(EventModule[ClipSettings]):
    """Publishes ``event.clip.ready`` when the clip of an event is complete on disk.

    The camera's process writes packets as they come into a growing file, so a crash loses at most
    the last piece; at the end a worker cuts it to length and makes it start fast. If that is not
    possible, the growing file itself is the clip.
    """

    name = "event.clip_builder"
    section = "clip"
    settings_model = ClipSettings
    per_camera = True
    consumes = (
        Consume(EVENT_CREATED, "on_event", policy=Policy.BLOCK),
        Consume(EVENT_UPDATED, "on_event", policy=Policy.BLOCK),
        Consume(EVENT_COMPLETED, "on_event", policy=Policy.BLOCK),
    )
    publishes = (CLIP_READY, MEDIA_READY)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._clips: dict[str, _Clip] = {}
        self._known = RecentIds()
        self._chores = Chores(context.log)
        self._written_count = 0
        self._failed_count = 0
        self._last_error = ""

    async def start(self) -> None:
        """Finish the clips that a killed run left growing."""
        for part in await asyncio.to_thread(_growing_files, self.context.data.media_root):
            self._chores.start(self._salvage(part), f"clip of a killed run {part.parent.name}")

    async def stop(self) -> None:
        """Give up what is not finished; files that still grow are closed as they are, and play."""
        growing = [clip.event for clip in self._clips.values() if clip.is_growing]
        await self._chores.cancel()
        self._clips.clear()
        for event in growing:
            with suppress(SpyoncinoError):
                await self.context.captures[event.camera].end_clip(event.event_id, event.end_s)

    async def drain(self) -> None:
        """Wait until the clip of every completed event is finished.

        An event that nobody completed keeps its growing file.
        """
        while any(clip.is_closed.is_set() for clip in self._clips.values()):
            await self._chores.progress()

    async def health(self) -> HealthStatus:
        """Degraded while the last clip could not be made."""
        problem = self._chores.last_error or self._last_error
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={
                "open": len(self._clips),
                "written": self._written_count,
                "failed": self._failed_count,
            },
        )

    async def on_event(self, update: EventUpdate) -> None:
        """Begin or end a clip; the messages of an event may overtake each other or come twice."""
        event = update.event
        clip = self._clips.get(event.event_id)
        if clip is None:
            if event.event_id in self._known or not self.camera_settings(event.camera).enabled:
                return
            self._known.add(event.event_id)
            clip = self._clips[event.event_id] = _Clip(event)
            self._chores.start(self._make(clip), f"clip {event.event_id}")
        if not clip.is_closed.is_set():
            clip.event = event
            if event.state in CLOSED_STATES:
                clip.is_closed.set()

    async def _make(self, clip: _Clip) -> None:
        """The whole life of one clip."""
        try:
            await self._write(clip)
        except SpyoncinoError as error:
            self._failed_count += 1
            self._last_error = str(error)
            self.context.log.warning("no clip", event_ref=clip.event.event_id, why=str(error))
            self._record(clip.event, False, f"the clip failed: {error}", None)
        finally:
            self._clips.pop(clip.event.event_id, None)

    async def _write(self, clip: _Clip) -> None:
        event = clip.event
        settings = self.camera_settings(event.camera)
        folder = self.context.data.media(day_of(event), event.event_id)
        part, final = folder / PART_NAME, folder / FILE_NAME
        if await self._is_disk_nearly_full():
            raise StorageError(
                "the disk is nearly full (clip.min_free_bytes): make room, or lower media.max_bytes"
            )
        await make_folder(folder)
        capture = self.context.captures[event.camera]
        from_s = max(0.0, event.start_s - settings.pre_roll_s)
        await capture.start_clip(event.event_id, str(part), from_s)
        clip.is_growing = True
        is_whole = await self._is_grown(clip)
        clip.is_growing = False
        to_s = clip.event.end_s + settings.post_roll_s
        if is_whole:
            facts = await capture.end_clip(event.event_id, to_s)
            artifact = await self._finish(clip.event, facts, final, to_s)
        else:  # now; and there is no room for a second file
            facts = await capture.end_clip(event.event_id, clip.event.end_s)
            artifact = self._artifact(clip.event, facts, (*facts.notes, FULL_NOTE))
        self._written_count += 1
        self._last_error = ""
        self._record(clip.event, True, "the clip is complete", artifact.duration_s)
        await self.publish(CLIP_READY, artifact)
        await self.publish(MEDIA_READY, artifact)

    async def _is_grown(self, clip: _Clip) -> bool:
        """Wait for the end of the event; ``False`` when the disk has no room until then."""
        closing = asyncio.ensure_future(clip.is_closed.wait())
        try:
            while not closing.done():
                pause = asyncio.ensure_future(self.context.clock.sleep(LOOK_AT_DISK_S))
                await asyncio.wait({closing, pause}, return_when=asyncio.FIRST_COMPLETED)
                pause.cancel()
                if not closing.done() and await self._is_disk_nearly_full():
                    return False
        finally:
            closing.cancel()
        return True

    async def _is_disk_nearly_full(self) -> bool:
        """Never in a lossless run: its result must not depend on the disk."""
        if self.context.lossless:
            return False
        usage = await asyncio.to_thread(shutil.disk_usage, self.context.data.root)
        return usage.free < int(self.settings.min_free_bytes)

    async def _salvage(self, part: Path) -> None:
        """Make a clip of a growing file whose event was open when the program ended."""
        event = await EventStore(self.context.database).get(part.parent.name)
        if event is None:
            return
        task = FinishClipJob(str(part), str(part.with_name(FILE_NAME)))
        try:
            result = await self._submit_patiently(
                Job(FINISH_CLIP, task, priority=Priority.BACKGROUND)
            )
        except JobError as error:
            self.context.log.warning("a growing clip is lost", path=str(part), why=str(error))
            return
        whole = self._artifact(event, result, (*result.notes, SALVAGED_NOTE))
        artifact = whole.model_copy(update={"start_s": None})  # only the killed run knew
        await self.publish(CLIP_READY, artifact)
        await self.publish(MEDIA_READY, artifact)

    async def _finish(
        self, event: Event, facts: "ClipFacts", final: Path, to_s: float
    ) -> MediaArtifact:
        """Have the growing file cut and turned into a plain one; keep it as it is if that fails."""
        task = FinishClipJob(facts.path, str(final), start_s=facts.start_s, end_s=to_s)
        job = Job(
            FINISH_CLIP,
            task,
            priority=Priority.PRESS if event.presses else Priority.BACKGROUND,
        )
        try:
            result = await self._submit_patiently(job)
        except JobError as error:
            self._record(event, False, f"the growing file could not be finished: {error}", None)
            note = "this is the growing file: it could not be finished"
            return self._artifact(event, facts, (*facts.notes, note))
        return self._artifact(event, result, (*facts.notes, *result.notes))

    async def _submit_patiently(self, job: Job) -> FinishClipResult:
        for _ in range(FINISH_ATTEMPTS - 1):
            try:
                result: FinishClipResult = await self.context.pool.submit(job)
            except JobRejectedError:
                await self.context.clock.sleep(FINISH_PAUSE_S)
            else:
                return result
        last: FinishClipResult = await self.context.pool.submit(job)
        return last

    def _artifact(
        self, event: Event, facts: "ClipFacts | FinishClipResult", notes: tuple[str, ...]
    ) -> MediaArtifact:
        return MediaArtifact(
            kind=MediaKind.CLIP,
            event_ref=event.event_id,
            camera=event.camera,
            path=self.context.data.relative(Path(facts.path)),
            content_type="video/mp4",
            size_bytes=facts.size_bytes,
            start_s=facts.start_s,
            duration_s=facts.duration_s,
            notes=tuple(dict.fromkeys(notes)),
            timestamp=self.context.clock.utc_now(),
            source=self.name,
            correlation_id=event.event_id,
        )

    def _record(self, event: Event, passed: bool, reason: str, duration_s: float | None) -> None:
        self.context.decisions.record(
            self.name,
            event.camera,
            "clip",
            passed,
            reason,
            quantity="seconds" if duration_s is not None else "",
            value=duration_s,
            at_s=event.end_s,
            event_ref=event.event_id,
        )


def _growing_files(media_root: Path) -> list[Path]:
    return sorted(media_root.glob(f"*/*/{PART_NAME}"))
