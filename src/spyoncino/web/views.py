"""What the interface tells: the JSON of ``/api/v1`` and of the WebSocket of updates."""

from datetime import datetime
from typing import Literal
from urllib.parse import quote

from pydantic import Field

from spyoncino.schemas.base import Record
from spyoncino.schemas.events import Event
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.modes import Mode
from spyoncino.schemas.status import CameraState, HealthState, HealthSummary

MEDIA_PREFIX = "/api/v1/media/"


class CameraView(Record):
    """One camera."""

    camera: str
    state: CameraState
    detail: str = Field(default="", description="One sentence about the state; may be empty.")
    doorbell: str | None = None
    analysis_fps: float
    frames: int = Field(default=0, description="Analysed pictures since the start.")
    viewers: int = Field(default=0, description="How many watch it live.")


class MediaView(Record):
    """One file of an event."""

    kind: MediaKind
    url: str
    content_type: str
    size_bytes: int
    width_px: int | None = None
    height_px: int | None = None
    duration_s: float | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, artifact: MediaArtifact) -> "MediaView":
        """The file as the interface tells it: with an address instead of a path.

        The time of writing is part of the address: a better snapshot has the same path.
        """
        version = int(artifact.timestamp.timestamp() * 1000)
        return cls(
            kind=artifact.kind,
            url=f"{MEDIA_PREFIX}{quote(artifact.path)}?v={version}",
            content_type=artifact.content_type,
            size_bytes=artifact.size_bytes,
            width_px=artifact.width_px,
            height_px=artifact.height_px,
            duration_s=artifact.duration_s,
            notes=artifact.notes,
        )


class EventView(Record):
    """One event and the files it has so far."""

    event: Event
    media: tuple[MediaView, ...] = ()


class EventPage(Record):
    """Some events, newest first."""

    events: tuple[EventView, ...]
    next: str | None = Field(
        default=None, description="Give it as ``before`` to get the next page; null at the end."
    )


class ModeView(Record):
    """The mode of the house."""

    mode: Mode


class PressOrder(Record):
    """A press over HTTP; the body may be left out."""

    press_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{7,63}$",
        description="Your own id of this press: sent again with the same one it counts once.",
    )


class PressView(Record):
    """A press that was accepted: it is on disk, whatever comes."""

    event_id: str = Field(description="Id of the press; its event names it in press_ids.")
    doorbell: str
    camera: str


class PushKeys(Record):
    """The keys of a browser's subscription, as its ``PushSubscription`` has them."""

    p256dh: str = Field(max_length=128, description="Public key, base64url.")
    auth: str = Field(max_length=64, description="Authentication secret, base64url.")


class PushOrder(Record):
    """A browser wants to be told: the JSON of its ``PushSubscription``."""

    endpoint: str = Field(max_length=4096, description="Where its push service takes messages.")
    keys: PushKeys


class BrowserView(Record):
    """A browser that is told; nothing of its subscription is shown."""

    name: str
    label: str
    created_at: datetime


class PushView(Record):
    """Whether browsers can be told, and which are."""

    public_key: str = Field(description="To subscribe with, base64url; empty: nobody can.")
    reason: str = Field(default="", description="Why nobody can subscribe; may be empty.")
    browsers: tuple[BrowserView, ...] = ()


class HealthView(Record):
    """How the system is doing."""

    version: str
    ready: bool
    summary: HealthSummary | None = Field(
        default=None, description="Null until the first round of asking; at most one round old."
    )


class EventNews(Record):
    """Update: an event began, changed or ended."""

    kind: Literal["event"] = "event"
    event: Event


class MediaNews(Record):
    """Update: a file of an event is ready."""

    kind: Literal["media"] = "media"
    event_id: str
    media: MediaView


class CameraNews(Record):
    """Update: a camera changed its state."""

    kind: Literal["camera"] = "camera"
    camera: CameraView


class HealthNews(Record):
    """Update: how the whole is doing."""

    kind: Literal["health"] = "health"
    state: HealthState
    detail: str = ""


class ModeNews(Record):
    """Update: the mode of the house."""

    kind: Literal["mode"] = "mode"
    mode: Mode


class NoticeView(Record):
    """One sentence about the system that a person should read."""

    notice_id: str
    component: str = Field(description="The part that it is about.")
    message: str = Field(description="One sentence.")
    severity: str = Field(description="info, warning or error.")
    told_at: datetime = Field(description="When it was told, the last time.")
    count: int = Field(default=1, description="How often it was told.")
    is_over: bool = Field(default=False, description="What was wrong has passed.")


class NoticeNews(Record):
    """Update: something that a person should read."""

    kind: Literal["notice"] = "notice"
    notice: NoticeView


class Welcome(Record):
    """The first message on the WebSocket of updates."""

    kind: Literal["hello"] = "hello"
    version: str
    cameras: tuple[CameraView, ...]
    notices: tuple[NoticeView, ...] = Field(default=(), description="The newest few, newest first.")
