"""Files of events, by the path that the media index has; nothing else is ever sent."""

from fastapi import APIRouter, HTTPException
from starlette.responses import FileResponse

from spyoncino.web.backend import Backend
from spyoncino.web.views import MEDIA_PREFIX

CACHING = "private, max-age=31536000, immutable"
"""The address has the time of writing in it, so what it names never changes."""


def media_router(backend: Backend) -> APIRouter:
    """The route of files; answers range requests, so that a browser can seek in a clip."""
    router = APIRouter(prefix=MEDIA_PREFIX.rstrip("/"), tags=["media"])

    @router.get("/{path:path}", response_class=FileResponse)
    async def media(path: str) -> FileResponse:
        """One file."""
        found = await backend.media(path)
        if found is None:
            raise HTTPException(404, "There is no such file in the media index.")
        return FileResponse(
            found.path, media_type=found.content_type, headers={"Cache-Control": CACHING}
        )

    return router
