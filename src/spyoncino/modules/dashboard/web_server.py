"""Serves the page and the interface of ``web/`` from the event loop of main."""

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, DashboardModule, ModuleSettings
from spyoncino.core.queues import Policy
from spyoncino.errors import ConfigError
from spyoncino.modules.page_backend import PageBackend
from spyoncino.schemas import topics
from spyoncino.schemas.events import EventUpdate
from spyoncino.schemas.faces import GalleryChange
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.media import StorageAck
from spyoncino.schemas.modes import SystemMode
from spyoncino.schemas.status import (
    CameraStatus,
    ContractNotice,
    HealthState,
    HealthStatus,
    HealthSummary,
    StatusNotice,
)
from spyoncino.web.access import AccessPolicy, AccessToken

if TYPE_CHECKING:
    from spyoncino.modules.page_server import PageServer

GOODBYE_S = 2
"""What open connections may take at the end."""

BACKLOG = 128


class WebSettings(ModuleSettings):
    """Section ``web``: the page and the interface."""

    enabled: bool = Field(default=True, description="Whether the page is served.")
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on; 0.0.0.0 lets other machines in, with the access token.",
    )
    port: int = Field(
        default=5000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Names under which the page may be called, besides localhost, this machine's "
        "own name and plain addresses.",
    )
    picture_quality: int = Field(
        default=75, ge=1, le=100, description="JPEG quality of live pictures."
    )


