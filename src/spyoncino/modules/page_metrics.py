"""The figures of the whole system as ``/metrics`` tells them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from spyoncino import __version__
from spyoncino.core.context import ModuleContext
from spyoncino.modules.bus_figures import bus_figures
from spyoncino.modules.camera_figures import camera_figures
from spyoncino.modules.live_figures import LiveNumbers, live_figures
from spyoncino.modules.loss_figures import loss_figures
from spyoncino.modules.pool_figures import pool_figures
from spyoncino.modules.process_figures import process_figures
from spyoncino.modules.quality_figures import quality_figures
from spyoncino.modules.stage_figures import stage_figures
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.runtime.process_cost import cost_of, processes_of
from spyoncino.schemas.status import HealthState, HealthSummary
from spyoncino.web.metrics import Buckets, Figure, render
from spyoncino.web.views import CameraView


@dataclass(frozen=True, slots=True)
class PageFigures:
    """What the page knows by itself: cameras, the latest health, what it costs."""

    cameras: tuple[CameraView, ...]
    summary: HealthSummary | None
    page: Mapping[str, float]
    live: Mapping[str, LiveNumbers]
    uptime_s: float


async def system_metrics(context: ModuleContext, known: PageFigures) -> bytes:
    """Ask everybody and write it down.

    Raises:
        StorageError: The database does not answer.
    """
    pool = context.pool.stats()
    captures = {handle.camera_id: handle.stats() for handle in context.captures}
    bus = context.bus.status()
    statistics = await EventStore(context.database).statistics()
    media_bytes = await MediaStore(context.database).total_bytes()
    costs = await asyncio.to_thread(cost_of, processes_of(pool, captures))
    now_ns = context.clock.monotonic_ns()
    figures: list[Figure | Buckets] = [
        Figure("info", "Version of the program.", [({"version": __version__}, 1.0)]),
        Figure("uptime_seconds", "Since the start.", [({}, known.uptime_s)]),
        *_health(known.summary),
        *stage_figures(context.meters, now_ns),
        *quality_figures(context.meters, now_ns),
        *loss_figures(bus, pool, captures),
        *bus_figures(bus),
        *pool_figures(pool),
        *camera_figures(captures, known.cameras),
        *live_figures(captures, known.live),
        Figure(
            "events",
            "Events in the database.",
            [({"type": kind}, count) for kind, count in statistics["by_type"].items()],
        ),
        Figure("media_bytes", "Bytes of all files in the media index.", [({}, media_bytes)]),
        *process_figures(costs),
        Figure(
            "page",
            "Connected pages and viewers, pictures made, failed and skipped.",
            [({"what": name}, value) for name, value in known.page.items()],
        ),
    ]
    return render(figures)


def _health(summary: HealthSummary | None) -> list[Figure]:
    if summary is None:
        return []
    return [
        Figure(
            "part_ok",
            "1 while a part of the system is well or has rightly stopped.",
            [
                ({"part": name}, part.state in (HealthState.OK, HealthState.STOPPED))
                for name, part in summary.modules.items()
            ],
        ),
    ]
