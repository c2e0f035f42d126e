"""Measures the line of a frame from outside: it listens, and no stage knows of it.

One subscription with one queue hears every topic in the order of publishing. A time is taken from
the message's own stamp, so that a late meter measures nothing wrong.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.meters import Meters
from spyoncino.schemas import topics
from spyoncino.schemas.detections import DetectionEvent, TrackState, TrackUpdate
from spyoncino.schemas.events import CLOSED_STATES, EventUpdate
from spyoncino.schemas.frames import Frame, FrameRef
from spyoncino.schemas.media import MediaArtifact, StorageAck
from spyoncino.schemas.status import CameraStatus, ErrorReport, HealthSummary

FRAMES_KEPT = 64
"""Frames of a camera whose stages are remembered: ten seconds of live analysis."""

EVENTS_OPEN = 256
"""Events that are remembered until their clip is there."""

NAME = "meters"

_LINE = {
    topics.MOTION_DETECTED.name: ("motion", "capture"),
    topics.OBJECTS_DETECTED.name: ("detection", "capture"),
    topics.TRACKS.name: ("tracking", "detection"),
    topics.MOTION_UNIQUE.name: ("deduplication", "tracking"),
    topics.MOTION_ZONED.name: ("zoning", "deduplication"),
}
"""Topic to the stage that publishes it and to the stage that this one works on."""


@dataclass(slots=True)
class _CameraMarks:
    """One camera: when the stages of its last frames ended, and its tracks."""

    frames: OrderedDict[int, dict[str, int]] = field(default_factory=OrderedDict)
    zoned_ns: int = 0
    zoned_arrival_ns: int = 0
    tentative: dict[int, str] = field(default_factory=dict)
    confirmed: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _EventMarks:
    """One event: nanoseconds of what its stages count from; 0 while it has not happened."""

    arrival_ns: int
    created_ns: int
    wished_ns: int = 0
    completed_ns: int = 0
    has_row: bool = False
    has_snapshot: bool = False


class StageMeter:
    """Fills the meters from what the bus says.

    Args:
        meters: Where it counts.
    """

    TOPICS = (
        topics.CAMERA_FRAME,
        topics.MOTION_DETECTED,
        topics.OBJECTS_DETECTED,
        topics.TRACKS,
        topics.MOTION_UNIQUE,
        topics.MOTION_ZONED,
        topics.EVENT_CREATED,
        topics.EVENT_UPDATED,
        topics.EVENT_COMPLETED,
        topics.EVENT_STORED,
        topics.SNAPSHOT_READY,
        topics.CLIP_READY,
        topics.STATUS_CAMERA,
        topics.STATUS_ERROR,
        topics.STATUS_HEALTH,
    )

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._cameras: dict[str, _CameraMarks] = {}
        self._events: OrderedDict[str, _EventMarks] = OrderedDict()
        self._takers: dict[type, Callable[[Message, Any], None]] = {
            Frame: self._on_frame,
            TrackUpdate: self._on_tracks,
            StorageAck: self._on_stored,
            MediaArtifact: self._on_media,
            CameraStatus: self._on_camera,
            ErrorReport: self._on_error,
            HealthSummary: self._on_health,
        }

    def listen(self, bus: Bus) -> None:
        """Subscribe; before the first frame."""
        pattern = "|".join(topic.pattern for topic in self.TOPICS)
        bus.subscribe(pattern, self.on_message, name=NAME)

    async def on_message(self, message: Message) -> None:
        """Count one message of ``TOPICS``."""
        payload = message.payload
        take = self._takers.get(payload.__class__)
        if take is not None:
            take(message, payload)
        elif isinstance(payload, DetectionEvent):
            self._on_detections(message, payload)
        elif isinstance(payload, EventUpdate):
            self._on_event(message, payload)

    # --- frames ----------------------------------------------------------------------------------

    def _on_frame(self, message: Message, frame: Frame) -> None:
        if frame.end_of_stream:
            return
        ref = frame.frame
        marks = self._marks(ref.camera)
        marks.frames[ref.frame_index] = {"capture": message.published_ns}
        while len(marks.frames) > FRAMES_KEPT:
            marks.frames.popitem(last=False)
        self._ended("capture", ref.camera, message, ref.monotonic_ns, ref.monotonic_ns)

    def _on_detections(self, message: Message, event: DetectionEvent) -> None:
        if event.end_of_stream:
            return
        self._on_stage(message, event.frame)
        if message.topic == topics.OBJECTS_DETECTED.name:
            for detection in event.detections:
                self._meters.score(detection.label, detection.score)

    def _on_tracks(self, message: Message, update: TrackUpdate) -> None:
        if not update.end_of_stream:
            self._on_stage(message, update.frame)
        if message.topic == topics.TRACKS.name:
            self._count_tracks(self._marks(update.frame.camera), update)

    def _on_stage(self, message: Message, ref: FrameRef) -> None:
        stage, before = _LINE[message.topic]
        marks = self._marks(ref.camera)
        ends = marks.frames.get(ref.frame_index, {})
        ends[stage] = message.published_ns
        if stage == "zoning":
            marks.zoned_ns, marks.zoned_arrival_ns = message.published_ns, ref.monotonic_ns
        self._ended(stage, ref.camera, message, ends.get(before, 0), ref.monotonic_ns)

    def _count_tracks(self, marks: _CameraMarks, update: TrackUpdate) -> None:
        now: dict[int, str] = {}
        for track in update.tracks:
            if track.state is TrackState.TENTATIVE:
                now[track.track_id] = track.label
            elif track.track_id not in marks.confirmed and track.state is not TrackState.ENDED:
                marks.confirmed.add(track.track_id)
                self._meters.tracks[track.label, "confirmed"] += 1
            if track.state is TrackState.ENDED:
                marks.confirmed.discard(track.track_id)
        for track_id, label in marks.tentative.items():
            if track_id not in now and track_id not in marks.confirmed:
                self._meters.tracks[label, "discarded"] += 1
        marks.tentative = now

    def _marks(self, camera: str) -> _CameraMarks:
        marks = self._cameras.get(camera)
        if marks is None:
            marks = self._cameras[camera] = _CameraMarks()
        return marks

    # --- events ----------------------------------------------------------------------------------

    def _on_event(self, message: Message, update: EventUpdate) -> None:
        event = update.event
        is_closed = event.state in CLOSED_STATES
        self._meters.event(event, is_closed=is_closed)
        marks = self._events.get(event.event_id)
        if marks is None:
            if message.topic != topics.EVENT_CREATED.name:
                return  # begun before the meter listened
            camera = self._marks(event.camera)
            # An event that a press opened has waited for no frame.
            arrival_ns = 0 if event.presses else camera.zoned_arrival_ns
            marks = self._events[event.event_id] = _EventMarks(arrival_ns, message.published_ns)
            while len(self._events) > EVENTS_OPEN:
                self._events.popitem(last=False)
            begin_ns = 0 if event.presses else camera.zoned_ns
            self._ended("event", event.camera, message, begin_ns, arrival_ns)
        if event.best is not None and not marks.wished_ns:
            marks.wished_ns = message.published_ns
        if is_closed:
            marks.completed_ns = message.published_ns

    def _on_stored(self, message: Message, stored: StorageAck) -> None:
        marks = self._events.get(stored.event_ref)
        if marks is not None and not marks.has_row:
            marks.has_row = True
            self._ended("row", "", message, marks.created_ns, marks.arrival_ns)

    def _on_media(self, message: Message, artifact: MediaArtifact) -> None:
        marks = self._events.get(artifact.event_ref)
        if marks is None:
            return
        if message.topic == topics.CLIP_READY.name:
            self._ended("clip", artifact.camera, message, marks.completed_ns, 0)
            self._events.pop(artifact.event_ref, None)
        elif not marks.has_snapshot:  # later ones wait for their turn on purpose
            marks.has_snapshot = True
            self._ended("snapshot", artifact.camera, message, marks.wished_ns, marks.arrival_ns)

    def _on_camera(self, message: Message, status: CameraStatus) -> None:
        self._meters.camera(status.camera, status.state, message.published_ns)

    def _on_health(self, message: Message, summary: HealthSummary) -> None:
        del message
        self._meters.health = summary

    def _on_error(self, message: Message, report: ErrorReport) -> None:
        del message
        repeats = report.metadata.get("repeats", 0)
        self._meters.errors[report.component, report.error_type] += 1 + int(repeats)

    def _ended(
        self, stage: str, camera: str, message: Message, begin_ns: int, arrival_ns: int
    ) -> None:
        """Count the end of a stage; a begin or arrival of 0 is not known."""
        figures = self._meters.stages[stage]
        ended_ns = message.published_ns
        figures.note(camera, ended_ns)
        if 0 < begin_ns <= ended_ns:
            figures.own_s.observe((ended_ns - begin_ns) / 1e9)
        if 0 < arrival_ns <= ended_ns:
            figures.age_s.observe((ended_ns - arrival_ns) / 1e9)
