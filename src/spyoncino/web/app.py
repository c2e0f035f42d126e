"""The web application: routes of every subject behind one guard. Serving it is somebody else's."""

import mimetypes

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from spyoncino import __version__
from spyoncino.errors import SpyoncinoError
from spyoncino.web.access import AccessGuard, AccessPolicy
from spyoncino.web.backend import Backend
from spyoncino.web.headers import SecurityHeaders
from spyoncino.web.routes.cameras import cameras_router
from spyoncino.web.routes.doorbells import doorbells_router
from spyoncino.web.routes.events import events_router
from spyoncino.web.routes.health import health_router
from spyoncino.web.routes.media import media_router
from spyoncino.web.routes.mode import mode_router
from spyoncino.web.routes.page import page_router, static_files
from spyoncino.web.routes.push import push_router
from spyoncino.web.routes.updates import updates_router


def build_app(backend: Backend, policy: AccessPolicy) -> ASGIApp:
    """Everything the web shows; reads files, so it is called outside the event loop.

    Args:
        backend: The system behind it.
        policy: Who may come in.
    """
    mimetypes.init()  # else the first file that is sent would read the system's tables
    api = FastAPI(
        title="Spyoncino",
        version=__version__,
        docs_url=None,  # its page loads scripts from a stranger
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    for router in (
        health_router(backend),
        cameras_router(backend),
        doorbells_router(backend),
        events_router(backend),
        media_router(backend),
        mode_router(backend),
        push_router(backend),
        updates_router(backend),
        page_router(),
    ):
        api.include_router(router)
    api.mount("/static", static_files())
    api.add_exception_handler(SpyoncinoError, _tell)
    return SecurityHeaders(AccessGuard(api, policy))


async def _tell(_request: Request, error: Exception) -> JSONResponse:
    """A foreseen trouble of the system: the sentence that a person reads in the log too."""
    return JSONResponse({"detail": str(error)}, 503)
