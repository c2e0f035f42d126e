"""Turns events into one message for each channel, and edits it as facts arrive.

The rules are in ``alerts.rules``, what holds them back in ``alerts.restraint``, the words in
``alerts.text``; how a message is delivered is the channel's affair.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from spyoncino.alerts.restraint import MAX_REMEMBERED, WINDOW_S, Digest, Limits, Restraint
from spyoncino.alerts.rules import Rule, is_louder, matching, why_not
from spyoncino.alerts.text import words
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import DURABLE_CAPACITY, Consume, OutputModule
from spyoncino.core.mute_orders import muted_by
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError, UsageError
from spyoncino.events.recent_ids import RecentIds
from spyoncino.modules.alert_book import AlertBook, Message, Sheet
from spyoncino.modules.alert_settings import AlertSettings
from spyoncino.modules.chores import Chores
from spyoncino.persistence.deliveries import DeliveryStore
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.persistence.mutes import MuteStore
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.events import CLOSED_STATES, Event, EventState, EventUpdate
from spyoncino.schemas.media import MediaArtifact, MediaKind, StorageAck
from spyoncino.schemas.modes import Mode, SystemMode
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import (
    CONTROL_COMMAND,
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_RELABELLED,
    EVENT_UPDATED,
    MEDIA_READY,
    NOTIFY_QUEUED,
    SYSTEM_MODE,
)

SHOWN_KINDS = frozenset(kind.value for kind in MediaKind if kind is not MediaKind.WEBP)
"""What may come with a message."""

TICK_S = 5.0
"""How often it is looked whether a digest is due."""

FORGET_EVERY_S: Final = 3600.0
"""How often what is older than ``keep_days`` is deleted."""

RETELL_FOR: Final = timedelta(hours=24)
"""Messages of events that ended before are not edited when somebody gets a name: a stranger who
came for a year would edit a hundred, which nobody looks at and every far side counts. A channel
gives up what it owes after the same time (``give_up_after_s``)."""


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
        Consume(EVENT_RELABELLED, "on_relabelled", Policy.BLOCK, DURABLE_CAPACITY),
        Consume(SYSTEM_MODE, "on_mode", Policy.LATEST),
        Consume(CONTROL_COMMAND, "on_command", Policy.BLOCK, DURABLE_CAPACITY, durable=True),
    )
    publishes = (NOTIFY_QUEUED,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._book = AlertBook(context.database, context.clock)
        self._closed = RecentIds()
        self._restraint = Restraint(Limits())
        self._deliveries = DeliveryStore(context.database)
        self._mutes = MuteStore(context.database)
        self._chores = Chores(context.log)
        self._turn = asyncio.Lock()
        self._mode: Mode | None = None
        self._digest_due_s = 0.0
        self._forget_due_s = 0.0
        self._media = MediaStore(context.database)
        self._events = EventStore(context.database)
        self._counts = dict.fromkeys(
            ("told", "edited", "raised", "held_back", "silent", "digests"), 0
        )

    async def configure(self, settings: AlertSettings) -> None:
        """Take new rules; messages that were sent are edited by the rule that told them."""
        await super().configure(settings)
        self._restraint.limits = settings.to_limits()

    async def start(self) -> None:
        """Know what is muted, told and held back, and begin to look for digests that are due."""
        now = self.context.clock.utc_now()
        muted = await self._mutes.in_force(now)
        self._restraint.mutes = {mute.camera: mute.until for mute in muted}
        await self._remember(now)
        self._digest_due_s = self._now_s() + self.settings.digest_every_s
        self._chores.start(self._look_after(), "digests")

    async def _remember(self, now: datetime) -> None:
        """Go on with the pauses, the rate limit and the digest of a former run.

        Sheets come by their last edit; of two messages the one that was begun later counts.
        """
        longest_s = max([WINDOW_S, *(rule.cooldown_s for rule in self._rules())])
        sheets = await self._book.told_since(now - timedelta(seconds=longest_s), MAX_REMEMBERED)
        told = []
        for sheet in sheets:
            seen = sheet.event.model_copy(update={"presses": ()})  # as it was before it was raised
            for channel, last in sheet.told.items():
                told += [(at, rule, channel, seen) for rule, at in last.before]
                told.append((last.told_at, last.rule, channel, sheet.event))
        for told_at, rule, channel, event in sorted(told, key=lambda each: each[0]):
            told_s = self._now_s() - (now - told_at).total_seconds()
            self._restraint.told(rule, channel, event, told_s)
        for sheet in await self._book.held_back():
            for channel, reason in sheet.held.items():
                self._restraint.held_back(channel, sheet.event, reason, sheet.moment.local)

    async def stop(self) -> None:
        """Have nothing in memory; it is in the book's rows and in the channels' table."""
        await self._chores.cancel()
        self._book.clear()

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
        """Tell an event, or what is new of it.

        Raises:
            StorageError: The database refused, and the bus repeats.
        """
        async with self._turn:
            event = update.event
            sheet = await self._sheet(event)
            sheet.take(event)
            self._begin_all(sheet)
            self._edit_all(sheet)
            await self._send(sheet)
            if sheet.event.state in CLOSED_STATES and event.event_id not in self._closed:
                self._closed.add(event.event_id)
                self._explain(sheet)

    async def on_media(self, artifact: MediaArtifact) -> None:
        """Show a file that is ready with the message of its event.

        What was silent or held back stays so: its file is no reason to tell it late.

        Raises:
            StorageError: The database refused, and the bus repeats.
        """
        async with self._turn:
            if artifact.kind.value not in SHOWN_KINDS:
                return
            sheet = self._book.get(artifact.event_ref) or await self._load(artifact.event_ref)
            if sheet is not None:
                sheet.media[artifact.kind.value] = artifact.path
                self._edit_all(sheet, is_news=artifact.kind is MediaKind.SNAPSHOT)
                await self._send(sheet)

    async def on_relabelled(self, stored: StorageAck) -> None:
        """Have what was told of a past event say who its people are now, by every channel.

        Who was told nothing stays so: a name is no reason to tell a visit late. What the order
        left in the rows may say it already, so it is told again without looking for a difference.

        Raises:
            StorageError: The database refused.
        """
        event = await self._events.get(stored.event_ref)
        oldest = self.context.clock.utc_now() - RETELL_FOR
        if event is None or event.state not in CLOSED_STATES or event.ended_at < oldest:
            return  # of one that is not over the next step would tell the former people again
        async with self._turn:
            sheet = self._book.get(event.event_id) or await self._load(event.event_id)
            if sheet is not None:
                self._restraint.forget(sheet.relabel(event), event.names)
                self._edit_all(sheet, is_news=True)
                await self._send(sheet)

    async def _sheet(self, event: Event) -> Sheet:
        sheet = self._book.get(event.event_id) or await self._load(event.event_id)
        if sheet is None:
            sheet = self._book.begin(event, self._mode)
            if event.state is not EventState.CREATED:  # it began in a former run
                await self._take_files(sheet)
        return sheet

    async def _load(self, event_ref: str) -> Sheet | None:
        sheet = await self._book.load(event_ref)
        if sheet is not None:
            await self._take_files(sheet)
        return sheet

    async def _take_files(self, sheet: Sheet) -> None:
        for file in await self._media.of_event(sheet.event.event_id):
            if file.kind.value in SHOWN_KINDS:
                sheet.media.setdefault(file.kind.value, file.path)

    def _rules(self) -> tuple[Rule, ...]:
        return self.settings.to_rules(self.context.channels())

    # --- what is told ----------------------------------------------------------------------------

    def _edit_all(self, sheet: Sheet, *, is_news: bool = False) -> None:
        """Put on the sheet what changes in the messages that were begun."""
        for channel, message in sheet.told.items():
            before = message.alert
            alert = self._alert(
                sheet, channel, message.rule, before.revision + 1, before.loud_revision
            )
            if is_news or message.reads_otherwise(alert):
                sheet.tell(replace(message, alert=alert))
                self._counts["edited"] += 1

    def _begin_all(self, sheet: Sheet) -> None:
        """Put on the sheet the messages that the rules want and nothing holds back.

        One that was begun, of what became urgent since, is told by the rule that says so.
        """
        event, now_s = sheet.event, self._now_s()
        now = self.context.clock.utc_now()
        for channel, rule in matching(self._rules(), event, sheet.moment).items():
            begun = sheet.told.get(channel)
            is_past = sheet.is_relabelled  # a late name is no reason to be heard
            if begun and (is_past or not is_louder(rule, event, begun.rule, begun.alert.event)):
                continue
            reason = self._restraint.why_not(rule, channel, event, now.astimezone(), now_s)
            if reason:
                if begun is None and sheet.hold(channel, reason):
                    self._counts["held_back"] += 1
                    self._restraint.held_back(channel, event, reason, sheet.moment.local)
                continue
            self._restraint.told(rule, channel, event, now_s)
            reason = sheet.held.pop(channel, "")
            if reason and channel not in sheet.in_digest:
                self._restraint.told_after_all(channel, event, reason)
            revision = begun.alert.revision + 1 if begun else 1
            alert = self._alert(sheet, channel, rule, revision, loud_revision=revision)
            before = (*begun.before, (begun.rule, begun.told_at)) if begun else ()
            sheet.tell(Message(rule, alert, now, before))
            self._counts["raised" if begun else "told"] += 1

    async def _send(self, sheet: Sheet) -> None:
        """Keep the sheet, then publish what is new on it: a refusal leaves it to the next try."""
        await self._book.keep(sheet)
        for channel in tuple(sheet.unpublished):
            await self.publish(NOTIFY_QUEUED.of(channel), sheet.told[channel].alert)
            sheet.unpublished.discard(channel)

    def _alert(
        self, sheet: Sheet, channel: str, rule: Rule, revision: int, loud_revision: int
    ) -> AlertNotification:
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
            loud_revision=loud_revision,
            media=media,
            priority=rule.priority,
            rule=rule.name,
            is_final=event.state in CLOSED_STATES and len(media) == len(rule.media),
            event=event,
        )

    def _explain(self, sheet: Sheet) -> None:
        """Say once of each event who was told, and why not."""
        event = sheet.event
        for channel, message in sheet.told.items():
            self._record(event, True, f"told by {channel}, rule {message.rule.name!r}")
        for channel, reason in sheet.held.items():
            self._record(event, False, f"held back from {channel}: {reason}")
        if not sheet.told and not sheet.held:
            self._counts["silent"] += 1
            for rule in self._rules():
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

    async def _look_after(self) -> None:
        while True:
            await self.context.clock.sleep(TICK_S)
            try:
                async with self._turn:
                    await self._tell_digests()
                    await self._forget_old()
            except StorageError as error:
                self.context.log.error("digest and old rows wait", error=str(error))

    async def _tell_digests(self) -> None:
        quiet = self._restraint.limits.quiet
        time = self.context.clock.utc_now().astimezone().time()
        if self._now_s() < self._digest_due_s or (quiet is not None and time in quiet):
            return
        self._digest_due_s = self._now_s() + self.settings.digest_every_s
        for channel, digest in self._restraint.digests.items():
            await self._tell_digest(channel, digest)
        if self._restraint.take_digests():
            await self._book.in_digest()

    async def _forget_old(self) -> None:
        if self._now_s() >= self._forget_due_s:
            self._forget_due_s = self._now_s() + FORGET_EVERY_S
            before = self.context.clock.utc_now() - timedelta(days=self.settings.keep_days)
            await self._book.forget(before)
            await self._deliveries.forget(before)

    async def _tell_digest(self, channel: str, digest: Digest) -> None:
        """The same held-back events make the same message, also after a kill in the midst."""
        self._counts["digests"] += 1
        alert = AlertNotification(
            source=self.name,
            timestamp=self.context.clock.utc_now(),
            event_ref=f"digest-{digest.first:%Y%m%dT%H%M%S.%f}",
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
