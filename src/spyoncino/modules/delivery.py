"""What every channel does alike: keep what is owed, send it, edit it, try again, give up, report.

A channel says how a message is sent and edited; this says when. Of several revisions of a message
that wait only the newest is told. Messages to one target about different events do not wait for
each other, and no target waits for another: each has places and room of its own.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, Final, TypeVar

from spyoncino.core.config_load import LoadedConfig
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import DURABLE_CAPACITY, Consume, OutputModule
from spyoncino.core.guard import limited, sentence
from spyoncino.core.queues import Policy
from spyoncino.core.registry import Registry
from spyoncino.errors import DeliveryError, DeliveryRefusedError, StorageError
from spyoncino.modules.chores import Chores
from spyoncino.modules.delivery_lane import OWED_AT_ONCE, Lane, Times, pause_after_s
from spyoncino.modules.delivery_settings import DeliverySettings
from spyoncino.persistence.deliveries import Delivery, DeliveryKey, DeliveryStore
from spyoncino.schemas.alerts import AlertNotification, DeliveryReport, DeliveryState
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import (
    NOTIFY_CONFIRMED,
    NOTIFY_FAILED,
    NOTIFY_QUEUED,
    NOTIFY_SENT,
    Topic,
)

WAIT_STEP_S: Final = 0.05
"""How often a message that waits for a picture looks whether it has come."""

_TOPICS: Final[dict[DeliveryState, Topic[DeliveryReport]]] = {
    DeliveryState.SENT: NOTIFY_SENT,
    DeliveryState.CONFIRMED: NOTIFY_CONFIRMED,
    DeliveryState.FAILED: NOTIFY_FAILED,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the far side said.

    Args:
        remote_id: What it calls the message; needed to edit it.
        is_confirmed: It has it for good, not only on its way.
    """

    remote_id: str = ""
    is_confirmed: bool = False


def enabled_channels(loaded: LoadedConfig, registry: Registry) -> tuple[str, ...]:
    """Names of the channels that are to tell somebody, in the order of the modules."""
    names = []
    for kind in registry.modules:
        section = loaded.sections.get(kind.section)
        if (
            issubclass(kind, DeliveryModule)
            and isinstance(section, DeliverySettings)
            and section.enabled
        ):
            names.append(kind.channel)
    return tuple(names)


C = TypeVar("C", bound=DeliverySettings)


