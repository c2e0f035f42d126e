"""What channels that cannot edit have in common: few messages of one event, the first complete."""

from collections import OrderedDict
from typing import Final, Literal

from spyoncino.persistence.deliveries import Delivery
from spyoncino.schemas.alerts import AlertNotification

FollowUp = Literal["none", "names", "final", "all"]
"""Further messages of an event: none; when somebody is recognised; also when it is over; all."""

EVENTS_KEPT: Final = 256
"""Events of which it is remembered who was named in the last revision."""


class FollowUps:
    """Decides which revisions of an event are worth a message of their own."""

    def __init__(self) -> None:
        self._named: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._named)

    def is_worth_one(
        self, alert: AlertNotification, follow_up: FollowUp, *, is_waiting: bool
    ) -> bool:
        """Whether a revision is told; call it for every one.

        Args:
            alert: The revision.
            follow_up: What the settings want.
            is_waiting: An older one has not been sent yet, and this one takes its place.
        """
        names = () if alert.event is None else alert.event.names
        before = self._named.get(alert.event_ref)
        has_new_name = before is not None and bool(set(names) - set(before))
        self._named[alert.event_ref] = names
        self._named.move_to_end(alert.event_ref)
        while len(self._named) > EVENTS_KEPT:
            self._named.popitem(last=False)
        if alert.revision == 1 or is_waiting or follow_up == "all":
            return True
        if follow_up == "final" and alert.is_final:
            return True
        return follow_up in ("names", "final") and has_new_name


def wait_for_picture_s(delivery: Delivery, wait_s: float) -> float:
    """How long a first message may wait: ``wait_s`` while its event has no picture."""
    has_picture = any(path.endswith(".jpg") for path in delivery.alert.media)
    return wait_s if delivery.alert.event is not None and not has_picture else 0.0
