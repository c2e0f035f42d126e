"""What every payload has: identity, time, source, correlation and a version."""

import itertools
import os
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

_PROCESS_PREFIX = os.urandom(8).hex()
_COUNTER = itertools.count(1)


def new_id() -> str:
    """A unique message id: 64 random bits of this process and a counter.

    A random UUID would cost three times as much, on the path of every message.
    """
    return f"{_PROCESS_PREFIX}-{next(_COUNTER):x}"


def utc_now() -> datetime:
    """Aware UTC time, the default stamp of a message."""
    return datetime.now(UTC)


class EventType(StrEnum):
    """The kind of a message, for code that looks at messages of several topics."""

    DOORBELL_PRESSED = "doorbell_pressed"
    FRAME_CAPTURED = "frame_captured"
    MOTION_DETECTED = "motion_detected"
    OBJECTS_DETECTED = "objects_detected"
    TRACKS_UPDATED = "tracks_updated"
    FACE_DETECTED = "face_detected"
    FACE_RECOGNIZED = "face_recognized"
    EVENT_CREATED = "event_created"
    EVENT_UPDATED = "event_updated"
    EVENT_COMPLETED = "event_completed"
    MEDIA_READY = "media_ready"
    STORED = "stored"
    ALERT = "alert"
    CONFIG = "config"
    COMMAND = "command"
    STATUS = "status"
    HEALTH_CHECK_RESPONSE = "health_check_response"
    COMPONENT_ERROR = "component_error"


class Record(BaseModel):
    """A frozen value inside a payload; unknown fields are tolerated so that versions can grow."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Payload(Record):
    """A message body with the fields of every pipeline event.

    Unknown fields are tolerated and kept: an older reader survives a newer writer.
    """

    EVENT_TYPE: ClassVar[EventType] = EventType.STATUS

    schema_version: int = Field(default=1, ge=1, description="Version of this payload's shape.")
    event_id: str = Field(default_factory=new_id, description="Unique id of this message.")
    timestamp: datetime = Field(
        default_factory=utc_now, description="Aware UTC time of what it tells."
    )
    source: str | None = Field(default=None, description="Who published it: module or camera.")
    correlation_id: str | None = Field(
        default=None, description="Born with the first frame or press of a happening."
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="Free facts for debugging; nothing depends on them."
    )

    @property
    def event_type(self) -> EventType:
        """The kind of this message."""
        return self.EVENT_TYPE

    @property
    def data(self) -> dict[str, Any]:
        """The body without the envelope fields."""
        return {name: value for name, value in self if name not in Payload.model_fields}