class WebServer(DashboardModule[WebSettings]):
    """Serves the page; runs only live, never in a lossless analysis."""

    name = "dashboard.web_server"
    section = "web"
    settings_model = WebSettings
    fixed_at_start = frozenset(WebSettings.model_fields)
    camera_keys = frozenset({"enabled"})
    consumes = (
        Consume(topics.CAMERA_FRAME, "on_frame", Policy.LATEST),
        Consume(topics.EVENT_CREATED, "on_event", Policy.DROP_OLDEST),
        Consume(topics.EVENT_UPDATED, "on_event", Policy.DROP_OLDEST),
        Consume(topics.EVENT_COMPLETED, "on_event", Policy.DROP_OLDEST),
        Consume(topics.EVENT_RELABELLED, "on_relabelled", Policy.DROP_OLDEST),
        Consume(topics.GALLERY_CHANGED, "on_people", Policy.LATEST),
        Consume(topics.MEDIA_STORED, "on_media", Policy.DROP_OLDEST),
        Consume(topics.STATUS_CAMERA, "on_camera", Policy.DROP_OLDEST),
        Consume(topics.STATUS_HEALTH, "on_health", Policy.LATEST),
        Consume(topics.SYSTEM_MODE, "on_mode", Policy.LATEST),
        Consume(topics.STATUS_NOTICE, "on_notice", Policy.DROP_OLDEST),
        Consume(topics.STATUS_CONTRACT, "on_notice", Policy.DROP_OLDEST),
    )

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._server: PageServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._backend: PageBackend | None = None
        self._listening: socket.socket | None = None
        self._port = 0
        self.token: AccessToken | None = None

    @property
    def address(self) -> str | None:
        """Where the page is, for a browser on this machine; ``None`` while it is not served."""
        if self._serving is None:
            return None
        host = self.settings.host
        if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not listened on
            host = "127.0.0.1"
        return f"http://[{host}]:{self._port}/" if ":" in host else f"http://{host}:{self._port}/"

    @property
    def is_open_to_others(self) -> bool:
        """Whether other machines can reach it."""
        return self.settings.host not in ("127.0.0.1", "localhost", "::1")

    async def configure(self, settings: WebSettings) -> None:
        """Show the cameras as they are now; the rest is read when it starts."""
        await super().configure(settings)
        if self._backend is not None:
            self._backend.adopt_cameras()

    async def start(self) -> None:
        """Listen, and serve in the background as soon as the server is loaded.

        Who comes before waits a moment: the socket listens already.

        Raises:
            ConfigError: Somebody else listens there, or the address is not this machine's.
            StorageError: The access token cannot be kept.
        """
        if not self.settings.enabled or self.context.lossless:
            return
        self.token = await asyncio.to_thread(AccessToken.load, self.context.data.access_token)
        policy = AccessPolicy.for_this_machine(self.token.value, self.settings.allowed_hosts)
        self._listening = listening = await asyncio.to_thread(
            _listen, self.settings.host, self.settings.port
        )
        self._port = listening.getsockname()[1]
        self._backend = PageBackend(self.context, self.settings.picture_quality)
        self._serving = asyncio.create_task(
            self._serve(self._backend, policy, listening), name="dashboard.web_server"
        )
        self.context.log.info("page", address=self.address)

    async def stop(self) -> None:
        """Let everybody go, then stop listening."""
        if self._backend is not None:
            await self._backend.close()
        if self._serving is not None:
            if self._server is not None:
                self._server.should_exit = True
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({self._serving}, timeout=2 * GOODBYE_S)
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        if self._listening is not None:
            self._listening.close()
        self._server = self._serving = self._backend = self._listening = None

    async def _serve(
        self, backend: PageBackend, policy: AccessPolicy, listening: socket.socket
    ) -> None:
        self._server = await asyncio.to_thread(_build_server, backend, policy)
        await self._server.serve(sockets=[listening])

    async def health(self) -> HealthStatus:
        """Failed when the server has ended by itself."""
        if self._serving is None or self._backend is None:
            return HealthStatus(detail="not served")
        if self._serving.done():
            return HealthStatus(state=HealthState.FAILED, detail="the server has ended by itself")
        return HealthStatus(numbers=self._backend.numbers())

    async def on_frame(self, frame: Frame) -> None:
        """Show it to those who watch; nothing is done while nobody does."""
        if self._backend is not None:
            self._backend.show(frame)

    async def on_event(self, update: EventUpdate) -> None:
        """Tell the pages about an event."""
        if self._backend is not None:
            self._backend.tell_event(update.event)

    async def on_relabelled(self, stored: StorageAck) -> None:
        """Tell the pages about an event whose people are known better now."""
        if self._backend is not None:
            await self._backend.tell_stored(stored.event_ref)

    async def on_people(self, _changed: GalleryChange) -> None:
        """Have the pages ask again: somebody may be named, or forgotten, in past events."""
        if self._backend is not None:
            self._backend.tell_resync()

    async def on_media(self, stored: StorageAck) -> None:
        """Tell the pages about a file, now that the index has it."""
        if self._backend is not None:
            await self._backend.tell_media(stored.key)

    async def on_camera(self, status: CameraStatus) -> None:
        """Tell the pages about the state of a camera."""
        if self._backend is not None:
            self._backend.tell_camera(status)

    async def on_mode(self, told: SystemMode) -> None:
        """Tell the pages which mode holds."""
        if self._backend is not None:
            self._backend.tell_mode(told.mode)

    async def on_notice(self, told: ContractNotice | StatusNotice) -> None:
        """Tell the pages what a person should read."""
        if self._backend is not None:
            self._backend.tell_notice(told)

    async def on_health(self, summary: HealthSummary) -> None:
        """Tell the pages how the whole is doing."""
        if self._backend is not None:
            self._backend.tell_health(summary)


def _build_server(backend: PageBackend, policy: AccessPolicy) -> "PageServer":
    # FastAPI and Uvicorn: loaded while workers and cameras start, and never by a command.
    from spyoncino.modules.page_server import build_server  # noqa: PLC0415

    return build_server(backend, policy, GOODBYE_S)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; asks the resolver, so it runs in a thread.

    Raises:
        ConfigError: One sentence with what to change.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"web.host: {host!r} is no address of this machine ({error})") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"the page cannot be served on {host} port {port} ({error.strerror}); "
            "stop who listens there or set web.port to another port"
        ) from error
    return listening
