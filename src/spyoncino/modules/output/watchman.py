"""Tells when the house itself is ill: a camera is gone, the disk is full, a part was isolated.

It takes the same way as what is told about visitors; when a trouble is worth a message is decided
in ``alerts.troubles``.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from pydantic import Field

from spyoncino.alerts.troubles import News, Pace, Trouble, TroubleWatch
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, Misfit, ModuleSettings, OutputModule
from spyoncino.core.queues import Policy
from spyoncino.core.registry import Registry
from spyoncino.core.settings import Settings
from spyoncino.errors import StorageError
from spyoncino.modules.channel_names import channel_misfits
from spyoncino.modules.chores import Chores
from spyoncino.modules.house_message import keep_and_publish
from spyoncino.persistence.alert_sheets import AlertSheet, AlertSheetStore
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.picture import PictureState, PictureStatus
from spyoncino.schemas.status import (
    CameraState,
    CameraStatus,
    HealthState,
    HealthStatus,
    HealthSummary,
)
from spyoncino.schemas.topics import (
    NOTIFY_QUEUED,
    STATUS_CAMERA,
    STATUS_HEALTH,
    STATUS_PICTURE,
)

RULE: Final = "watchman"
"""What its messages name as their rule."""

TICK_S: Final = 5.0
"""How often it looks."""

RESUMED_AGE: Final = timedelta(days=7)
"""Messages of former runs that are older are not gone on with."""

EARLIEST_YEAR: Final = 2025
"""A clock that shows an earlier year was never set: this program is younger."""

_OFFLINE: Final = frozenset({CameraState.CONNECTING, CameraState.STALLED, CameraState.RETRYING})
_ILL: Final = frozenset({HealthState.DEGRADED, HealthState.FAILED})

_PICTURES: Final = {
    PictureState.COVERED: (
        "is covered",
        "is covered, or its lens is dirty",
        "shows a clear picture again",
    ),
    PictureState.MOVED: (
        "was moved",
        "looks somewhere else than it used to",
        "shows what it should again, or what it shows now has become usual",
    ),
    PictureState.FROZEN: (
        "shows a frozen picture",
        "sends the same picture over and over",
        "sends new pictures again",
    ),
    PictureState.DARK: (
        "is dark",
        "is black, which it never is at this hour: its light is out or something covers it",
        "shows something again",
    ),
}
"""Of each bad picture: the title, what is told, and what is told when it is over."""

_FACE_PARTS: Final = ("process.face_recognizer", "storage.face_keeper")


class WatchmanSettings(ModuleSettings):
    """Section ``watchman``: what is told about the house itself."""

    enabled: bool = Field(default=True, description="Whether anything of it is told.")
    channels: tuple[str, ...] = Field(
        default=(), description="Who tells it; empty: every channel that is enabled."
    )
    offline_after_s: float = Field(
        default=60.0, gt=0, description="A camera without pictures for so long is told."
    )
    ill_after_s: float = Field(
        default=60.0,
        ge=0,
        description="So long a disk, a part or the faces are ill before it is told.",
    )
    back_after_s: float = Field(
        default=30.0, ge=0, description="Well for so long before that is told, as an edit."
    )
    calm_s: float = Field(
        default=1800.0,
        gt=0,
        description="What is ill again within this time is the same message, edited.",
    )
    clock_jump_s: float = Field(
        default=60.0,
        ge=5,
        description="A clock that goes ahead or back by more against the time that passed is told.",
    )

    def misfits(
        self, sections: Mapping[str, ModuleSettings], house: Settings, registry: Registry
    ) -> Iterable[Misfit]:
        """Channels that are not there."""
        del house
        return channel_misfits(self.channels, ("channels",), sections, registry)

    def to_pace(self) -> Pace:
        """The same as the pure part wants it."""
        return Pace(self.back_after_s, self.calm_s)


class Watchman(OutputModule[WatchmanSettings]):
    """Publishes ``notify.{channel}.queued`` about troubles: one message each, edited."""

    name = "output.watchman"
    section = "watchman"
    settings_model = WatchmanSettings
    is_outbound = False
    consumes = (
        Consume(STATUS_CAMERA, "on_camera", Policy.DROP_OLDEST),
        Consume(STATUS_HEALTH, "on_health", Policy.LATEST),
        Consume(STATUS_PICTURE, "on_picture", Policy.DROP_OLDEST),
    )
    publishes = (NOTIFY_QUEUED,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._chores = Chores(context.log)
        self._sheets = AlertSheetStore(context.database)
        self._watch = TroubleWatch(Pace())
        self._cameras: dict[str, CameraStatus] = {}
        self._pictures: dict[str, PictureStatus] = {}
        self._parts: dict[str, HealthStatus] | None = None
        self._clock_offset_s: float | None = None
        self._jump_told_s = float("-inf")
        self._told = 0

    async def configure(self, settings: WatchmanSettings) -> None:
        """Take new settings; they hold from the next look on."""
        await super().configure(settings)
        self._watch.pace = settings.to_pace()

    async def start(self) -> None:
        """Go on with what a former run told, and begin to look."""
        if not self.context.lossless:
            await self._resume()
            self._chores.start(self._look_on(), f"{self.name} looking")

    async def stop(self) -> None:
        """Look no more."""
        await self._chores.cancel()

    async def health(self) -> HealthStatus:
        """Degraded when looking failed."""
        problem = self._chores.last_error
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={"troubles": float(len(self._watch.told)), "told": float(self._told)},
        )

    async def on_camera(self, status: CameraStatus) -> None:
        """Take what a camera says about itself."""
        self._cameras[status.camera] = status

    async def on_picture(self, status: PictureStatus) -> None:
        """Take what is wrong with a camera's picture, or that nothing is."""
        self._pictures[status.camera] = status

    async def on_health(self, summary: HealthSummary) -> None:
        """Take how every part is doing."""
        self._parts = dict(summary.modules)

    # --- looking ---------------------------------------------------------------------------------

    async def _resume(self) -> None:
        """Go on with open messages; each may have been kept and not yet published."""
        now = self.context.clock.utc_now()
        for sheet in await self._sheets.open(RULE, now - RESUMED_AGE):
            revision = max(alert.revision for alert in sheet.alerts)
            title = sheet.alerts[0].title
            self._watch.resume(sheet.ref, revision, title, now.astimezone(), self._now_s())
            await keep_and_publish(self, self._sheets, sheet)

    async def _look_on(self) -> None:
        while True:
            await self.context.clock.sleep(TICK_S)
            if self.settings.enabled:
                try:
                    await self._look(self.context.clock.utc_now().astimezone())
                except StorageError as error:  # what was published is on its way all the same
                    self.context.log.error("what is told is not safe", error=str(error))

    async def _look(self, local: datetime) -> None:
        await self._look_at_clock(local)
        if self._parts is not None:  # somebody has said how everything is doing
            for news in self._watch.look(self._wrong(), local, self._now_s()):
                await self._tell(news)

    def _wrong(self) -> dict[str, Trouble]:
        """Everything that is wrong now."""
        wrong = {
            f"camera-{camera}-offline": self._offline(camera, status)
            for camera, status in self._cameras.items()
            if status.state in _OFFLINE and camera in self.context.cameras
        }
        wrong |= self._bad_pictures()
        parts = self._parts or {}
        after_s = self.settings.ill_after_s
        disk, supervisor = parts.get("disk"), parts.get("supervisor")
        if disk is not None and disk.state in _ILL:
            wrong["disk"] = Trouble(
                title="The disk is nearly full",
                text="The disk has too little room",
                over="The disk has room again",
                why=disk.detail,
                priority=AlertPriority.HIGH,
                after_s=after_s,
            )
        if supervisor is not None and supervisor.state in _ILL:
            wrong["quarantine"] = Trouble(
                title="A part of the house does not work",
                text="A part failed again and again and was isolated",
                over="Every part works again",
                why=supervisor.detail,
                news=supervisor.detail,
                priority=AlertPriority.HIGH,
                after_s=0.0,  # it was tried again for long before it was isolated
            )
        ill = [parts[name] for name in _FACE_PARTS if name in parts and parts[name].state in _ILL]
        if ill:
            wrong["faces"] = Trouble(
                title="Faces cannot be looked up",
                text="The file of people or the search in it does not work",
                over="Faces are looked up again",
                why=ill[0].detail,
                after_s=after_s,
            )
        year = self.context.clock.utc_now().year
        if year < EARLIEST_YEAR:
            wrong["clock"] = Trouble(
                title="The clock is wrong",
                text=f"The clock of this machine shows the year {year}; it thinks so",
                over="The clock was set",
            )
        return wrong

    def _bad_pictures(self) -> dict[str, Trouble]:
        return {
            f"camera-{camera}-{picture.state}": _bad_picture(camera, picture)
            for camera, picture in self._pictures.items()
            if picture.state is not PictureState.FINE and camera in self.context.cameras
        }

    def _offline(self, camera: str, status: CameraStatus) -> Trouble:
        return Trouble(
            title=f"{camera} is offline",
            text=f"The camera {camera} shows nothing",
            over=f"The camera {camera} is back",
            why=status.detail,
            priority=AlertPriority.HIGH,
            after_s=self.settings.offline_after_s,
        )

    async def _look_at_clock(self, local: datetime) -> None:
        """Tell a jump: what was filmed before has another time than people think."""
        offset_s = local.timestamp() - self._now_s()
        before_s, self._clock_offset_s = self._clock_offset_s, offset_s
        jump_s = 0.0 if before_s is None else offset_s - before_s
        if abs(jump_s) <= self.settings.clock_jump_s:
            return
        self.context.log.warning("the clock jumped", jump_s=round(jump_s, 1))
        if self._now_s() - self._jump_told_s < self.settings.calm_s:
            return
        self._jump_told_s = self._now_s()
        where = "ahead" if jump_s > 0 else "back"
        amount = timedelta(seconds=round(abs(jump_s)))
        text = (
            f"The clock of this machine went {where} by {amount}: it was set"
            f"{', or the machine slept' if jump_s > 0 else ''}. "
            "Times of what was filmed before may be wrong."
        )
        ref = f"clock-jump-{self.context.clock.utc_now():%Y%m%dT%H%M%SZ}"
        await self._tell(News(ref, 1, "The clock jumped", text, AlertPriority.NORMAL, True))

    async def _tell(self, news: News) -> None:
        self._told += news.revision == 1
        self.context.log.info("trouble", what=news.title, text=news.text, ref=news.ref)
        sheet = AlertSheet(
            ref=news.ref,
            owner=RULE,
            alerts=tuple(map(partial(self._alert, news), self._channels())),
            is_open=not news.is_final,
        )
        await keep_and_publish(self, self._sheets, sheet)

    def _channels(self) -> tuple[str, ...]:
        return self.settings.channels or self.context.channels()

    def _alert(self, news: News, channel: str) -> AlertNotification:
        return AlertNotification(
            source=self.name,
            timestamp=self.context.clock.utc_now(),
            event_ref=news.ref,
            channel=channel,
            title=news.title,
            text=news.text,
            revision=news.revision,
            priority=news.priority,
            rule=RULE,
            is_final=news.is_final,
        )

    def _now_s(self) -> float:
        return self.context.clock.monotonic_ns() / 1e9


def _bad_picture(camera: str, picture: PictureStatus) -> Trouble:
    """It was watched for long enough before it was said, so it is told at once."""
    title, text, over = _PICTURES[picture.state]
    return Trouble(
        title=f"{camera} {title}",
        text=f"The camera {camera} {text}",
        over=f"The camera {camera} {over}",
        why=picture.detail,
        priority=AlertPriority.HIGH,
    )
