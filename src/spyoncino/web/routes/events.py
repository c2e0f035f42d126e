"""Events: the list with filters and pages, and one by its id."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from spyoncino.web.backend import Backend, EventQuery
from spyoncino.web.views import EventPage, EventView

MAX_LIMIT = 200


def events_router(backend: Backend) -> APIRouter:
    """Routes about events."""
    router = APIRouter(prefix="/api/v1/events", tags=["events"])

    @router.get("")
    async def events(
        camera: str | None = None,
        event_type: Annotated[str | None, Query(alias="type")] = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
    ) -> EventPage:
        """Newest first; ``next`` of one page is ``before`` of the following one."""
        query = EventQuery(camera, event_type, since, until, before, limit + 1)
        found = await backend.events(query)
        shown = tuple(found[:limit])
        following = shown[-1].event.event_id if len(found) > limit else None
        return EventPage(events=shown, next=following)

    @router.get("/{event_id}")
    async def event(event_id: str) -> EventView:
        """One event with its files."""
        found = await backend.event(event_id)
        if found is None:
            raise HTTPException(404, f"There is no event '{event_id[:80]}'.")
        return found

    return router
