"""Questions on the bus and their answers."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from spyoncino.schemas.base import EventType, Payload, Record


class EventInquiry(Payload):
    """How many events were there? Answered by ``EventCounts``."""

    EVENT_TYPE: ClassVar[EventType] = EventType.COMMAND

    since: datetime | None = Field(default=None, description="Begun at this time or later.")
    until: datetime | None = Field(default=None, description="Begun at this time or earlier.")
    camera: str | None = Field(default=None, description="Of this camera only.")


class LabelCount(Record):
    """Events of one camera that bear one label."""

    camera: str
    label: str
    events: int


class EventCounts(Payload):
    """Events in a period; one with two labels counts for each of them, and once in the total."""

    total: int
    by_label: tuple[LabelCount, ...] = ()
