"""Modes of the whole house: what a person has told it about who is there."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from spyoncino.schemas.base import EventType, Payload


class Mode(StrEnum):
    """Who is at home, and how much may be seen."""

    HOME = "home"
    AWAY = "away"
    NIGHT = "night"
    PRIVACY = "privacy"


class SystemMode(Payload):
    """The mode that holds from here on; told at each start, too."""

    mode: Mode
    author: str = Field(default="unknown", description="Who chose it: cli, page, a module.")


class ModeOrder(Payload):
    """Choose a mode, or ask which one holds. Answered by ``SystemMode``."""

    EVENT_TYPE: ClassVar[EventType] = EventType.COMMAND

    mode: Mode | None = Field(default=None, description="Empty: only ask.")
    author: str = "unknown"
