"""Faces in one frame, and whom they belong to."""

from datetime import datetime
from typing import ClassVar

from pydantic import ConfigDict, Field

from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import FaceQuality, Landmarks
from spyoncino.schemas.base import EventType, Payload, Record
from spyoncino.schemas.events import Identity
from spyoncino.schemas.frames import FrameRef


class Face(Record):
    """One face in one frame."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    box: Box
    confidence: float = Field(ge=0, le=1, description="The detector's own confidence.")
    landmarks: Landmarks = Field(default=(), description="Five points, see geometry.faces.")
    track_id: int | None = Field(
        default=None, description="Track in whose box it was found; none after a look at the whole."
    )
    quality: FaceQuality | None = Field(
        default=None, description="None where the detector gives no landmarks to measure by."
    )
    vector: bytes = Field(
        default=b"",
        repr=False,
        description="Embedding, float32 little endian, length 1; empty: not embedded.",
    )
    crop: bytes = Field(
        default=b"", repr=False, description="JPEG of the aligned face; empty: not embedded."
    )


class FaceDetectionMetadata(Record):
    """How the faces of one frame were found."""

    detector_type: str = Field(description="Type and model, for example cpu:centerface.")
    processing_time_ms: float = Field(ge=0)
    face_count: int = Field(ge=0)
    confidence_scores: tuple[float, ...] = ()
    detection_timestamp: datetime
    embedder: str = Field(default="", description="Model of the vectors; empty: none was embedded.")


class FaceDetectionEvent(Payload):
    """The faces of one frame that was looked at; none is told too."""

    EVENT_TYPE: ClassVar[EventType] = EventType.FACE_DETECTED

    frame: FrameRef = Field(description="The analysis frame of that moment.")
    frame_event_id: str = Field(description="Message that brought the frame.")
    faces: tuple[Face, ...] = ()
    detection_metadata: FaceDetectionMetadata
    performance_metrics: dict[str, float] = Field(
        default_factory=dict, description="waited_ms, total_ms, attempts and what stages add."
    )
    looked: bool = Field(
        default=True, description="False: nobody looked; only told how far the looks are."
    )
    settled_s: float | None = Field(
        default=None,
        description="Camera time until which every look was told or given up; none: not known.",
    )
    trigger_id: str | None = Field(
        default=None, description="The press that asked for this look, where one did."
    )
    sequence_number: int | None = Field(
        default=None, description="Number within the burst of a press, from 0."
    )
    end_of_stream: bool = False


class FaceRecognitionEvent(Payload):
    """What is known now about the faces of one camera; sent again whenever it changes."""

    EVENT_TYPE: ClassVar[EventType] = EventType.FACE_RECOGNIZED

    camera: str
    pts_s: float = Field(description="Camera time of the frame that made it so.")
    recognition_results: tuple[Identity, ...] = Field(
        description="One for each track, or for each face without one, that has news."
    )
    settled_s: float | None = Field(
        default=None,
        description="Camera time until which every face was told; none: not known.",
    )
    trigger_id: str | None = Field(
        default=None, description="The press that asked for the look, where one did."
    )
    end_of_stream: bool = False


class GalleryChange(Payload):
    """The people that are known have changed: whoever holds a copy reads it again."""

    EVENT_TYPE: ClassVar[EventType] = EventType.CONFIG

    change: str = Field(description="enrolled, forgotten, blocked, unblocked, named or ignored.")
    person_ids: tuple[str, ...] = ()
    relabelled: tuple[str, ...] = Field(
        default=(), description="Ids of past events whose people are others now."
    )
