"""Alerts: one message per event and channel, edited as facts arrive."""

from typing import ClassVar

from pydantic import Field

from spyoncino.schemas.base import EventType, Payload


class AlertNotification(Payload):
    """What a channel is asked to tell."""

    EVENT_TYPE: ClassVar[EventType] = EventType.ALERT

    event_ref: str
    channel: str
    text: str
    revision: int = Field(
        default=1, ge=1, description="1 is sent, higher ones edit the same message."
    )
    media: tuple[str, ...] = Field(default=(), description="Paths relative to the data folder.")
