"""A reason that a pure rule gives for what it did, before anybody records it as a decision."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """One reason; the fields are those of ``schemas.decisions.Decision`` without who and where.

    Args:
        subject: What it is about: ``track 3``, ``best picture``, ``event …``.
        passed: Whether it was let through.
        reason: Plain words, without the numbers.
        at_s: Camera time.
        quantity: Name and unit of what was compared, or empty.
        value: What was compared.
        limit: What it was compared with.
        event_ref: The event that was open.
    """

    subject: str
    passed: bool
    reason: str
    at_s: float
    quantity: str = ""
    value: float | None = None
    limit: float | None = None
    event_ref: str | None = None
