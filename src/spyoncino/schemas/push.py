"""What the page asks the channel of Web Push before a browser can subscribe."""

from typing import ClassVar

from pydantic import Field

from spyoncino.schemas.base import EventType, Payload


class PushKeyInquiry(Payload):
    """With which key does this house sign? Answered by ``PushKey``."""

    EVENT_TYPE: ClassVar[EventType] = EventType.COMMAND


class PushKey(Payload):
    """The public key of this house."""

    EVENT_TYPE: ClassVar[EventType] = EventType.COMMAND

    public_key: str = Field(description="Base64url, as browsers take it; empty: there is none.")
    reason: str = Field(default="", description="Why there is none, one sentence.")
