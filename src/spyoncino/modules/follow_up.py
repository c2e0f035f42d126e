"""What channels that cannot edit have in common: few messages of one event, the first complete."""

from collections.abc import Sequence
from typing import Literal, TypeVar

from pydantic import Field

from spyoncino.modules.delivery import DeliveryModule
from spyoncino.modules.delivery_settings import DeliverySettings
from spyoncino.persistence.deliveries import Delivery
from spyoncino.schemas.alerts import AlertNotification

FollowUp = Literal["none", "names", "final", "all"]
"""Further messages of an event: none; when somebody is recognised; also when it is over; all.
Whatever is wished, one that is to be heard (somebody rang) is told."""


def is_worth_one(
    alert: AlertNotification,
    follow_up: FollowUp,
    taken: Sequence[AlertNotification],
    *,
    is_waiting: bool,
) -> bool:
    """Whether a revision of an event is worth a message of its own.

    Args:
        alert: The revision.
        follow_up: What the settings want.
        taken: The newest revision that was worth one, of each target; a former run may have told
            it. Empty: none was yet.
        is_waiting: It has not been sent yet, and this one takes its place.
    """
    if not taken or is_waiting or follow_up == "all":
        return True
    if any(former.revision < alert.loud_revision for former in taken):
        return True
    if follow_up == "none":
        return False
    is_over = any(former.is_final for former in taken) and alert.event is not None
    if follow_up == "final" and alert.is_final and not is_over:
        return True
    return any(_names(alert) - _names(former) for former in taken)


def _names(alert: AlertNotification) -> set[str]:
    return set() if alert.event is None else set(alert.event.names)


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

    async def take(self, alert: AlertNotification) -> None:
        """Owe a revision that is worth a message; what the table has says what was told before."""
        targets = self.targets(alert)
        rows = [
            row
            for row in await self._store.of_event(alert.event_ref)
            if row.key.channel == self.channel and row.key.target in targets
        ]
        is_waiting = any(row.is_due and row.key not in self._in_try for row in rows)
        taken = [row.alert for row in rows]
        if is_worth_one(alert, self.settings.follow_up, taken, is_waiting=is_waiting):
            await super().take(alert)

    def may_wait_s(self, delivery: Delivery) -> float:
        """The first message waits for its picture."""
        has_picture = any(path.endswith(".jpg") for path in delivery.alert.media)
        is_first = delivery.sent_revision == 0 and delivery.alert.event is not None
        return self.settings.picture_wait_s if is_first and not has_picture else 0.0
