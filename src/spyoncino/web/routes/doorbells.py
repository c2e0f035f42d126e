"""Ringing over HTTP: for buttons on the network, home automation and the page."""

from fastapi import APIRouter, HTTPException

from spyoncino.errors import UsageError
from spyoncino.web.backend import Backend
from spyoncino.web.views import PressOrder, PressView


def doorbells_router(backend: Backend) -> APIRouter:
    """Routes about doorbells."""
    router = APIRouter(prefix="/api/v1/doorbells", tags=["doorbells"])

    @router.post("/{doorbell}/press", status_code=202)
    async def press(doorbell: str, order: PressOrder | None = None) -> PressView:
        """Ring. The answer comes when the press is on disk; 503 when no disk will keep it.

        Whoever gets no answer may ring again with the same ``press_id``: it counts once.
        """
        try:
            rung = await backend.press(doorbell, order.press_id if order else None)
        except UsageError as error:
            raise HTTPException(404, f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        return PressView(event_id=rung.event_id, doorbell=rung.doorbell, camera=rung.camera)

    return router
