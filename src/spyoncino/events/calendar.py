"""The day under which an event is filed."""

from datetime import date

from spyoncino.schemas.events import Event, EventState


def day_of(event: Event) -> date:
    """The local day on which the event was opened.

    The moment of opening never changes, unlike the event's start, which an earlier track may move:
    all files of an event lie in one folder, also around midnight.
    """
    opened_at = event.transitions.get(EventState.CREATED.value, event.started_at)
    return opened_at.astimezone().date()
