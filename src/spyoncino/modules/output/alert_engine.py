"""Turns events into one message for each channel, and edits it as facts arrive.

The rules are in ``alerts.rules``, what holds them back in ``alerts.restraint``, the words in
``alerts.text``; how a message is delivered is the channel's affair.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from spyoncino.alerts.restraint import Digest, Limits, Restraint
from spyoncino.alerts.rules import (
    Moment,
    Rule,
    matching,
    why_not,
)
from spyoncino.alerts.text import words
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import DURABLE_CAPACITY, Consume, OutputModule
from spyoncino.core.mute_orders import muted_by
from spyoncino.core.queues import Policy
from spyoncino.errors import UsageError
from spyoncino.events.recent_ids import RecentIds
from spyoncino.modules.alert_settings import AlertSettings
from spyoncino.modules.chores import Chores
from spyoncino.persistence.deliveries import Delivery, DeliveryStore
from spyoncino.persistence.media import MediaStore
from spyoncino.persistence.mutes import MuteStore
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.events import CLOSED_STATES, Event, EventUpdate
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.modes import Mode, SystemMode
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import (
    CONTROL_COMMAND,
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    MEDIA_READY,
    NOTIFY_QUEUED,
    SYSTEM_MODE,
)

EVENTS_KEPT = 256
"""Events whose messages can still change; far more than happen at the same time."""

SETTLE_S = 2.0
"""So long after a start the channels take what a former run published; until then their table may
not know yet what was told of an event of that run."""

SHOWN_KINDS = frozenset(kind.value for kind in MediaKind if kind is not MediaKind.WEBP)
"""What may come with a message."""

TICK_S = 5.0
"""How often it is looked whether a digest is due."""


@dataclass(slots=True)
class _Message:
    """What one channel was last told about an event."""

    rule: Rule
    alert: AlertNotification


@dataclass(slots=True)
class _Sheet:
    """One event: its newest state, its files, and who was told."""

    event: Event
    moment: Moment
    media: dict[str, str] = field(default_factory=dict)
    told: dict[str, _Message] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)


class AlertEngine(OutputModule[AlertSettings]):
    """Publishes ``notify.{channel}.queued``: once for each event and channel, then its changes."""

    name = "output.alert_engine"
    section = "alerts"
    settings_model = AlertSettings
    is_outbound = False
    consumes = (
        Consume(EVENT_CREATED, "on_event", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
        Consume(EVENT_UPDATED, "on_event", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
        Consume(EVENT_COMPLETED, "on_event", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
        Consume(MEDIA_READY, "on_media", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
        Consume(SYSTEM_MODE, "on_mode", Policy.LATEST),
        Consume(CONTROL_COMMAND, "on_command", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
    )
    publishes = (NOTIFY_QUEUED,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._sheets: dict[str, _Sheet] = {}
        self._closed = RecentIds()
        self._restraint = Restraint(Limits())
        self._deliveries = DeliveryStore(context.database)
        self._mutes = MuteStore(context.database)
        self._chores = Chores(context.log)
        self._turn = asyncio.Lock()
        self._mode: Mode | None = None
        self._digest_due_s = 0.0
        self._started_at = context.clock.utc_now()
        self._settled_s = 0.0
        self._media = MediaStore(context.database)
        self._counts = {"told": 0, "edited": 0, "held_back": 0, "silent": 0, "digests": 0}

    async def configure(self, settings: AlertSettings) -> None:
        """Take new rules; messages that were sent are edited by the rule that sent them."""
        await super().configure(settings)
        self._restraint.limits = settings.to_limits()

    async def start(self) -> None:
        """Know what is muted, and begin to look for digests that are due."""
        self._started_at = self.context.clock.utc_now()
        self._settled_s = self._now_s() + SETTLE_S
        muted = await self._mutes.in_force(self._started_at)
        self._restraint.mutes = {mute.camera: mute.until for mute in muted}
        self._digest_due_s = self._now_s() + self.settings.digest_every_s
        self._chores.start(self._tell_digests(), "digests")

    async def stop(self) -> None:
        """Forget what may still have changed; what is owed is in the channels' table."""
        await self._chores.cancel()
        self._sheets.clear()

    async def health(self) -> HealthStatus:
        """Tells how many messages were begun, changed and held back."""
        problem = self._chores.last_error
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={
                **{name: float(count) for name, count in self._counts.items()},
                "muted": float(self._muted_count()),
            },
        )

    def _muted_count(self) -> int:
        now = self.context.clock.utc_now()
        return sum(until > now for until in self._restraint.mutes.values())

    async def on_mode(self, told: SystemMode) -> None:
        """Know the mode of the house."""
        self._mode = told.mode

    async def on_command(self, command: ControlCommand) -> None:
        """Mute a camera, or end its mute; see ``core.mute_orders``.

        Raises:
            StorageError: The database refused, and the bus repeats.
        """
        try:
            mute = muted_by(command, self.context.cameras)
        except UsageError as error:
            self.context.log.error("not muted", by=command.source, error=str(error))
            return
        if mute is None:
            return
        if mute.until > self.context.clock.utc_now():
            await self._mutes.put(mute)
            self._restraint.mutes[mute.camera] = mute.until
        else:
            await self._mutes.end(mute.camera)
            self._restraint.mutes.pop(mute.camera, None)
        self.context.log.info(
            "mute changed", camera=mute.camera, until=mute.until.isoformat(), by=mute.author
        )

    async def on_event(self, update: EventUpdate) -> None:
        """Tell an event, or what is new of it."""
        async with self._turn:
            event = update.event
            sheet = await self._sheet(event)
            if sheet.event.state not in CLOSED_STATES or event.state in CLOSED_STATES:
                sheet.event = event
            await self._consider(sheet)

    async def on_media(self, artifact: MediaArtifact) -> None:
        """Show a file that is ready with the message of its event."""
        async with self._turn:
            if artifact.kind.value not in SHOWN_KINDS:
                return
            sheet = await self._known_sheet(artifact)
            if sheet is None:
                return
            sheet.media[artifact.kind.value] = artifact.path
            await self._consider(sheet, is_repicture=artifact.kind is MediaKind.SNAPSHOT)

    async def _sheet(self, event: Event) -> _Sheet:
        sheet = self._sheets.get(event.event_id)
        if sheet is None:
            is_old = event.started_at < self._started_at
            told = await self._told_before(event.event_id, is_old=is_old)
            known = _newest(told)
            is_over = known is not None and known.state in CLOSED_STATES
            sheet = await self._new_sheet(known if known and is_over else event, told)
        return sheet

    async def _known_sheet(self, artifact: MediaArtifact) -> _Sheet | None:
        """The sheet of a file's event; of one that is not in memory any more only if it was told.

        What was silent or held back stays so: its file is no reason to tell it late.
        """
        sheet = self._sheets.get(artifact.event_ref)
        if sheet is None:
            told = await self._told_before(artifact.event_ref, is_old=True)
            if (event := _newest(told)) is not None:
                sheet = await self._new_sheet(event, told)
        return sheet

    async def _told_before(self, event_ref: str, *, is_old: bool) -> list[Delivery]:
        """What is in the channels' table of an event, oldest revision first.

        Of an event of a former run it may not all be there yet: for a while it is waited for.
        """
        left_s = self._settled_s - self._now_s()
        if is_old and left_s > 0:
            await self.context.clock.sleep(left_s)
        told = await self._deliveries.of_event(event_ref)
        return sorted(told, key=lambda each: each.alert.revision)

    async def _new_sheet(self, event: Event, told: Sequence[Delivery]) -> _Sheet:
        """A sheet on which stands what was told before: it is edited, not told again."""
        moment = Moment(event.started_at.astimezone(), self._mode)
        sheet = self._sheets[event.event_id] = _Sheet(event, moment)
        rules = {rule.name: rule for rule in self._rules()}
        for delivery in told:
            channel, alert = delivery.key.channel, delivery.alert
            rule = rules.get(alert.rule, Rule(alert.rule, channels=(channel,)))
            sheet.told[channel] = _Message(rule, alert)
        if told or event.started_at < self._started_at:
            files = await self._media.of_event(event.event_id)
            shown = {each.kind.value: each.path for each in files}
            sheet.media = {kind: shown[kind] for kind in SHOWN_KINDS & shown.keys()}
        while len(self._sheets) > EVENTS_KEPT:
            del self._sheets[next(iter(self._sheets))]
        return sheet

    def _rules(self) -> tuple[Rule, ...]:
        return self.settings.to_rules(self.context.channels())

    # --- what is told ----------------------------------------------------------------------------

    async def _consider(self, sheet: _Sheet, *, is_repicture: bool = False) -> None:
        event = sheet.event
        for channel, message in sheet.told.items():
            await self._edit(sheet, channel, message, is_repicture=is_repicture)
        rules = self._rules()
        for channel, rule in matching(rules, event, sheet.moment).items():
            if channel not in sheet.told:
                await self._begin(sheet, channel, rule)
        if event.state in CLOSED_STATES and event.event_id not in self._closed:
            self._closed.add(event.event_id)
            self._explain(sheet, rules)

    async def _begin(self, sheet: _Sheet, channel: str, rule: Rule) -> None:
        event, now_s = sheet.event, self._now_s()
        local = self.context.clock.utc_now().astimezone()
        reason = self._restraint.why_not(rule, channel, event, local, now_s)
        if reason:
            if channel not in sheet.held:
                self._counts["held_back"] += 1
                self._restraint.held_back(channel, event, reason, sheet.moment.local)
            sheet.held[channel] = reason
            return
        alert = self._alert(sheet, channel, rule, revision=1)
        await self.publish(NOTIFY_QUEUED.of(channel), alert)  # first: if it fails, it is repeated
        self._restraint.told(rule, channel, event, now_s)
        sheet.held.pop(channel, None)
        sheet.told[channel] = _Message(rule, alert)
        self._counts["told"] += 1

    async def _edit(
        self, sheet: _Sheet, channel: str, message: _Message, *, is_repicture: bool
    ) -> None:
        alert = self._alert(sheet, channel, message.rule, revision=message.alert.revision + 1)
        if not is_repicture and _content(alert) == _content(message.alert):
            return
        await self.publish(NOTIFY_QUEUED.of(channel), alert)
        message.alert = alert
        self._counts["edited"] += 1

    def _alert(self, sheet: _Sheet, channel: str, rule: Rule, revision: int) -> AlertNotification:
        event = sheet.event
        told = words(event, sheet.moment, event.camera, rule.text)
        media = tuple(sheet.media[kind] for kind in rule.media if kind in sheet.media)
        return AlertNotification(
            source=self.name,
            timestamp=self.context.clock.utc_now(),
            correlation_id=event.event_id,
            event_ref=event.event_id,
            channel=channel,
            title=told.title,
            text=told.text,
            revision=revision,
            media=media,
            priority=rule.priority,
            rule=rule.name,
            is_final=event.state in CLOSED_STATES and len(media) == len(rule.media),
            event=event,
        )

    def _explain(self, sheet: _Sheet, rules: tuple[Rule, ...]) -> None:
        """Say once of each event who was told, and why not."""
        event = sheet.event
        for channel, message in sheet.told.items():
            self._record(event, True, f"told by {channel}, rule {message.rule.name!r}")
        for channel, reason in sheet.held.items():
            self._record(event, False, f"held back from {channel}: {reason}")
        if not sheet.told and not sheet.held:
            self._counts["silent"] += 1
            for rule in rules:
                reason = why_not(rule.when, event, sheet.moment) or "it names no enabled channel"
                self._record(event, False, f"rule {rule.name!r}: {reason}")

    def _record(self, event: Event, passed: bool, reason: str) -> None:
        self.context.decisions.record(
            self.name,
            event.camera,
            "alert",
            passed,
            reason,
            at_s=event.end_s,
            event_ref=event.event_id,
        )

    # --- what was held back ----------------------------------------------------------------------

    async def _tell_digests(self) -> None:
        while True:
            await self.context.clock.sleep(TICK_S)
            now = self.context.clock.utc_now().astimezone()
            quiet = self._restraint.limits.quiet
            if self._now_s() < self._digest_due_s or (quiet is not None and now.time() in quiet):
                continue
            self._digest_due_s = self._now_s() + self.settings.digest_every_s
            async with self._turn:
                for channel, digest in self._restraint.take_digests().items():
                    await self._tell_digest(channel, digest, now)

    async def _tell_digest(self, channel: str, digest: Digest, now: datetime) -> None:
        self._counts["digests"] += 1
        alert = AlertNotification(
            source=self.name,
            timestamp=self.context.clock.utc_now(),
            event_ref=f"digest-{now:%Y%m%dT%H%M%S}",
            channel=channel,
            title="Not told one by one",
            text=digest.text(),
            priority=AlertPriority.LOW,
            rule="digest",
            is_final=True,
        )
        await self.publish(NOTIFY_QUEUED.of(channel), alert)

    def _now_s(self) -> float:
        return self.context.clock.monotonic_ns() / 1e9


def _newest(told: Sequence[Delivery]) -> Event | None:
    """The event as it was told last; revisions of several channels do not compare, states do."""
    alerts = sorted((each.alert for each in told), key=lambda alert: alert.timestamp)
    events = [alert.event for alert in alerts if alert.event is not None]
    events.sort(key=lambda event: event.state in CLOSED_STATES)
    return events[-1] if events else None


def _content(alert: AlertNotification) -> Mapping[str, object]:
    """What of a message a person or a program would see change."""
    event = alert.event
    state = None
    if event is not None:
        who = [(each.decision, each.name) for each in event.identities]
        state = (event.state, who, len(event.presses))
    return {
        "title": alert.title,
        "text": alert.text,
        "media": alert.media,
        "state": state,
        "is_final": alert.is_final,
    }
