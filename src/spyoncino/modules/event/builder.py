"""Builds events of tracks, presses and motion, in camera time; see ``events.grouping``."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, EventModule, ModuleSettings
from spyoncino.core.message import CURRENT_MESSAGE, is_recovered
from spyoncino.core.queues import Policy
from spyoncino.errors import BusClosedError
from spyoncino.events.grouping import EventBuilder, GroupingSpec
from spyoncino.events.identity import event_id, past_press_event_id
from spyoncino.events.labels import DEFAULT_LABELS
from spyoncino.events.outcome import ChangeKind, EventChange, Outcome
from spyoncino.events.recent_ids import RecentIds
from spyoncino.modules.chores import Chores
from spyoncino.schemas.detections import MotionEvent, TrackUpdate
from spyoncino.schemas.events import DoorbellEvent, EventCompleted, EventCreated, EventUpdate
from spyoncino.schemas.faces import FaceRecognitionEvent
from spyoncino.schemas.frames import FrameRef
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import (
    DOORBELL_PRESSED,
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    FACES_RECOGNIZED,
    MOTION_DETECTED,
    MOTION_ZONED,
    Topic,
)

JUMP_BACK_S = 1.0
"""Camera time that falls by more than this means that the source began again."""

SILENCE_S = 30.0
"""Live: a camera of which nothing is heard for so long holds no event open any more. Longer than
the pause between two looks at a picture in which nothing moves."""

BORN_OF = "born_of"
"""Metadata: correlation id of the press or frames from which the message came."""

TICK_S = 1.0
"""Live: how often silence is looked for."""

PRESSES_REMEMBERED = 1024
"""Ids of presses that a repeat is known by; the bus repeats at most what fits a full queue."""

_MESSAGES: dict[ChangeKind, tuple[Topic[EventUpdate], type[EventUpdate]]] = {
    ChangeKind.CREATED: (EVENT_CREATED, EventCreated),  # type: ignore[dict-item]  # covariant here
    ChangeKind.UPDATED: (EVENT_UPDATED, EventUpdate),
    ChangeKind.COMPLETED: (EVENT_COMPLETED, EventCompleted),  # type: ignore[dict-item]
}


_DEFAULTS = GroupingSpec()


class EventSettings(ModuleSettings):
    """Section ``events``: what makes an event and when it is over."""

    labels: tuple[str, ...] = Field(
        default=DEFAULT_LABELS, description="Labels that make events when they move."
    )
    linger_s: float = Field(
        default=_DEFAULTS.linger_s,
        gt=0,
        description="Seconds without anything that counts after which an event is completed.",
    )
    max_s: float = Field(
        default=_DEFAULTS.max_s,
        gt=0,
        description="Longest event; what goes on becomes a new one that names it.",
    )
    on_motion: bool = Field(
        default=_DEFAULTS.on_motion, description="Motion alone makes events too, whatever it is."
    )

    def to_spec(self) -> GroupingSpec:
        """The same as the pure builder wants it."""
        return GroupingSpec(
            labels=frozenset(self.labels),
            linger_s=self.linger_s,
            max_s=self.max_s,
            on_motion=self.on_motion,
        )


@dataclass(slots=True)
class _Line:
    """One camera: its builder, the last frame heard of, and what came before its time.

    ``keeps_own_time``: it was rung before its first picture, so its event knows wall time only.
    ``held``: tracks that wait for the faces of their moment.
    """

    builder: EventBuilder
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    frame: FrameRef | None = None
    heard_ns: int = 0
    keeps_own_time: bool = False
    early: list[tuple[float, Callable[[], Outcome]]] = field(default_factory=list)
    held: deque[TrackUpdate] = field(default_factory=deque)
    hears_faces: bool = False


class EventBuilderModule(EventModule[EventSettings]):
    """Publishes ``event.created``, ``event.updated`` and ``event.completed``.

    Live, a press opens its event at once. In a lossless run presses and motion wait until the
    tracks of their moment are there, so that the result does not depend on which message travelled
    faster; so do tracks until it is known whose faces they show. Live only the end of a stream
    waits for looks at faces that are under way, and not for long.
    """

    name = "event.builder"
    section = "events"
    settings_model = EventSettings
    per_camera = True
    consumes = (
        Consume(MOTION_ZONED, "on_tracks"),
        Consume(DOORBELL_PRESSED, "on_press", policy=Policy.BLOCK, durable=True),
        Consume(MOTION_DETECTED, "on_motion"),
        Consume(FACES_RECOGNIZED, "on_faces"),
    )
    publishes = (EVENT_CREATED, EVENT_UPDATED, EVENT_COMPLETED)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._lines: dict[str, _Line] = {}
        self._chores = Chores(context.log)
        self._counts = dict.fromkeys(ChangeKind, 0)
        self._presses = RecentIds(PRESSES_REMEMBERED)

    async def configure(self, settings: EventSettings) -> None:
        """Take new settings; they hold for open events too."""
        await super().configure(settings)
        for camera, line in self._lines.items():
            line.builder.adopt(self.camera_settings(camera).to_spec())

    async def start(self) -> None:
        """Live: begin to look for cameras that fell silent."""
        if not self.context.lossless:
            self._chores.start(self._watch_silence(), "silence")

    async def stop(self) -> None:
        """Complete what ``drain`` had no chance to complete, as when this module is restarted."""
        await self._chores.cancel()
        with suppress(BusClosedError):
            await self.drain()
        self._lines.clear()

    async def drain(self) -> None:
        """Complete what is open: nothing more will be heard."""
        for camera, line in self._lines.items():
            async with line.turn:
                await self._take_held(line, float("inf"))
                await self._apply_early(camera, line, float("inf"))
                await self._tell(camera, line.builder.finish("Spyoncino was stopped"))

    async def health(self) -> HealthStatus:
        """Tells how many events are open and were built."""
        open_count = sum(line.builder.open_event is not None for line in self._lines.values())
        return HealthStatus(
            state=HealthState.DEGRADED if self._chores.last_error else HealthState.OK,
            detail=self._chores.last_error,
            numbers={
                "open": open_count,
                "created": self._counts[ChangeKind.CREATED],
                "completed": self._counts[ChangeKind.COMPLETED],
            },
        )

    async def on_tracks(self, update: TrackUpdate) -> None:
        """Take the tracks of one frame; the end of the stream completes the event."""
        line = self._line(update.frame.camera)
        async with line.turn:
            is_held = line.hears_faces and update.end_of_stream
            if self.context.lossless:
                is_held = self.context.faces
            else:
                await self._take_held(line, float("inf"))
            if not is_held:
                await self._take_tracks(line, update)
                return
            line.held.append(update)
        if not self.context.lossless:
            self._chores.start(self._end_anyway(line, update), "end without faces")

    async def on_faces(self, told: FaceRecognitionEvent) -> None:
        """Take whose faces were seen, after the tracks of their moment."""
        line = self._line(told.camera)
        until_s = float("-inf") if told.settled_s is None else told.settled_s
        async with line.turn:
            line.hears_faces = not told.end_of_stream
            if self.context.lossless:
                await self._take_held(line, told.pts_s)
            found = line.builder.identify(told.recognition_results, told.settled_s)
            await self._tell(told.camera, found)
            await self._take_held(line, float("inf") if told.end_of_stream else until_s)

    async def _end_anyway(self, line: _Line, end: TrackUpdate) -> None:
        hold_s = line.builder.faces_hold_s
        await self.context.clock.sleep(hold_s)
        async with line.turn:
            if end in line.held:
                camera, pts_s = end.frame.camera, end.frame.pts_s
                reason = "looks at faces took too long; its end does not wait for them any more"
                self.context.decisions.record(
                    self.name, camera, "event", False, reason, limit=hold_s, at_s=pts_s
                )
                await self._take_held(line, float("inf"))

    async def _take_held(self, line: _Line, until_s: float) -> None:
        """Take the tracks that were held back; an end of a stream only when nothing follows."""
        while line.held and line.held[0].frame.pts_s <= until_s:
            if line.held[0].end_of_stream and until_s < float("inf"):
                return
            await self._take_tracks(line, line.held.popleft())

    async def _take_tracks(self, line: _Line, update: TrackUpdate) -> None:
        frame = update.frame
        if line.frame is not None and frame.pts_s < line.frame.pts_s - JUMP_BACK_S:
            await self._tell(frame.camera, line.builder.finish("the camera began again"))
        if line.keeps_own_time:
            line.keeps_own_time = False
            await self._tell(frame.camera, line.builder.begin_camera_time(frame))
        line.frame = frame
        line.heard_ns = self.context.clock.monotonic_ns()
        await self._apply_early(frame.camera, line, frame.pts_s)
        await self._tell(frame.camera, line.builder.observe(update.tracks, frame))
        if update.end_of_stream:
            await self._apply_early(frame.camera, line, float("inf"))
            await self._tell(frame.camera, line.builder.finish("the camera's stream ended"))
            line.frame = None

    async def on_press(self, press: DoorbellEvent) -> None:
        """A press opens an event, or joins the open one; one of a killed run is an event alone.

        A press that comes again is in its event already.
        """
        if press.event_id in self._presses:
            return
        await self._handle_press(press)
        self._presses.add(press.event_id)

    async def _handle_press(self, press: DoorbellEvent) -> None:
        if is_recovered():
            await self._tell_past_press(press)
            return
        line = self._line(press.camera)
        if self.context.lossless:
            at_s = press.pts_s or 0.0
            self._keep_for_later(line, at_s, lambda: self._take_press(line, press))
            return
        async with line.turn:
            await self._tell(press.camera, self._take_press(line, press))

    async def on_motion(self, event: MotionEvent) -> None:
        """Motion makes an event where the camera is set to it."""
        frame = event.frame
        if event.end_of_stream or not self.camera_settings(frame.camera).on_motion:
            return
        line = self._line(frame.camera)
        score = max((found.score for found in event.detections), default=0.0)
        if self.context.lossless:
            self._keep_for_later(line, frame.pts_s, lambda: line.builder.motion(score, frame))
            return
        async with line.turn:
            await self._tell(frame.camera, line.builder.motion(score, frame))

    # --- time ------------------------------------------------------------------------------------

    def _take_press(self, line: _Line, press: DoorbellEvent) -> Outcome:
        return line.builder.press(*self._moment(line, press), press.event_id)

    def _moment(self, line: _Line, press: DoorbellEvent) -> tuple[float, datetime]:
        """Camera time and wall time of a press; the camera's clock is trusted where it is known."""
        frame = line.frame
        if frame is None:
            event = line.builder.open_event
            if press.pts_s is not None or self.context.lossless:
                return press.pts_s or 0.0, press.timestamp
            line.keeps_own_time = True
            line.heard_ns = self.context.clock.monotonic_ns()  # silence counts from the press
            if event is None:
                line.builder.finish("")  # a former event's time says nothing any more
                return 0.0, press.timestamp
            # A camera without pictures: its time goes on from the press that opened the event.
            since_s = (press.timestamp - event.started_at).total_seconds()
            return event.start_s + max(0.0, since_s), press.timestamp
        pts_s = press.pts_s
        if pts_s is None:
            elapsed_ns = self.context.clock.monotonic_ns() - frame.monotonic_ns
            pts_s = frame.pts_s + max(0.0, elapsed_ns / 1e9)
        return pts_s, frame.utc + timedelta(seconds=pts_s - frame.pts_s)

    @staticmethod
    def _keep_for_later(line: _Line, pts_s: float, take: Callable[[], Outcome]) -> None:
        line.early.append((pts_s, take))
        line.early.sort(key=lambda each: each[0])

    async def _apply_early(self, camera: str, line: _Line, until_s: float) -> None:
        while line.early and line.early[0][0] <= until_s:
            _, take = line.early.pop(0)
            await self._tell(camera, take())

    async def _watch_silence(self) -> None:
        while True:
            await self.context.clock.sleep(TICK_S)
            now_ns = self.context.clock.monotonic_ns()
            for camera, line in tuple(self._lines.items()):
                silent_s = (now_ns - line.heard_ns) / 1e9
                if silent_s >= SILENCE_S and line.builder.open_event is not None:
                    await self._advance_silent(camera, line, silent_s)

    async def _advance_silent(self, camera: str, line: _Line, silent_s: float) -> None:
        async with line.turn:
            event = line.builder.open_event
            if event is None:
                return
            if line.frame is None:
                now_s, utc = (
                    event.start_s + silent_s,
                    event.started_at + timedelta(seconds=silent_s),
                )
            else:
                now_s = line.frame.pts_s + silent_s
                utc = line.frame.utc + timedelta(seconds=silent_s)
            await self._tell(camera, line.builder.advance(now_s, utc))

    # --- what is told ----------------------------------------------------------------------------

    def _line(self, camera: str) -> _Line:
        line = self._lines.get(camera)
        if line is None:
            line = self._lines[camera] = _Line(self._new_builder(camera))
            line.heard_ns = self.context.clock.monotonic_ns()
        return line

    def _new_builder(self, camera: str) -> EventBuilder:
        def make_id(start_s: float, started_at: datetime) -> str:
            wall = None if self.context.lossless else started_at
            return event_id(camera, start_s, self.context.config_hash, wall)

        return EventBuilder(camera, self.camera_settings(camera).to_spec(), make_id)

    async def _tell_past_press(self, press: DoorbellEvent) -> None:
        """Its camera time means nothing to this run; its id is the same each time it is told."""
        spec = self.camera_settings(press.camera).to_spec()
        builder = EventBuilder(press.camera, spec, lambda *_: past_press_event_id(press.event_id))
        at_s = press.pts_s or 0.0
        await self._tell(press.camera, builder.press(at_s, press.timestamp, press.event_id))
        reason = "the program ended before this press was handled"
        await self._tell(press.camera, builder.finish(reason))

    async def _tell(self, camera: str, outcome: Outcome) -> None:
        for remark in outcome.remarks:
            self.context.decisions.record(
                self.name,
                camera,
                remark.subject,
                remark.passed,
                remark.reason,
                quantity=remark.quantity,
                value=remark.value,
                limit=remark.limit,
                at_s=remark.at_s,
                event_ref=remark.event_ref,
            )
        for change in outcome.changes:
            await self._publish(change)

    async def _publish(self, change: EventChange) -> None:
        self._counts[change.kind] += 1
        topic, message_type = _MESSAGES[change.kind]
        cause = CURRENT_MESSAGE.get()
        born_of = getattr(cause.payload, "correlation_id", None) if cause else None
        message = message_type(
            event=change.event,
            timestamp=self.context.clock.utc_now(),
            source=self.name,
            correlation_id=change.event.event_id,
            metadata={} if born_of is None else {BORN_OF: born_of},
        )
        if change.kind is ChangeKind.CREATED:
            self.context.log.info(
                "event begins",
                camera=change.event.camera,
                type=change.event.type,
                correlation_id=change.event.event_id,
                born_of=born_of,
            )
        await self.publish(topic, message)
