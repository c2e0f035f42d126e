"""A message about an event whose past was relabelled: the same message, with the names of now."""

from datetime import datetime

from spyoncino.alerts.rules import Moment
from spyoncino.alerts.text import words
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.base import new_id
from spyoncino.schemas.events import Event


def told_anew(alert: AlertNotification, event: Event, now: datetime) -> AlertNotification:
    """The next revision of a message, for an event that has other names now.

    Words that a rule's template made cannot be made again without it: who it was is added.

    Args:
        alert: The newest revision.
        event: As it is now.
        now: Aware; a revision that was written later is newer.
    """
    moment = Moment(event.started_at.astimezone(), None)
    after = words(event, moment, event.camera)
    before = None if alert.event is None else words(alert.event, moment, event.camera)
    is_plain = before is not None and before.text == alert.text
    return alert.model_copy(
        update={
            "event_id": new_id(),
            "timestamp": now,
            "revision": alert.revision + 1,
            "title": after.title,
            "text": after.text if is_plain else f"{alert.text}\n{after.title}",
            "event": event,
        }
    )
