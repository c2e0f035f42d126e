"""What the web asks of the system behind it; the only door between the two."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.media import MediaKind
from spyoncino.schemas.modes import Mode
from spyoncino.schemas.status import HealthSummary
from spyoncino.web.hub import Hub
from spyoncino.web.live import LiveFeed
from spyoncino.web.live_video import VideoFeed
from spyoncino.web.views import (
    BrowserView,
    CameraView,
    EventView,
    NoticeView,
    PushOrder,
    PushView,
)


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events; every condition may be left out.

    Args:
        camera: Only of this camera.
        event_type: Only of this type: person, car, cat, doorbell, motion, …
        since: Begun at this time or later.
        until: Begun at this time or earlier.
        before: Id of an event; only those that come after it in a list, newest first.
        limit: How many at most.
    """

    camera: str | None = None
    event_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One file of the media index."""

    path: Path
    content_type: str
    kind: MediaKind


class PushDesk(Protocol):
    """Where browsers say whether they want to be told."""

    async def view(self) -> PushView:
        """Whether they can be, and which are.

        Raises:
            StorageError: The database does not answer.
        """

    async def add(self, order: PushOrder, label: str) -> BrowserView:
        """Tell a browser from here on; adding it again changes its keys only.

        Args:
            order: Its subscription.
            label: What kind of browser it is.

        Raises:
            UsageError: The subscription is none, nobody can subscribe, or there are too many.
            StorageError: It could not be kept.
        """

    async def remove(self, name: str) -> bool:
        """Tell a browser no more; whether there was such a one.

        Raises:
            StorageError: The database does not answer.
        """


class Backend(Protocol):
    """The system as the web sees it; every method is called in the event loop."""

    @property
    def hub(self) -> Hub:
        """Where pages hear what happens."""

    @property
    def push(self) -> PushDesk:
        """Where browsers say whether they want to be told."""

    def cameras(self) -> tuple[CameraView, ...]:
        """Every configured camera, in the order of the configuration."""

    def notices(self) -> tuple[NoticeView, ...]:
        """The newest few sentences that a person should read, newest first."""

    def health(self) -> HealthSummary | None:
        """The latest summary; ``None`` before the first."""

    async def events(self, query: EventQuery) -> list[EventView]:
        """Events with their files, newest first.

        Raises:
            StorageError: The database does not answer.
        """

    async def event(self, event_id: str) -> EventView | None:
        """One event by its whole id; ``None`` when there is none."""

    async def media(self, path: str) -> MediaFile | None:
        """One file by its path as the index has it; ``None`` for everything else."""

    def live(self, camera: str) -> LiveFeed | None:
        """The live pictures of a camera; ``None`` when there is no such camera."""

    def video(self, camera: str) -> VideoFeed | None:
        """The live video of a camera; ``None`` when there is no such camera."""

    async def mode(self, wanted: Mode | None = None) -> Mode:
        """The mode of the house; with ``wanted`` the one that holds from here on.

        Raises:
            RequestError: It cannot be changed, or nobody answers.
        """

    async def press(self, doorbell: str, press_id: str | None = None) -> DoorbellEvent:
        """Ring a doorbell; the press survives a crash when this returns.

        Args:
            doorbell: Its id.
            press_id: What the caller calls the press: made again with the same id it counts once.

        Raises:
            UsageError: There is no such doorbell, or the id is none.
            StorageError: It was passed on, but could not be kept.
        """

    async def metrics(self) -> bytes:
        """Figures in the text format of Prometheus."""
