"""Keeps the best face of each person without a name, so that strangers have a history.

A stranger gets a number with the second visit; the events of both are then told so. Nothing is kept
unless faces are switched on, nor of who has a name, nor of an unsure face: it may be somebody's.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import numpy as np

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, StorageModule
from spyoncino.core.queues import Policy
from spyoncino.detectors.embedder_config import likeness_of
from spyoncino.errors import SpyoncinoError
from spyoncino.events.story import story_of
from spyoncino.faces.limits import Limits
from spyoncino.faces.strangers import StrangerLimits
from spyoncino.modules.chores import Chores
from spyoncino.modules.face_settings import GallerySettings
from spyoncino.modules.stranger_book import BestFace, Seen, StrangerBook
from spyoncino.persistence.event_identities import EventIdentities
from spyoncino.persistence.events import EventStore
from spyoncino.schemas import topics
from spyoncino.schemas.events import CLOSED_STATES, Event, EventCompleted, Identity, Verdict
from spyoncino.schemas.faces import FaceDetectionEvent, GalleryChange
from spyoncino.schemas.media import StorageAck
from spyoncino.schemas.status import HealthState, HealthStatus

FACES_KEPT = 256
"""Tracks whose best face is remembered until their event is over; the oldest give way."""

EVENTS_KEPT = 64
"""Completed events that are not in the database yet; far more than end at the same time."""

PURGE_EVERY_S = 3600.0


class FaceKeeper(StorageModule[GallerySettings]):
    """Stores sightings of unknown people when their event is in the database, and relabels it."""

    name = "storage.face_keeper"
    section = "gallery"
    settings_model = GallerySettings
    fixed_at_start = frozenset({"key_file"})
    consumes = (
        Consume(topics.FACES_DETECTED, "on_faces"),
        Consume(topics.EVENT_COMPLETED, "on_completed", Policy.BLOCK),
        Consume(topics.EVENT_STORED, "on_stored", Policy.BLOCK),
        Consume(topics.GALLERY_CHANGED, "on_gallery", Policy.BLOCK),
    )
    publishes = (topics.EVENT_RELABELLED,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._faces: OrderedDict[tuple[str, int], BestFace] = OrderedDict()
        self._closed: OrderedDict[str, Event] = OrderedDict()
        self._book: StrangerBook | None = None
        self._limits: Limits | None = None
        self._turn = asyncio.Lock()
        self._chores = Chores(context.log)
        self._kept = self._relabelled = self._purged = 0
        self._last_error = ""

    async def start(self) -> None:
        """Begin to erase what is kept long enough; nothing while faces are off."""
        if self.context.people is not None and not self.context.lossless:
            self._chores.start(self._purge_for_ever(), "erase old strangers")

    async def stop(self) -> None:
        """Forget the faces that are in memory."""
        await self._chores.cancel()
        self._faces.clear()
        self._closed.clear()
        self._book = None

    async def health(self) -> HealthStatus:
        """Degraded while the last sighting could not be kept."""
        problem = self._chores.last_error or self._last_error
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={
                "kept": self._kept,
                "relabelled": self._relabelled,
                "purged": self._purged,
                "remembered": len(self._faces),
            },
        )

    async def on_faces(self, event: FaceDetectionEvent) -> None:
        """Remember the best face of each track."""
        if self.context.people is None or not self.settings.keep_strangers:
            return
        for face in event.faces:
            if face.track_id is None or not face.vector or face.quality is None:
                continue
            key = event.frame.camera, face.track_id
            best = self._faces.get(key)
            if best is not None and best.quality >= face.quality.score:
                continue
            self._faces[key] = BestFace(
                np.frombuffer(face.vector, "<f4").copy(),
                face.crop,
                face.quality.score,
                face.quality.size_px,
                event.frame.utc,
                event.detection_metadata.embedder,
            )
            self._faces.move_to_end(key)
            while len(self._faces) > FACES_KEPT:
                self._faces.popitem(last=False)

    async def on_completed(self, completed: EventCompleted) -> None:
        """Wait for the row of an event that shows somebody unknown."""
        event = completed.event
        if any(self._face_of(event, each) for each in event.identities):
            self._closed[event.event_id] = event
            while len(self._closed) > EVENTS_KEPT:
                self._closed.popitem(last=False)
            await self._keep_when_stored(event.event_id)

    async def on_stored(self, stored: StorageAck) -> None:
        """A row was written; it may be the last one of an event that is waited for."""
        if stored.action == "stored":
            await self._keep_when_stored(stored.event_ref)

    async def on_gallery(self, change: GalleryChange) -> None:
        """Somebody was named, ignored or forgotten: the groups are made again.

        The order has rewritten past events; whoever gave it, here it is told of which.
        """
        await self._tell_relabelled(change.relabelled)
        async with self._turn:
            if self._book is not None:
                await asyncio.to_thread(self._book.reload)

    # --- work ------------------------------------------------------------------------------------

    def _face_of(self, event: Event, identity: Identity) -> BestFace | None:
        if identity.decision is not Verdict.UNKNOWN or identity.track_id is None:
            return None
        return self._faces.get((event.camera, identity.track_id))

    async def _keep_when_stored(self, event_id: str) -> None:
        """A row that is written later would undo what is written now."""
        async with self._turn:
            event = self._closed.get(event_id)
            if event is None:
                return
            try:
                row = await EventStore(self.context.database).get(event_id)
                if row is None or row.state not in CLOSED_STATES:
                    return
                del self._closed[event_id]
                for identity in event.identities:
                    face = self._face_of(event, identity)
                    if face is not None and identity.face_count > 0:
                        await self._keep(event, identity, face)
                self._last_error = ""
            except SpyoncinoError as error:
                self._last_error = str(error)
                self.context.log.error("a stranger was not kept", error=str(error))

    async def _keep(self, event: Event, identity: Identity, face: BestFace) -> None:
        people = self.context.people
        if self._limits is None:
            self._limits = await asyncio.to_thread(_limits_of, self.context.embedder)
        limits = self._limits
        if people is None or face.quality < limits.min_quality or face.size_px < limits.min_size_px:
            return
        book = self._book
        if book is None or book.model != face.model:
            groups = StrangerLimits.of(limits)
            book = await asyncio.to_thread(StrangerBook, people, face.model, groups)
            self._book = book
        told = await asyncio.to_thread(
            book.add, face, event.camera, event.event_id, identity.track_id
        )
        self._kept += 1
        if told:
            await self._relabel(told)

    async def _relabel(self, told: dict[Seen, int | None]) -> None:
        def number(event_id: str, identity: Identity) -> Identity:
            seen = Seen(event_id, identity.track_id)
            if seen not in told or identity.decision is not Verdict.UNKNOWN:
                return identity
            return identity.model_copy(update={"stranger": told[seen]})

        past = EventIdentities(self.context.database, story_of)
        changed = await past.rewrite({seen.event_id for seen in told}, number)
        self._relabelled += len(changed)
        await self._tell_relabelled(changed)

    async def _tell_relabelled(self, event_ids: Collection[str]) -> None:
        for event_id in event_ids:
            news: dict[str, Any] = {"key": event_id, "event_ref": event_id}
            ack = StorageAck(source=self.name, subject="event", action="relabelled", **news)
            await self.publish(topics.EVENT_RELABELLED, ack)

    async def _purge_for_ever(self) -> None:
        people = self.context.people
        while people is not None:
            oldest = self.context.clock.utc_now() - timedelta(
                days=self.settings.strangers_keep_days
            )
            async with self._turn:
                erased = await asyncio.to_thread(people.strangers.purge, oldest)
                if erased and self._book is not None:
                    await asyncio.to_thread(self._book.reload)
            self._purged += erased
            await self.context.clock.sleep(PURGE_EVERY_S)


def _limits_of(embedder: dict[str, Any]) -> Limits:
    like = likeness_of(embedder)
    return Limits(like.known_from, like.unsure_from, like.margin, min_size_px=like.min_size_px)
