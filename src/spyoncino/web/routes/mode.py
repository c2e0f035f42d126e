"""The mode of the house."""

from fastapi import APIRouter

from spyoncino.web.backend import Backend
from spyoncino.web.views import ModeView


def mode_router(backend: Backend) -> APIRouter:
    """Routes about the mode."""
    router = APIRouter(prefix="/api/v1/mode", tags=["mode"])

    @router.get("")
    async def mode() -> ModeView:
        """The mode that holds: home, away, night or privacy."""
        return ModeView(mode=await backend.mode())

    @router.put("")
    async def change(wanted: ModeView) -> ModeView:
        """Choose a mode; it holds, also after a crash, when this answers."""
        return ModeView(mode=await backend.mode(wanted.mode))

    return router