class DeliveryModule(OutputModule[C]):
    """A channel. A subclass names ``channel`` and implements ``targets`` and ``tell``."""

    channel: ClassVar[str]
    consumes: ClassVar[tuple[Consume, ...]] = (
        Consume(NOTIFY_QUEUED, "on_alert", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
    )
    publishes: ClassVar[tuple[Topic[Any], ...]] = (NOTIFY_SENT, NOTIFY_CONFIRMED, NOTIFY_FAILED)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._store = DeliveryStore(context.database)
        self._chores = Chores(context.log)
        self._due: dict[DeliveryKey, Delivery] = {}
        self._times: dict[DeliveryKey, Times] = {}  # of those that are being worked off
        self._in_try: set[DeliveryKey] = set()
        self._lanes: dict[str, Lane] = {}
        self._is_draining = False
        self._counts = dict.fromkeys(DeliveryState, 0)
        self._failures = 0
        self._last_error = ""

    @abstractmethod
    def targets(self, alert: AlertNotification) -> Sequence[str]:
        """Whom to tell: names that are no secret and stay the same over restarts."""

    @abstractmethod
    async def tell(self, delivery: Delivery) -> Receipt:
        """Send the message, or edit the one that ``delivery.remote_id`` names.

        A crash may follow before the receipt is kept: the same revision is then told again. Where
        the far side knows idempotency keys, ``delivery_id`` is one.

        Raises:
            DeliveryError: Not this time; the pause it asks for is kept.
            DeliveryRefusedError: Never.
        """

    def may_wait_s(self, delivery: Delivery) -> float:
        """How long what is not sent may wait for a newer revision, say with a picture.

        Asked again for each revision; 0 sends at once.
        """
        del delivery
        return 0.0

    @staticmethod
    def delivery_id(delivery: Delivery) -> str:
        """The same for every try of one revision, and for no other."""
        key = delivery.key
        return f"{key.event_ref}/{key.channel}/{key.target}/{delivery.alert.revision}"

    # --- life ------------------------------------------------------------------------------------

    async def configure(self, settings: C) -> None:
        """Take settings; a target that failed may be another now, or gone."""
        await super().configure(settings)
        for lane in self._lanes.values():
            lane.problem = ""

    async def start(self) -> None:
        """Go on with what a former run still owes."""
        self._lanes.clear()
        self._is_draining = False
        if self.settings.enabled:
            for delivery in await self._store.owed(self.channel, OWED_AT_ONCE + 1):
                self._owe(delivery)

    async def drain(self) -> None:
        """Wait for the tries at hand and begin no other: the next start goes on."""
        self._is_draining = True
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes.values():
                group.create_task(lane.close())

    async def stop(self) -> None:
        """Leave what is not told in the table."""
        await self._chores.cancel()
        self._due.clear()
        self._times.clear()

    async def health(self) -> HealthStatus:
        """Degraded while the last try at any target failed."""
        problems = (lane.problem for lane in self._lanes.values() if lane.problem)
        problem = self._chores.last_error or self._last_error or next(problems, "")
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={
                "owed": len(self._due),
                "sent": self._counts[DeliveryState.SENT],
                "given_up": self._counts[DeliveryState.FAILED],
                "failures": self._failures,
                "targets_behind": sum(lane.has_more for lane in self._lanes.values()),
            },
        )

    # --- what is owed ----------------------------------------------------------------------------

    async def on_alert(self, alert: AlertNotification) -> None:
        """Take a revision, if it is this channel's and the channel is on.

        Raises:
            StorageError: The database refused, and the bus repeats.
        """
        if alert.channel == self.channel and self.settings.enabled:
            await self.take(alert)

    async def take(self, alert: AlertNotification) -> None:
        """Owe a revision of this channel: from here on, whatever happens to this program.

        A subclass decides here what it takes, and prepares for it.
        """
        now = self.context.clock.utc_now()
        for target in self.targets(alert):
            key = DeliveryKey(alert.event_ref, self.channel, target)
            delivery = await self._store.want(key, alert, now)
            if delivery.is_due:
                self._owe(delivery)

    def _owe(self, delivery: Delivery) -> None:
        key = delivery.key
        lane = self._lane(key.target)
        if self._is_draining or not lane.takes(key):
            return
        lane.keys.add(key)
        waiting, self._due[key] = self._due.get(key), delivery
        if waiting is not None and delivery.is_loud and not waiting.is_loud:
            self._times[key].end_pause()  # it was one of an edit
        if key not in self._times:
            longest_s = self.settings.give_up_after_s
            self._times[key] = Times(delivery, longest_s, self.context.clock)
            self._chores.start(self._work_off(key), f"{self.name} {key}")

    async def _take_more(self, target: str, lane: Lane) -> None:
        """Read what else is owed to a target; what is in memory is newer than what is read."""
        in_memory = set(lane.keys)
        lane.is_reading, lane.has_more = True, False
        try:
            owed = await self._store.owed(self.channel, OWED_AT_ONCE + 1, target)
        except StorageError as error:
            self._last_error = str(error)
            self.context.log.error("what is owed cannot be read yet", error=str(error))
            await self.context.clock.sleep(self.settings.first_retry_s)
            owed, lane.has_more = [], True
        finally:
            lane.is_reading = False
        lane.has_more = lane.has_more or len(owed) > OWED_AT_ONCE
        for delivery in owed:
            if delivery.key not in in_memory:
                self._owe(delivery)

    async def _work_off(self, key: DeliveryKey) -> None:
        """Tell the newest revision of one message until the far side has it or it is given up."""
        lane = self._lane(key.target)
        try:
            while (delivery := self._due.get(key)) is not None:
                await self._wait_until_due(delivery)
                async with lane.places(self._due[key]):
                    await self._try(self._due[key])  # a newer revision may have come meanwhile
        finally:
            self._times.pop(key, None)
            lane.keys.discard(key)
        while lane.wants_more:
            await self._take_more(key.target, lane)

    async def _wait_until_due(self, delivery: Delivery) -> None:
        times = self._times[delivery.key]
        await times.until_due()
        if (pause_s := self._lane(delivery.key.target).breaker.opens_in_s) > 0:
            await self.context.clock.sleep(pause_s)
        while self.may_wait_s(self._due[delivery.key]) > times.waited_s:
            await self.context.clock.sleep(WAIT_STEP_S)

    # --- one try ---------------------------------------------------------------------------------

    async def _try(self, delivery: Delivery) -> None:
        breaker = self._lane(delivery.key.target).breaker
        if not breaker.may_try():  # somebody else makes the one trial
            await self.context.clock.sleep(self.settings.first_retry_s)
            return
        receipts: list[Receipt] = []

        async def tell() -> None:
            receipts.append(await self.tell(delivery))

        self._in_try.add(delivery.key)
        try:
            error = await limited(tell(), self.settings.timeout_s)
            if error is None:
                breaker.succeeded()
                await self._note_sent(delivery, receipts[0])
            elif isinstance(error, DeliveryRefusedError):
                breaker.succeeded()  # it answers: the channel is well
                await self._give_up(delivery, sentence(error))
            else:
                await self._postpone(delivery, error)
        finally:
            self._in_try.discard(delivery.key)

    async def _note_sent(self, delivery: Delivery, receipt: Receipt) -> None:
        self._last_error = self._lane(delivery.key.target).problem = ""
        revision, remote_id = delivery.alert.revision, receipt.remote_id or delivery.remote_id
        await self._keep(
            lambda: self._store.sent(
                delivery.key, revision, remote_id, confirmed=receipt.is_confirmed
            )
        )
        newest = self._due[delivery.key]
        if newest.alert.revision > revision:
            self._times[delivery.key].pause(0.0)
            self._due[delivery.key] = replace(
                newest, sent_revision=revision, remote_id=remote_id, attempts=0, retry_at=None
            )
        else:
            del self._due[delivery.key]
        told = replace(delivery, remote_id=remote_id)
        await self._report(told, DeliveryState.SENT)
        if receipt.is_confirmed:
            await self._report(told, DeliveryState.CONFIRMED)

    async def _postpone(self, delivery: Delivery, error: Exception) -> None:
        """Wait longer after each failure; what was not tried yet is none."""
        is_failure, reason = self._lane(delivery.key.target).failed(error), sentence(error)
        self._failures += is_failure
        now, attempts = self.context.clock.utc_now(), delivery.attempts + is_failure
        if self._times[delivery.key].age_s > self.settings.give_up_after_s:
            hours = self.settings.give_up_after_s / 3600
            await self._give_up(delivery, f"not delivered within {hours:g} h: {reason}")
            return
        asked_s = error.retry_after_s if isinstance(error, DeliveryError) else None
        longest_s = self.settings.longest_retry_s
        pause_s = pause_after_s(attempts, self.settings.first_retry_s, longest_s)
        if asked_s is not None:  # who asks for a century is asked once more before it is given up
            pause_s = min(asked_s, self.settings.give_up_after_s)
        retry_at = now + timedelta(seconds=pause_s)
        times, newest = self._times[delivery.key], self._due[delivery.key]
        times.pause(pause_s, is_asked=is_failure and asked_s is not None)
        if newest.is_loud and not delivery.is_loud:
            times.end_pause()
        self._due[delivery.key] = replace(newest, attempts=attempts, retry_at=retry_at)
        self.context.log.warning(
            "not delivered yet",
            channel=self.channel,
            target=delivery.key.target,
            event_ref=delivery.key.event_ref,
            again_in_s=round(pause_s, 1),
            why=reason,
        )
        await self._keep(lambda: self._store.postponed(delivery.key, attempts, retry_at, reason))

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        self._lane(delivery.key.target).problem = reason
        self.context.log.error(
            "not delivered",
            channel=self.channel,
            target=delivery.key.target,
            event_ref=delivery.key.event_ref,
            why=reason,
        )
        await self._keep(
            lambda: self._store.given_up(delivery.key, delivery.alert.revision, reason)
        )
        if self._due[delivery.key].alert.revision == delivery.alert.revision:
            del self._due[delivery.key]  # a newer one may fit where this did not
        await self._report(delivery, DeliveryState.FAILED, reason)

    async def _keep(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write down what happened; the far side has it already, so a refusal is only repeated."""
        while True:
            try:
                await write()
            except StorageError as error:
                self._last_error = str(error)
                self.context.log.error("a delivery was not noted yet", error=str(error))
                await self.context.clock.sleep(self.settings.first_retry_s)
            else:
                return

    async def _report(self, delivery: Delivery, state: DeliveryState, reason: str = "") -> None:
        self._counts[state] += 1
        now = self.context.clock.utc_now()
        report = DeliveryReport(
            source=self.name,
            timestamp=now,
            correlation_id=delivery.alert.correlation_id,
            event_ref=delivery.key.event_ref,
            channel=self.channel,
            target=delivery.key.target,
            revision=delivery.alert.revision,
            state=state,
            remote_id=delivery.remote_id,
            attempts=delivery.attempts + 1,
            after_s=(now - delivery.alert.timestamp).total_seconds(),
            reason=reason,
        )
        await self.publish(_TOPICS[state].of(self.channel), report)

    def _lane(self, target: str) -> Lane:
        lane = self._lanes.get(target)
        if lane is None:
            lane = self._lanes[target] = Lane(self.settings.at_once, self.context.clock)
        return lane
