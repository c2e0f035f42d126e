"""Keeps every event and the decisions that made it in the database.

It must not lose an event when the database is locked or the disk is full for a while: what could
not be saved waits here and is tried again; health says so meanwhile.
"""

import asyncio

from pydantic import Field

from spyoncino.core.contracts import Consume, ModuleSettings, StorageModule
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError
from spyoncino.persistence.decisions import DecisionStore
from spyoncino.persistence.events import EventStore
from spyoncino.schemas import topics
from spyoncino.schemas.events import CLOSED_STATES, Event, EventState, EventUpdate
from spyoncino.schemas.media import MediaArtifact, StorageAck
from spyoncino.schemas.status import HealthState, HealthStatus

KILLED_REASON = "the program ended during this event; what was recorded until then is kept"
DRAIN_ATTEMPTS = 5
CLOSED_EVENTS_KEPT = 64
"""Closed events whose media may still come; far more than end at the same time."""


class EventLogSettings(ModuleSettings):
    """How events are kept."""

    retry_s: float = Field(
        default=1.0, gt=0, description="Seconds until an event that could not be saved is retried."
    )
    decision_margin_s: float = Field(
        default=15.0, ge=0, description="Seconds before an event whose decisions are kept with it."
    )


class EventLog(StorageModule[EventLogSettings]):
    """Writes ``event.*`` into the ``events`` table and acknowledges each write."""

    name = "storage.event_log"
    section = "event_log"
    settings_model = EventLogSettings
    consumes = (
        Consume(topics.EVENT_CREATED, "on_event", Policy.BLOCK),
        Consume(topics.EVENT_UPDATED, "on_event", Policy.BLOCK),
        Consume(topics.EVENT_COMPLETED, "on_event", Policy.BLOCK),
        Consume(topics.MEDIA_READY, "on_media", Policy.BLOCK),
    )
    publishes = (topics.EVENT_STORED,)

    async def start(self) -> None:
        """Close what a killed run left open, then begin to retry what cannot be saved."""
        self._events = EventStore(self.context.database)
        self._decisions = DecisionStore(self.context.database)
        self._unsaved: dict[str, Event] = {}
        self._closed: dict[str, Event] = {}
        self._created_ns: dict[str, int] = {}
        self._last_error = ""
        self._saved = 0
        recovered = await self._events.fail_unfinished(KILLED_REASON, self.context.clock.utc_now())
        for event in recovered:
            self.context.log.warning(
                "event was open when the program ended",
                event_ref=event.event_id,
                camera=event.camera,
            )
        self._retrying = asyncio.create_task(self._retry_forever(), name=self.name)

    async def stop(self) -> None:
        """Stop retrying; ``drain`` has tried before."""
        retrying = getattr(self, "_retrying", None)
        if retrying is not None:
            retrying.cancel()
            await asyncio.gather(retrying, return_exceptions=True)

    async def on_event(self, update: EventUpdate) -> None:
        """Save one state of an event; a newer state replaces an unsaved older one."""
        event = update.event
        if event.state is EventState.CREATED:
            self._created_ns[event.event_id] = self.context.clock.monotonic_ns()
        self._unsaved[event.event_id] = event
        await self._save_waiting()

    async def on_media(self, artifact: MediaArtifact) -> None:
        """Keep the decisions again: those about a clip or preview come after its event."""
        event = self._closed.get(artifact.event_ref)
        if event is not None:
            try:
                await self._keep_decisions(event)
            except StorageError as error:
                self.context.log.error("decisions not kept", error=str(error))

    async def drain(self) -> None:
        """Try a bounded number of times to save what waits.

        Raises:
            StorageError: Some events could not be saved.
        """
        for _ in range(DRAIN_ATTEMPTS):
            await self._save_waiting()
            if not self._unsaved:
                return
            await self.context.clock.sleep(self.settings.retry_s)
        raise StorageError(
            f"{len(self._unsaved)} events could not be saved, the last state of each is lost: "
            f"{self._last_error}"
        )

    async def health(self) -> HealthStatus:
        """Degraded while events wait to be saved."""
        waiting = len(getattr(self, "_unsaved", ()))
        numbers = {"saved": float(getattr(self, "_saved", 0)), "waiting": float(waiting)}
        if waiting:
            detail = f"{waiting} events wait to be saved: {self._last_error}"
            return HealthStatus(state=HealthState.DEGRADED, detail=detail, numbers=numbers)
        return HealthStatus(numbers=numbers)

    async def _retry_forever(self) -> None:
        while True:
            await self.context.clock.sleep(self.settings.retry_s)
            await self._save_waiting()

    async def _save_waiting(self) -> None:
        for event_id, event in list(self._unsaved.items()):
            try:
                await self._save(event)
            except StorageError as error:
                if str(error) != self._last_error:
                    self.context.log.error(
                        "event not saved yet", error=str(error), event_ref=event_id
                    )
                self._last_error = str(error)
                return
            self._last_error = ""
            if self._unsaved.get(event_id) is event:
                del self._unsaved[event_id]

    async def _save(self, event: Event) -> None:
        closed = event.state in CLOSED_STATES
        created_ns = self._created_ns.pop(event.event_id, None) if closed else None
        now_ns = self.context.clock.monotonic_ns()
        took_ms = None if created_ns is None else (now_ns - created_ns) / 1e6
        await self._events.save(event, processing_time_ms=took_ms)
        if closed:
            self._closed[event.event_id] = event
            while len(self._closed) > CLOSED_EVENTS_KEPT:
                self._closed.pop(next(iter(self._closed)))
            await self._keep_decisions(event)
        self._saved += 1
        acknowledgement = StorageAck(
            source=self.name,
            correlation_id=event.event_id,
            subject="event",
            action="stored",
            key=event.event_id,
            event_ref=event.event_id,
        )
        await self.publish(topics.EVENT_STORED, acknowledgement)

    async def _keep_decisions(self, event: Event) -> None:
        decisions = self.context.decisions.of(
            event.camera,
            event.start_s - self.settings.decision_margin_s,
            event.end_s + self.settings.decision_margin_s,
        )
        await self._decisions.replace(event.event_id, decisions)
