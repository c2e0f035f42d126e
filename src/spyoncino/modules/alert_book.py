"""The sheets of the alert engine: what is known and told of each event, in memory and in a row.

A sheet is kept before anything of it is published. Whoever was killed in between finds it again
and publishes what stands on it once more; channels ignore a revision that they have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from spyoncino.alerts.rules import Moment, Rule
from spyoncino.clock import Clock
from spyoncino.persistence.alert_sheets import AlertSheet, AlertSheetStore
from spyoncino.persistence.database import Database
from spyoncino.persistence.told_names import without_names
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import CLOSED_STATES, Event
from spyoncino.schemas.media import MediaKind
from spyoncino.schemas.modes import Mode

OWNER: Final = "alerts"
"""Whose sheets these are, in the table."""

SHEETS_IN_MEMORY: Final = 256
"""Far more than events whose messages still change at a time; the others are in their rows."""

OPEN_FOR: Final = timedelta(days=7)
"""What was held back before is in no digest any more."""


@dataclass(slots=True)
class Message:
    """What one channel was last told about an event.

    Args:
        rule: That wanted it told, as it was then; the last one that made it heard.
        alert: The newest revision.
        told_at: When the first one was made, or the later one that was as loud.
        before: Rules that made it heard before, and when: their pauses hold, too.
    """

    rule: Rule
    alert: AlertNotification
    told_at: datetime
    before: tuple[tuple[Rule, datetime], ...] = ()

    def reads_otherwise(self, alert: AlertNotification) -> bool:
        """Whether a person or a program would see a difference to another state of it."""
        return _content(alert) != _content(self.alert)


@dataclass(slots=True)
class Sheet:
    """One event: its newest state, its files, who was told, and who was not.

    Args:
        event: As it was heard of last.
        moment: What held when it began.
        media: Kind of file to its path.
        told: Channel to message.
        held: Channel to why nothing was told.
        in_digest: Channels whose digest has counted it.
        unpublished: Channels whose newest revision may not have been published.
        is_relabelled: It is over, and its people are known better than its own steps tell them.
        is_kept: Whether the row says the same.
    """

    event: Event
    moment: Moment
    media: dict[str, str] = field(default_factory=dict)
    told: dict[str, Message] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    in_digest: set[str] = field(default_factory=set)
    unpublished: set[str] = field(default_factory=set)
    is_relabelled: bool = False
    is_kept: bool = True

    def take(self, event: Event) -> None:
        """Know a state of the event, unless it is older than what is known.

        The steps of an event come by different subscriptions, and after a restart some come again.
        """
        if self.is_relabelled:
            return
        was_over, is_over = self.event.state in CLOSED_STATES, event.state in CLOSED_STATES
        if is_over or (not was_over and event.end_s >= self.event.end_s):
            self.event = event

    def relabel(self, event: Event) -> set[str]:
        """Know an event that is over by the people whom it has now; no step of it comes after that.

        Returns:
            Names that it had and has not any more.
        """
        gone = set(self.event.names) - set(event.names)
        self.event, self.is_relabelled = event, True
        for channel, reason in self.held.items():
            self.held[channel] = without_names(reason, gone, event.names)
        self.is_kept = self.is_kept and not (self.told or self.held)
        return gone

    def tell(self, message: Message) -> None:
        """Have a message told, or a revision of it."""
        channel = message.alert.channel
        self.told[channel] = message
        self.unpublished.add(channel)
        self.is_kept = False

    def hold(self, channel: str, reason: str) -> bool:
        """Note why nothing is told by a channel.

        Returns:
            Whether it is the first time.
        """
        is_first = channel not in self.held
        self.is_kept = self.is_kept and not is_first
        self.held.setdefault(channel, reason)  # as the digest has it
        return is_first


@dataclass(frozen=True, slots=True)
class _Facts:
    """What of a sheet is not in its alerts."""

    event: Event
    began: datetime
    mode: Mode | None
    media: dict[MediaKind, str]
    rules: dict[str, Rule]
    told_at: dict[str, datetime]
    held: dict[str, str]
    is_relabelled: bool = False
    before: dict[str, tuple[tuple[Rule, datetime], ...]] = field(default_factory=dict)


_FACTS: Final = TypeAdapter(_Facts)


class AlertBook:
    """All sheets.

    Args:
        database: An open database.
        clock: For when a sheet was kept.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._store = AlertSheetStore(database)
        self._clock = clock
        self._sheets: dict[str, Sheet] = {}

    def __len__(self) -> int:
        return len(self._sheets)

    def get(self, event_ref: str) -> Sheet | None:
        """The sheet of an event that is in memory."""
        return self._sheets.get(event_ref)

    async def load(self, event_ref: str) -> Sheet | None:
        """The sheet of an event that is in its row only."""
        row = await self._store.get(event_ref)
        return None if row is None or row.owner != OWNER else self._put(_sheet(row))

    def begin(self, event: Event, mode: Mode | None) -> Sheet:
        """A sheet of an event that has none."""
        return self._put(Sheet(event, Moment(event.started_at.astimezone(), mode)))

    def _put(self, sheet: Sheet) -> Sheet:
        self._sheets[sheet.event.event_id] = sheet
        while len(self._sheets) > SHEETS_IN_MEMORY:
            del self._sheets[next(iter(self._sheets))]
        return sheet

    async def keep(self, sheet: Sheet) -> None:
        """Write the row of a sheet that says something new.

        Raises:
            StorageError: The database refused; nothing was written.
        """
        if not sheet.is_kept:
            await self._store.keep(_row(sheet), self._clock.utc_now())
            sheet.is_kept = True

    async def told_since(self, since: datetime, limit: int) -> list[Sheet]:
        """The newest sheets that were kept since a moment, oldest first; not put into memory."""
        return [_sheet(row) for row in await self._store.newest(OWNER, since, limit)]

    async def held_back(self) -> list[Sheet]:
        """Sheets of which something was held back and is in no digest yet, oldest first."""
        since = self._clock.utc_now() - OPEN_FOR
        return [_sheet(row) for row in await self._store.open(OWNER, since)]

    async def in_digest(self) -> None:
        """Note that whatever was held back is in a digest.

        Raises:
            StorageError: The database refused.
        """
        await self._store.close(OWNER)
        for sheet in self._sheets.values():
            sheet.in_digest.update(sheet.held)

    async def forget(self, before: datetime) -> None:
        """Delete rows that were not kept since a moment."""
        await self._store.forget(before)

    def clear(self) -> None:
        """Have nothing in memory."""
        self._sheets.clear()


