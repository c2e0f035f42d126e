"""Alerts: one message per event and channel, edited as facts arrive, and how its delivery goes."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from spyoncino.schemas.base import EventType, Payload
from spyoncino.schemas.events import Event


class AlertPriority(StrEnum):
    """How much a message may disturb."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class AlertNotification(Payload):
    """What a channel is to tell about one event now; a newer revision replaces the older ones."""

    EVENT_TYPE: ClassVar[EventType] = EventType.ALERT

    event_ref: str = Field(description="Id of the event.")
    channel: str = Field(description="Name of the channel, such as telegram.")
    title: str = Field(default="", description="One short line.")
    text: str = Field(description="What happened, one sentence.")
    revision: int = Field(
        default=1, ge=1, description="1 is sent, higher ones edit the same message."
    )
    loud_revision: int = Field(
        default=1,
        ge=1,
        description="The one that is to be heard: the first, or a later one with which somebody "
        "rang or it became more urgent.",
    )
    media: tuple[str, ...] = Field(
        default=(), description="Paths relative to the data folder, the most telling first."
    )
    priority: AlertPriority = AlertPriority.NORMAL
    rule: str = Field(default="", description="Name of the rule that wants it told.")
    is_final: bool = Field(default=False, description="Nothing about the event follows.")
    event: Event | None = Field(
        default=None, description="The event; none in what tells of no event, such as a test."
    )


class DeliveryState(StrEnum):
    """How far a message has come."""

    QUEUED = "queued"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class DeliveryReport(Payload):
    """A revision reached a target of a channel, or never will."""

    EVENT_TYPE: ClassVar[EventType] = EventType.ALERT

    event_ref: str
    channel: str
    target: str = Field(description="Whom: a chat, an address, a topic; never a secret.")
    revision: int = Field(ge=1)
    state: DeliveryState
    remote_id: str = Field(default="", description="What the far side calls the message.")
    attempts: int = Field(default=1, ge=0)
    after_s: float | None = Field(
        default=None, description="Seconds since the event was told to the channel."
    )
    reason: str = Field(default="", description="Why it failed, one sentence.")
