"""Artefacts of events: snapshot, preview, clip."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from spyoncino.schemas.base import EventType, Payload, Record


class MediaKind(StrEnum):
    """What a file is."""

    SNAPSHOT = "snapshot"
    GIF = "gif"
    WEBP = "webp"
    CLIP = "clip"


class Retention(Record):
    """How long an artefact is kept."""

    media_class: str = Field(default="event", description="Which cap it counts against.")
    protected: bool = Field(default=False, description="Never removed by the byte cap.")
    expires_at: datetime | None = None


class MediaArtifact(Payload):
    """One finished file."""

    EVENT_TYPE: ClassVar[EventType] = EventType.MEDIA_READY

    kind: MediaKind
    event_ref: str = Field(description="Id of the event it belongs to.")
    camera: str
    path: str = Field(description="Path relative to the data folder, with forward slashes.")
    content_type: str
    size_bytes: int = Field(ge=0)
    width_px: int | None = None
    height_px: int | None = None
    start_s: float | None = Field(default=None, description="Camera time of its first picture.")
    duration_s: float | None = None
    notes: tuple[str, ...] = Field(
        default=(), description="Plain words: transcoded, audio left out, …"
    )
    retention: Retention = Retention()


class StorageAck(Payload):
    """Something was stored, or removed, and its row is committed."""

    EVENT_TYPE: ClassVar[EventType] = EventType.STORED

    subject: str = Field(description="event or media.")
    action: str = Field(description="stored, removed or relabelled.")
    key: str = Field(description="Event id, or path of the file.")
    event_ref: str
