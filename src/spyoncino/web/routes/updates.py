"""The one WebSocket on which a page hears what happens: events, files, cameras, health."""

from fastapi import APIRouter, WebSocket

from spyoncino import __version__
from spyoncino.web.backend import Backend
from spyoncino.web.routes.socket import until_gone
from spyoncino.web.views import Welcome


def updates_router(backend: Backend) -> APIRouter:
    """The route of updates."""
    router = APIRouter()

    @router.websocket("/api/v1/updates")
    async def updates(socket: WebSocket) -> None:
        await socket.accept()
        await until_gone(socket, _speak(socket, backend))

    return router


async def _speak(socket: WebSocket, backend: Backend) -> None:
    with backend.hub.joined() as listener:
        welcome = Welcome(version=__version__, cameras=backend.cameras(), notices=backend.notices())
        await socket.send_text(welcome.model_dump_json())
        while (text := await listener.next()) is not None:
            await socket.send_text(text)
