"""Web Push: with which key a browser subscribes, and which browsers are told."""

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException

from spyoncino.errors import UsageError
from spyoncino.web.backend import Backend
from spyoncino.web.browser_label import browser_label
from spyoncino.web.views import BrowserView, PushOrder, PushView


def push_router(backend: Backend) -> APIRouter:
    """Routes about browsers that are told although the page is closed."""
    router = APIRouter(prefix="/api/v1/push", tags=["push"])

    @router.get("")
    async def push() -> PushView:
        """The public key to subscribe with, and the browsers that are told."""
        return await backend.push.view()

    @router.put("/browsers")
    async def subscribe(
        order: PushOrder, user_agent: Annotated[str, Header(max_length=1000)] = ""
    ) -> BrowserView:
        """Tell this browser from here on; sent again it changes nothing but the keys."""
        try:
            return await backend.push.add(order, browser_label(user_agent))
        except UsageError as error:
            raise HTTPException(409, f"{str(error)[:1].upper()}{str(error)[1:]}.") from error

    @router.delete("/browsers/{name}", status_code=204)
    async def unsubscribe(name: str) -> None:
        """Tell a browser no more."""
        if not await backend.push.remove(name):
            raise HTTPException(404, "There is no such browser.")

    return router
