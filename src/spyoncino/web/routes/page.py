"""The page itself: files of the package, sent as they are; no build, no stranger's script."""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parents[1] / "static"

CACHING = "no-cache"
"""Kept by the browser, but asked for each time: after an upgrade nobody sees half an old page."""


class PageFiles(StaticFiles):
    """Files of the page, with their caching."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file, or 404."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = CACHING
        return answer


def static_files() -> StaticFiles:
    """Everything under ``/static``."""
    return PageFiles(directory=STATIC, check_dir=False)


def page_router() -> APIRouter:
    """The page at ``/``, its icon, and what browsers keep of it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": CACHING})

    @router.get("/favicon.ico")
    async def icon() -> FileResponse:
        return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")

    @router.get("/push-worker.js")
    async def worker() -> FileResponse:
        # Its address says which pages it serves: all of them, so it cannot lie under /static.
        return FileResponse(STATIC / "push-worker.js", headers={"Cache-Control": CACHING})

    @router.get("/page.webmanifest")
    async def manifest() -> FileResponse:
        return FileResponse(
            STATIC / "page.webmanifest",
            media_type="application/manifest+json",
            headers={"Cache-Control": CACHING},
        )

    return router
