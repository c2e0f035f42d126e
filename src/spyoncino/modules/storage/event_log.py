"""Keeps every event and the decisions that made it in the database.

It must not lose an event when the database is locked or the disk is full for a while: what could
not be saved waits here and is tried again; health says so meanwhile.
"""

from pydantic import Field

from spyoncino.core.contracts import Consume, ModuleSettings, StorageModule
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError
from spyoncino.modules.unsaved import Unsaved
from spyoncino.persistence.decisions import DecisionStore
from spyoncino.persistence.events import EventStore
from spyoncino.schemas import topics
from spyoncino.schemas.events import CLOSED_STATES, Event, EventState, EventUpdate
from spyoncino.schemas.media import MediaArtifact, StorageAck
from spyoncino.schemas.status import HealthState, HealthStatus

KILLED_REASON = "the program ended during this event; what was recorded until then is kept"
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
    fixed_at_start = frozenset({"retry_s"})
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
        self._closed: dict[str, Event] = {}
        self._created_ns: dict[str, int] = {}
        self._took_ms: dict[str, float] = {}
        self._saved = 0
        self._unsaved: Unsaved[Event] = Unsaved(
            self._save,
            self.context.clock,
            self.settings.retry_s,
            self.context.log,
            "event not saved yet",
        )
        recovered = await self._events.fail_unfinished(KILLED_REASON, self.context.clock.utc_now())
        for event in recovered:
            self.context.log.warning(
                "event was open when the program ended",
                event_ref=event.event_id,
                camera=event.camera,
            )
        self._unsaved.start(self.name)

    async def stop(self) -> None:
        """Stop retrying; ``drain`` has tried before."""
        unsaved: Unsaved[Event] | None = getattr(self, "_unsaved", None)
        if unsaved is not None:
            await unsaved.stop()

    async def on_event(self, update: EventUpdate) -> None:
        """Save one state of an event; a newer state replaces an unsaved older one."""
        event = update.event
        now_ns = self.context.clock.monotonic_ns()
        if event.state is EventState.CREATED:
            self._created_ns[event.event_id] = now_ns
        created_ns = self._created_ns.get(event.event_id)
        if event.state in CLOSED_STATES and created_ns is not None:
            del self._created_ns[event.event_id]
            self._took_ms[event.event_id] = (now_ns - created_ns) / 1e6
        await self._unsaved.add(event.event_id, event)

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
        if not await self._unsaved.drain():
            raise StorageError(
                f"{len(self._unsaved)} events could not be saved, the last state of each is lost: "
                f"{self._unsaved.last_error}"
            )

    async def health(self) -> HealthStatus:
        """Degraded while events wait to be saved."""
        waiting = len(getattr(self, "_unsaved", ()))
        numbers = {"saved": float(getattr(self, "_saved", 0)), "waiting": float(waiting)}
        if waiting:
            detail = f"{waiting} events wait to be saved: {self._unsaved.last_error}"
            return HealthStatus(state=HealthState.DEGRADED, detail=detail, numbers=numbers)
        return HealthStatus(numbers=numbers)

    async def _save(self, event: Event) -> None:
        closed = event.state in CLOSED_STATES
        await self._events.save(event, processing_time_ms=self._took_ms.get(event.event_id))
        if closed:
            self._closed[event.event_id] = event
            while len(self._closed) > CLOSED_EVENTS_KEPT:
                self._closed.pop(next(iter(self._closed)))
            await self._keep_decisions(event)
            # Only now: until here it may be saved again, and must then keep its time.
            self._took_ms.pop(event.event_id, None)
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
