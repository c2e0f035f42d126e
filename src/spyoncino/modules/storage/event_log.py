"""Keeps every event and the decisions that made it in the database.

It must not lose an event when the database is locked, the disk is full for a while or the program
is killed: what could not be saved is repeated by the bus, or in runs without outbox waits here;
health says so meanwhile.
"""

from dataclasses import dataclass

from pydantic import Field

from spyoncino.core.contracts import DURABLE_CAPACITY, Consume, ModuleSettings, StorageModule
from spyoncino.core.message import is_recovered
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError
from spyoncino.events.identity import past_press_event_id
from spyoncino.modules.unsaved import Unsaved
from spyoncino.persistence.decisions import DecisionStore
from spyoncino.persistence.events import EventStore, failed
from spyoncino.schemas import topics
from spyoncino.schemas.base import Payload
from spyoncino.schemas.events import CLOSED_STATES, Event, EventState, EventUpdate
from spyoncino.schemas.inquiry import EventCounts, EventInquiry, LabelCount
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


@dataclass(frozen=True, slots=True)
class _State:
    """One state of an event to be saved; ``is_recovered``: a killed run told it."""

    event: Event
    is_recovered: bool


class EventLog(StorageModule[EventLogSettings]):
    """Writes ``event.*`` into the ``events`` table and acknowledges each write."""

    name = "storage.event_log"
    section = "event_log"
    settings_model = EventLogSettings
    fixed_at_start = frozenset({"retry_s"})
    consumes = (
        Consume(topics.EVENT_CREATED, "on_event", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
        Consume(topics.EVENT_UPDATED, "on_event", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
        Consume(topics.EVENT_COMPLETED, "on_event", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
        Consume(topics.MEDIA_READY, "on_media", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
    )
    publishes = (topics.EVENT_STORED, topics.EVENT_COUNTS)
    answers = (topics.COUNT_EVENTS,)

    async def start(self) -> None:
        """Close what a killed run left open, then begin to retry what cannot be saved."""
        self._events = EventStore(self.context.database)
        self._decisions = DecisionStore(self.context.database)
        self._closed: dict[str, Event] = {}
        self._created_ns: dict[str, int] = {}
        self._took_ms: dict[str, float] = {}
        self._saved = 0
        self._unsaved: Unsaved[_State] = Unsaved(
            self._save,
            self.context.clock,
            self.settings.retry_s,
            self.context.log,
            "event not saved yet",
            is_repeated_by_bus=self.context.bus.critical is not None,
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
        unsaved: Unsaved[_State] | None = getattr(self, "_unsaved", None)
        if unsaved is not None:
            await unsaved.stop()

    async def on_event(self, update: EventUpdate) -> None:
        """Save one state of an event; a newer state replaces an unsaved older one.

        An event of which a killed run told is failed, like those that it left in the table: unless
        its completion follows, nobody will complete it.

        Raises:
            StorageError: The database refused, and the bus repeats.
        """
        event = update.event
        if is_recovered():
            if event.state not in CLOSED_STATES:
                event = failed(event, KILLED_REASON, self.context.clock.utc_now())
            await self._unsaved.add(event.event_id, _State(event, is_recovered=True))
            return
        now_ns = self.context.clock.monotonic_ns()
        if event.state is EventState.CREATED:
            self._created_ns[event.event_id] = now_ns
        created_ns = self._created_ns.get(event.event_id)
        if event.state in CLOSED_STATES and created_ns is not None:
            del self._created_ns[event.event_id]
            self._took_ms[event.event_id] = (now_ns - created_ns) / 1e6
        await self._unsaved.add(event.event_id, _State(event, is_recovered=False))

    async def on_media(self, artifact: MediaArtifact) -> None:
        """Keep the decisions again: those about a clip or preview come after its event."""
        event = self._closed.get(artifact.event_ref)
        if event is not None:
            try:
                await self._keep_decisions(event)
            except StorageError as error:
                self.context.log.error("decisions not kept", error=str(error))

    async def handle_request(self, request: Payload) -> Payload | None:
        """Count events of a period.

        Raises:
            StorageError: The database cannot be read.
        """
        if not isinstance(request, EventInquiry):
            return None
        total, rows = await self._events.counts(
            camera=request.camera, since=request.since, until=request.until
        )
        by_label = tuple(LabelCount(camera=c, label=name, events=n) for c, name, n in rows)
        return EventCounts(source=self.name, total=total, by_label=by_label)

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

    async def _save(self, state: _State) -> None:
        event = state.event
        if await self._is_told_twice(event):
            return
        took_ms = self._took_ms.get(event.event_id)
        if state.is_recovered:
            took_ms = _told_time_ms(event)
        await self._events.save(event, processing_time_ms=took_ms)
        # The decisions of a killed run are gone; those in memory are of other moments.
        if event.state in CLOSED_STATES and not state.is_recovered:
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

    async def _is_told_twice(self, event: Event) -> bool:
        """Whether it is of a press that a killed run had brought into an event, but not finished.

        What that run told of its event was published before, so its row is here before.
        """
        press_id = next(iter(event.press_ids), "")
        if event.event_id != past_press_event_id(press_id):
            return False
        others = await self._events.holders_of_press(press_id, event.camera, event.started_at)
        return any(other != event.event_id for other in others)

    async def _keep_decisions(self, event: Event) -> None:
        decisions = self.context.decisions.of(
            event.camera,
            event.start_s - self.settings.decision_margin_s,
            event.end_s + self.settings.decision_margin_s,
        )
        await self._decisions.replace(event.event_id, decisions)


def _told_time_ms(event: Event) -> float | None:
    """Creation to completion as the event itself tells it: what is left of a killed run."""
    created = event.transitions.get(EventState.CREATED.value)
    completed = event.transitions.get(EventState.COMPLETED.value)
    if created is None or completed is None:
        return None
    return max(0.0, (completed - created).total_seconds() * 1e3)
