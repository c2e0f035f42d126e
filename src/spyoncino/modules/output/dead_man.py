"""Notices that nobody would be told: a test of every channel each day, and a heartbeat outside.

The test goes the way of every message: the bus, the channel's row, the far side. A target that it
does not reach is told by the channels that work, and on the page. The heartbeat is for the case
that nothing here can tell anybody: whoever expects it notices that it stays away.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from pydantic import Field, SecretStr, field_validator

from spyoncino.clients.far_host import wrong_address
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, Misfit, ModuleSettings, OutputModule
from spyoncino.core.guard import limited, sentence
from spyoncino.core.queues import Policy
from spyoncino.core.registry import Registry
from spyoncino.core.settings import Settings
from spyoncino.errors import StorageError
from spyoncino.modules.channel_names import channel_misfits
from spyoncino.modules.chores import Chores
from spyoncino.modules.house_message import keep_and_publish
from spyoncino.persistence.alert_sheets import AlertSheet, AlertSheetStore
from spyoncino.persistence.deliveries import Delivery, DeliveryStore
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.status import HealthState, HealthStatus, HealthSummary, StatusNotice
from spyoncino.schemas.topics import NOTIFY_QUEUED, STATUS_HEALTH, STATUS_NOTICE

RULE: Final = "dead man"
"""What its messages name as their rule."""

TICK_S: Final = 15.0
"""How often it looks whether something is due."""

STALE_S: Final = 900.0
"""So long after the last news of the health of the whole nothing is known of it."""

MAX_DETAIL: Final = 300
"""Letters of what is ill that the test of the day repeats."""

Target = tuple[str, str]
"""Channel and target; an empty target where the channel did not even take the test."""


class DeadManSettings(ModuleSettings):
    """Section ``dead_man``: how it is noticed that nobody would be told."""

    daily_test: bool = Field(
        default=False, description="Send a silent test through every channel once a day."
    )
    at: time = Field(default=time(12, 0), description="When, local time.")
    channels: tuple[str, ...] = Field(
        default=(), description="Which are tested; empty: every channel that is enabled."
    )
    within_s: float = Field(
        default=600.0,
        ge=30,
        le=43_200,
        description="A channel that has not sent its test after so long is told to be broken.",
    )
    heartbeat_url: SecretStr = Field(
        default=SecretStr(""),
        description="Fetched while all is well, so that somebody outside notices silence; https, "
        "unless it is this machine. Empty: none.",
    )
    heartbeat_every_s: float = Field(default=300.0, ge=30, description="How often it is fetched.")
    timeout_s: float = Field(default=20.0, gt=0, description="What one heartbeat may take.")

    @property
    def reaches_out(self) -> bool:
        """The test of the day takes the channels that there are; only the heartbeat is its own."""
        return bool(self.heartbeat_url.get_secret_value())

    def misfits(
        self, sections: Mapping[str, ModuleSettings], house: Settings, registry: Registry
    ) -> Iterable[Misfit]:
        """Channels that are not there."""
        del house
        return channel_misfits(self.channels, ("channels",), sections, registry)

    @field_validator("heartbeat_url")
    @classmethod
    def _has_a_good_address(cls, url: SecretStr) -> SecretStr:
        address = url.get_secret_value()
        if address and (problem := wrong_address(address)):
            raise ValueError(f"heartbeat_url cannot be used: {problem}")
        return url


class DeadMan(OutputModule[DeadManSettings]):
    """Publishes the test of the day and who was not reached; fetches the heartbeat's address."""

    name = "output.dead_man"
    section = "dead_man"
    settings_model = DeadManSettings
    consumes = (Consume(STATUS_HEALTH, "on_health", Policy.LATEST),)
    publishes = (NOTIFY_QUEUED, STATUS_NOTICE)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._chores = Chores(context.log)
        self._deliveries = DeliveryStore(context.database)
        self._sheets = AlertSheetStore(context.database)
        self._summary: HealthSummary | None = None
        self._summary_s = 0.0
        self._last_day = date.min
        self._tested: tuple[str, ...] = ()
        self._ref = ""
        self._judged_from_s = 0.0
        self._broken: frozenset[Target] = frozenset()
        self._told_revision = 0
        self._is_nobody_reached = False
        self._beat_s = float("-inf")
        self._beat_error = ""
        self._counts = {"tests": 0, "beats": 0, "beats_held": 0, "beats_failed": 0}

    async def start(self) -> None:
        """Go on with the test of a former run, and wait for the next."""
        if self.context.lossless:
            return
        self._last_day = self._newest_day(self._local())
        ref = _ref(self._last_day)
        if rows := await self._deliveries.of_event(ref):
            self._take_up(ref, tuple(sorted({row.key.channel for row in rows})))
            if (sheet := await self._sheets.get(_broken_ref(ref))) is not None:
                self._told_revision = max(alert.revision for alert in sheet.alerts)
                self._broken = frozenset((channel, name) for channel, name in sheet.facts["broken"])
        self._chores.start(self._test_on(), f"{self.name} tests")
        self._chores.start(self._beat_on(), f"{self.name} heartbeat")

    async def stop(self) -> None:
        """Wait for nothing more."""
        await self._chores.cancel()

    async def health(self) -> HealthStatus:
        """Degraded while somebody is not reached or the heartbeat does not get out."""
        problem = self._chores.last_error or self._beat_error
        if self._broken:
            problem = f"the test of the day did not reach {_names(self._broken)}"
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={
                **{name: float(count) for name, count in self._counts.items()},
                "broken": float(len(self._broken)),
            },
        )

    async def on_health(self, summary: HealthSummary) -> None:
        """Know how the whole is doing."""
        self._summary, self._summary_s = summary, self._now_s()

    # --- the test of the day ---------------------------------------------------------------------

    async def _test_on(self) -> None:
        while True:
            await self.context.clock.sleep(TICK_S)
            try:
                await self._look()
            except StorageError as error:  # what was published is on its way all the same
                self.context.log.error("the test of the day is not safe", error=str(error))

    async def _look(self) -> None:
        day = self._newest_day(self._local())
        if day > self._last_day:
            self._last_day = day
            if self.settings.daily_test:
                await self._begin_test(day)
        if self._ref and self._now_s() >= self._judged_from_s:
            await self._judge()

    def _newest_day(self, local: datetime) -> date:
        """The day of which the hour of the test has come last."""
        return local.date() - timedelta(days=local.time() < self.settings.at)

    def _take_up(self, ref: str, channels: tuple[str, ...]) -> None:
        self._ref, self._tested = ref, channels
        self._judged_from_s = self._now_s() + self.settings.within_s
        self._told_revision = 0

    async def _begin_test(self, day: date) -> None:
        channels = self.settings.channels or self.context.channels()
        self._take_up(_ref(day), channels)
        self._counts["tests"] += 1
        summary = self._summary
        is_well = summary is None or summary.state is HealthState.OK
        detail = "" if summary is None or is_well else summary.detail[:MAX_DETAIL]
        state = f"this channel works, but: {detail}" if detail else "everything is well"
        text = f"Test of the day: {state}"
        for channel in channels:
            alert = self._alert(channel, self._ref, "Test of the day", text, AlertPriority.LOW)
            await self.publish(NOTIFY_QUEUED.of(channel), alert)

    async def _judge(self) -> None:
        """Compare who was reached with what was told; a test that arrives late is good news."""
        rows = await self._deliveries.of_event(self._ref)
        reasons = _broken(rows, self._tested)
        reached = {row.key.channel for row in rows if row.sent_revision > 0}
        self._is_nobody_reached = bool(self._tested) and not reached
        broken, ref = frozenset(reasons), self._ref
        if not broken:
            self._ref = ""  # there is no more to see
        if broken == self._broken and (self._told_revision or not broken):
            return
        was_broken, self._broken = self._broken, broken
        if broken:
            why = "; ".join(f"{_name(each)}: {reasons[each]}" for each in sorted(broken))
            title = f"Nobody is told by {_names(broken)}"
            text = f"The test of the day did not arrive. {why}"
        else:
            title = f"{_names(was_broken)} works again"
            text = f"The test of the day arrived by {_names(was_broken)}."
        await self._notice(text, is_over=not broken)
        if self._told_revision == 0 and not broken:
            return  # an older day's trouble: that message was of its own
        self._told_revision += 1
        priority = AlertPriority.HIGH if broken else AlertPriority.LOW
        alerts = tuple(
            self._alert(channel, _broken_ref(ref), title, text, priority, self._told_revision)
            for channel in self.context.channels()
            if channel in reached
        )
        sheet = AlertSheet(_broken_ref(ref), RULE, alerts, facts={"broken": sorted(broken)})
        await keep_and_publish(self, self._sheets, sheet)

    def _alert(
        self,
        channel: str,
        ref: str,
        title: str,
        text: str,
        priority: AlertPriority,
        revision: int = 1,
    ) -> AlertNotification:
        return AlertNotification(
            source=self.name,
            timestamp=self.context.clock.utc_now(),
            event_ref=ref,
            channel=channel,
            title=title,
            text=text,
            revision=revision,
            priority=priority,
            rule=RULE,
            is_final=True,
        )

    async def _notice(self, text: str, *, is_over: bool) -> None:
        log = self.context.log.info if is_over else self.context.log.error
        log("test of the day", result=text)
        notice = StatusNotice(
            source=self.name,
            timestamp=self.context.clock.utc_now(),
            component=self.name,
            message=text,
            severity="info" if is_over else "error",
            state=HealthState.OK if is_over else HealthState.FAILED,
        )
        await self.publish(STATUS_NOTICE, notice)

    # --- the heartbeat ---------------------------------------------------------------------------

    async def _beat_on(self) -> None:
        while True:
            await self.context.clock.sleep(TICK_S)
            url = self.settings.heartbeat_url.get_secret_value()
            now_s = self._now_s()
            if not url or now_s - self._beat_s < self.settings.heartbeat_every_s:
                continue
            if self._summary is None:
                continue  # the first news of the whole comes soon
            self._beat_s = now_s
            if reason := self._why_silent(now_s):
                self._counts["beats_held"] += 1
                self.context.log.warning("no heartbeat", why=reason)
            else:
                await self._beat(url)

    def _why_silent(self, now_s: float) -> str:
        """Why somebody outside should notice; empty while the house can tell by itself."""
        summary = self._summary
        if summary is None or now_s - self._summary_s > STALE_S:
            return "nothing is known of the health of the whole"
        if summary.state is HealthState.FAILED:
            return summary.detail
        return "the test of the day reached nobody" if self._is_nobody_reached else ""

    async def _beat(self, url: str) -> None:
        # aiohttp takes a quarter of a second: only who has a heartbeat pays it.
        from spyoncino.clients.heartbeat import beat  # noqa: PLC0415

        timeout_s = self.settings.timeout_s
        error = await limited(beat(url, timeout_s, self.context.clock.utc_now()), timeout_s)
        if error is None:
            self._counts["beats"] += 1
            self._beat_error = ""
            return
        self._counts["beats_failed"] += 1
        self._beat_error = sentence(error)
        self.context.log.warning("heartbeat failed", why=self._beat_error)

    def _local(self) -> datetime:
        return self.context.clock.utc_now().astimezone()

    def _now_s(self) -> float:
        return self.context.clock.monotonic_ns() / 1e9


def _ref(day: date) -> str:
    return f"test-{day:%Y%m%d}"


def _broken_ref(ref: str) -> str:
    return f"{ref}-broken"


def _broken(rows: list[Delivery], channels: tuple[str, ...]) -> dict[Target, str]:
    """Who was not reached, and why."""
    reasons = {
        (row.key.channel, row.key.target): row.reason or "it was not sent in time"
        for row in rows
        if row.sent_revision == 0 and row.key.channel in channels
    }
    taken = {row.key.channel for row in rows}
    for channel in channels:
        if channel not in taken:
            reasons[channel, ""] = (
                "the channel did not take it: is it enabled, and whom does it tell?"
            )
    return reasons


def _name(target: Target) -> str:
    channel, name = target
    return f"{channel} ({name})" if name else channel


def _names(targets: frozenset[Target]) -> str:
    return ", ".join(_name(each) for each in sorted(targets))
