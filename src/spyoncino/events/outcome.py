"""What the event builder gives back: changes of events, and the reasons for them."""

from dataclasses import dataclass
from enum import StrEnum

from spyoncino.events.remarks import Remark
from spyoncino.schemas.events import Event


class ChangeKind(StrEnum):
    """What happened to an event."""

    CREATED = "created"
    UPDATED = "updated"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class EventChange:
    """One change, and the event as it stands after it."""

    kind: ChangeKind
    event: Event


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one observation led to, in order, and the reasons for it."""

    changes: tuple[EventChange, ...]
    remarks: tuple[Remark, ...]
