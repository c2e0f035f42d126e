"""Events: what a person would call one happening, and the presses that may start one."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from spyoncino.geometry.boxes import Box
from spyoncino.schemas.base import EventType, Payload, Record
from spyoncino.schemas.frames import FrameRef

VEHICLE_LABELS = ("bicycle", "motorcycle", "car", "bus", "truck", "train", "boat")
ANIMAL_LABELS = ("cat", "dog", "bird", "horse", "sheep", "cow", "bear")


class DoorbellEvent(Payload):
    """The button was pressed."""

    EVENT_TYPE: ClassVar[EventType] = EventType.DOORBELL_PRESSED

    doorbell: str = Field(description="Doorbell id.")
    camera: str = Field(description="Camera that looks at this door.")
    pts_s: float | None = Field(
        default=None, description="Moment in the camera's own time, where it is known."
    )
    method: str = Field(default="bus", description="gpio, http, mqtt, cli, bus or simulator.")


class EventState(StrEnum):
    """States of an event; the time of each transition is kept."""

    CREATED = "created"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


CLOSED_STATES = (EventState.COMPLETED, EventState.FAILED)
"""States that an event never leaves."""


class TrackSummary(Record):
    """One track as the event tells it."""

    track_id: int
    label: str
    score: float = Field(ge=0, le=1, description="Best score.")
    start_s: float
    end_s: float
    zones: tuple[str, ...] = ()


class Verdict(StrEnum):
    """How sure it is whom a face belongs to."""

    KNOWN = "known"
    UNSURE = "unsure"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"


class Identity(Record):
    """Whom a track's face belongs to, with the numbers that decided it."""

    name: str | None = Field(default=None, description="Only of somebody known or blocked.")
    decision: Verdict
    similarity: float = Field(description="Cosine to the nearest reference, -1..1.")
    margin: float = Field(description="Similarity above that of the second person.")
    track_id: int | None = Field(
        description="Track it belongs to; none: a face in the whole picture after a press."
    )
    loose_id: int | None = Field(
        default=None,
        description="Number of a face without a track; one that has found its track keeps it.",
    )
    person_id: str | None = Field(default=None, description="Key of that person in the gallery.")
    resembles: str | None = Field(
        default=None, description="Nearest person where unsure; shown to members, never told."
    )
    stranger: int | None = Field(
        default=None, description="Number of the stranger this is, where seen before."
    )
    face_count: int = Field(default=1, ge=0, description="Faces of the track that voted.")
    quality: float = Field(default=0.0, ge=0, le=1, description="Quality of the best of them.")
    pts_s: float | None = Field(default=None, description="Camera time of the best face.")
    box: Box | None = Field(default=None, description="Box of the best face.")
    reason: str = Field(default="", description="What was compared with what, in words.")


class BestPicture(Record):
    """The frame that shows the event best, and why."""

    pts_s: float
    box: Box = Field(description="Box of the object that makes it the best picture.")
    label: str
    quality: float = Field(
        description="What pictures of one event are compared by; see events.best_picture."
    )
    frame: FrameRef | None = Field(
        default=None, description="The analysis frame, which may be gone from the ring."
    )


class Event(Record):
    """One happening of one camera. Its id is the same in messages, rows and file names."""

    event_id: str = Field(
        description="UUID of the happening (a message about it has its own event_id)."
    )
    camera: str
    type: str = Field(
        description="doorbell when somebody rang, else the most telling label (person, car, cat, "
        "…), else motion."
    )
    state: EventState
    labels: tuple[str, ...] = ()
    start_s: float = Field(description="Camera time in seconds since its first frame.")
    end_s: float
    best: BestPicture | None = None
    presses: tuple[float, ...] = Field(default=(), description="Camera times of the presses.")
    press_ids: tuple[str, ...] = Field(
        default=(),
        description="event_id of each press, as they came; every press is in exactly one event.",
    )
    tracks: tuple[TrackSummary, ...] = ()
    identities: tuple[Identity, ...] = ()
    story: str = Field(
        default="", description="What happened in one sentence, in the local time of the house."
    )
    started_at: datetime = Field(description="Wall time of start_s.")
    ended_at: datetime
    transitions: dict[str, datetime] = Field(
        default_factory=dict, description="State to the wall time it was reached."
    )
    reason: str = Field(default="", description="Why it was completed or failed, in words.")
    successor_of: str | None = Field(
        default=None, description="The event that was closed at its maximum length."
    )

    @property
    def recognised(self) -> tuple[Identity, ...]:
        """Who was there for certain, known or blocked: each person once, in the event's order."""
        found: dict[str, Identity] = {}
        for each in self.identities:
            if each.name and each.decision in (Verdict.KNOWN, Verdict.BLOCKED):
                found.setdefault(each.person_id or each.name, each)
        return tuple(found.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of those who were there for certain."""
        return tuple(each.name for each in self.recognised if each.name)


class EventUpdate(Payload):
    """An event was created, changed or completed."""

    EVENT_TYPE: ClassVar[EventType] = EventType.EVENT_UPDATED

    event: Event


class EventCreated(EventUpdate):
    """The first message about an event."""

    EVENT_TYPE: ClassVar[EventType] = EventType.EVENT_CREATED


class EventCompleted(EventUpdate):
    """The last message about an event; state is completed or failed."""

    EVENT_TYPE: ClassVar[EventType] = EventType.EVENT_COMPLETED