def _row(sheet: Sheet) -> AlertSheet:
    """A sheet as it is kept; the event once, for all messages say what they say of it as it is."""
    facts = _Facts(
        event=sheet.event,
        began=sheet.moment.local,
        mode=sheet.moment.mode,
        media={MediaKind(kind): path for kind, path in sheet.media.items()},
        rules={channel: message.rule for channel, message in sheet.told.items()},
        told_at={channel: message.told_at for channel, message in sheet.told.items()},
        held=sheet.held,
        is_relabelled=sheet.is_relabelled,
        before={channel: each.before for channel, each in sheet.told.items() if each.before},
    )
    as_json: dict[str, Any] = _FACTS.dump_python(facts, mode="json")
    return AlertSheet(
        ref=sheet.event.event_id,
        owner=OWNER,
        alerts=tuple(
            message.alert.model_copy(update={"event": None}) for message in sheet.told.values()
        ),
        is_open=bool(sheet.held.keys() - sheet.in_digest),
        facts=as_json,
    )


def _sheet(row: AlertSheet) -> Sheet:
    facts = _FACTS.validate_python(row.facts)
    alerts = [alert.model_copy(update={"event": facts.event}) for alert in row.alerts]
    told = {
        alert.channel: Message(
            facts.rules[alert.channel],
            alert,
            facts.told_at[alert.channel],
            facts.before.get(alert.channel, ()),
        )
        for alert in alerts
    }
    return Sheet(
        event=facts.event,
        moment=Moment(facts.began.astimezone(), facts.mode),
        media={kind.value: path for kind, path in facts.media.items()},
        told=told,
        held=facts.held,
        in_digest=set() if row.is_open else set(facts.held),
        unpublished=set(told),
        is_relabelled=facts.is_relabelled,
    )


def _content(alert: AlertNotification) -> Mapping[str, object]:
    """What of a message is looked at."""
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
