"""What was seen: detections in one frame, tracks over frames."""

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from spyoncino.geometry.boxes import Box
from spyoncino.schemas.base import EventType, Payload, Record
from spyoncino.schemas.frames import FrameRef


class Detection(Record):
    """One labelled box in one frame."""

    label: str = Field(description="Class name, for example person.")
    score: float = Field(ge=0, le=1, description="The model's own confidence.")
    box: Box


class DetectionEvent(Payload):
    """All detections of one frame; none is told too, because a tracker needs the empty frames."""

    EVENT_TYPE: ClassVar[EventType] = EventType.OBJECTS_DETECTED

    frame: FrameRef
    detections: tuple[Detection, ...] = ()
    detector: str = Field(description="Which detector spoke: a model name, or motion.")
    regions: tuple[Box, ...] = Field(
        default=(), description="Parts of the picture that were looked at; empty: none."
    )
    attributes: dict[str, Any] = Field(
        default_factory=dict, description="Facts that later stages add."
    )
    end_of_stream: bool = False


class MotionEvent(DetectionEvent):
    """A frame in which something moved; its detections are boxes labelled motion."""

    EVENT_TYPE: ClassVar[EventType] = EventType.MOTION_DETECTED


class TrackState(StrEnum):
    """Where a track is in its life."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    COASTING = "coasting"
    ENDED = "ended"


class Track(Record):
    """One object followed over frames, as it stands in one frame."""

    track_id: int = Field(ge=1, description="Unique within one camera and run.")
    label: str
    score: float = Field(ge=0, le=1, description="Score of the last detection that was joined.")
    best_score: float = Field(ge=0, le=1, description="Highest score so far.")
    box: Box
    state: TrackState
    moved: bool = Field(default=False, description="It has left the place where it was first seen.")
    stationary: bool = Field(default=False, description="It has not moved for the stationary time.")
    initial: bool = Field(default=False, description="It stood there when the camera started.")
    hits: int = Field(ge=0, description="Detections joined so far.")
    start_s: float = Field(description="pts of its first detection.")
    end_s: float = Field(description="pts of its last detection.")
    zones: tuple[str, ...] = Field(
        default=(), description="Zones it is in now, after inertia and loitering."
    )


class TrackUpdate(Payload):
    """The tracks of one frame; after the deduplicator only those with news."""

    EVENT_TYPE: ClassVar[EventType] = EventType.TRACKS_UPDATED

    frame: FrameRef
    tracks: tuple[Track, ...] = ()
    attributes: dict[str, Any] = Field(
        default_factory=dict, description="zone_matches: track id to zone names."
    )
    end_of_stream: bool = False
