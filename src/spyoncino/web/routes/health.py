"""``/health``, for people, monitors and ``systemd``, and ``/metrics`` for Prometheus."""

from fastapi import APIRouter, HTTPException
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from spyoncino import __version__
from spyoncino.schemas.status import HealthState, HealthStatus, HealthSummary
from spyoncino.web.backend import Backend
from spyoncino.web.views import HealthView


def health_router(backend: Backend) -> APIRouter:
    """Routes about how the system is doing."""
    router = APIRouter(tags=["health"])

    def is_ready() -> bool:
        summary = backend.health()
        return summary is not None and summary.state is not HealthState.FAILED

    @router.get("/health")
    async def health() -> HealthView:
        """Every part, with one sentence where it is not well."""
        return HealthView(version=__version__, ready=is_ready(), summary=backend.health())

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """The program answers; 200 whatever else is wrong."""
        return {"status": "live"}

    @router.get("/health/ready", responses={503: {"description": "Not yet, or not any more."}})
    async def ready() -> JSONResponse:
        """All parts are up and none that matters has failed; else 503.

        With parts that are not well, or in quarantine, it is ``degraded`` and names them, without
        cameras: whoever asks need not show a token.
        """
        summary = backend.health()
        if summary is None or not is_ready():
            return JSONResponse({"status": "not ready"}, 503)
        if summary.state is HealthState.DEGRADED:
            return JSONResponse({"status": "degraded", "parts": _unwell_parts(summary)})
        return JSONResponse({"status": "ready"})

    @router.get(
        "/health/modules/{name}",
        response_model=HealthStatus,
        responses={
            404: {"description": "There is no such part."},
            503: {"description": "It has failed, or nobody has asked it yet."},
        },
    )
    async def module(name: str) -> JSONResponse:
        """One part by its name: a module, camera.NAME, bus, pool, machine; 503 if it has failed."""
        found = _part(backend.health(), name)
        code = 503 if found.state is HealthState.FAILED else 200
        return JSONResponse(found.model_dump(mode="json"), code)

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(await backend.metrics(), media_type=CONTENT_TYPE_LATEST)

    return router


def _part(summary: HealthSummary | None, name: str) -> HealthStatus:
    """One part of a summary, or the answer that says why there is none."""
    if summary is None:
        raise HTTPException(503, "the system starts; nothing was asked for its health yet")
    found = summary.modules.get(name)
    if found is None:
        known = ", ".join(sorted(summary.modules))
        raise HTTPException(404, f"there is no part {name!r}; there are: {known}")
    return found


def _unwell_parts(summary: HealthSummary) -> list[str]:
    """Names of parts that are not well, without cameras: their names are nobody's business."""
    well = (HealthState.OK, HealthState.STOPPED)
    names = [name for name, part in summary.modules.items() if part.state not in well]
    return [name for name in names if not name.startswith("camera.")]
