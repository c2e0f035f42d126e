"""Decisions: recorded reasons, so that «why was I not alerted?» has an answer."""

from pydantic import Field

from spyoncino.schemas.base import Record


class Decision(Record):
    """One reason: a stage let something pass or stopped it, with the number it compared.

    Equal decisions that follow each other are merged: ``count`` grows, ``value`` is the last one
    and ``peak`` the largest.
    """

    stage: str = Field(description="Module that decided, for example process.tracker.")
    camera: str
    subject: str = Field(description="What it is about: frame, track 3, event …, region.")
    passed: bool
    reason: str = Field(description="Plain words, without the numbers.")
    quantity: str = Field(default="", description="Name and unit of what was compared.")
    value: float | None = None
    limit: float | None = Field(default=None, description="What it was compared with.")
    peak: float | None = None
    first_s: float = Field(description="Camera time of the first of the merged decisions.")
    last_s: float
    count: int = Field(default=1, ge=1)
    event_ref: str | None = None
