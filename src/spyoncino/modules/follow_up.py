"""What channels that cannot edit have in common: few messages of one event, the first complete."""

from collections import OrderedDict
from typing import Final, Literal, TypeVar

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.modules.delivery import DeliveryModule
from spyoncino.modules.delivery_settings import DeliverySettings
from spyoncino.persistence.deliveries import Delivery
from spyoncino.schemas.alerts import AlertNotification

FollowUp = Literal["none", "names", "final", "all"]
"""Further messages of an event: none; when somebody is recognised; also when it is over; all.
Whatever is wished, one that is to be heard (somebody rang) is told."""

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
        if alert.revision == alert.loud_revision or is_waiting or follow_up == "all":
            return True
        if follow_up == "final" and alert.is_final:
            return True
        return follow_up in ("names", "final") and has_new_name


class FollowUpSettings(DeliverySettings):
    """What the section of a channel that cannot edit has."""

    picture_wait_s: float = Field(
        default=1.0,
        ge=0,
        le=30,
        description="What is sent cannot be changed, so the first message waits so long for a "
        "picture.",
    )
    follow_up: FollowUp = Field(
        default="final",
        description="Further messages of an event: none, but for one when somebody rings; names: "
        "when somebody is recognised; final: also when it is over and its clip is ready; all: "
        "every change.",
    )


F = TypeVar("F", bound=FollowUpSettings)


class FollowUpModule(DeliveryModule[F]):
    """A channel that cannot edit: a first message with the picture, few more as ``follow_up``."""

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._follow_ups = FollowUps()

    async def take(self, alert: AlertNotification) -> None:
        """Owe a revision that is worth a message."""
        waiting = self._due.keys() - self._in_try
        is_waiting = any(key.event_ref == alert.event_ref for key in waiting)
        wish = self.settings.follow_up
        if self._follow_ups.is_worth_one(alert, wish, is_waiting=is_waiting):
            await super().take(alert)

    def may_wait_s(self, delivery: Delivery) -> float:
        """The first message waits for its picture."""
        has_picture = any(path.endswith(".jpg") for path in delivery.alert.media)
        is_first = delivery.sent_revision == 0 and delivery.alert.event is not None
        return self.settings.picture_wait_s if is_first and not has_picture else 0.0
