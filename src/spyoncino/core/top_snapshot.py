"""Everything that ``spyoncino top`` shows, as plain data; main answers it on its control desk."""

import asyncio
import os
from dataclasses import dataclass
from typing import Any

from spyoncino import __version__
from spyoncino.clock import Clock
from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk
from spyoncino.core.latency_budget import STAGES
from spyoncino.core.losses import losses
from spyoncino.core.meters import Meters
from spyoncino.runtime.capture_limits import CaptureStats
from spyoncino.runtime.captures import Captures
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.pool_stats import PoolStats
from spyoncino.runtime.process_cost import cost_of, processes_of
from spyoncino.schemas.status import BusStatus

ORDER = "top.snapshot"

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SystemView:
    """The parts of a running system that are looked at.

    Args:
        bus: Its queues.
        pool: Its workers.
        captures: Its cameras.
        meters: What it counted.
        clock: Source of time.
    """

    bus: Bus
    pool: WorkerPool
    captures: Captures
    meters: Meters
    clock: Clock

    async def snapshot(self) -> dict[str, Any]:
        """One moment: what the headings of ``spyoncino top`` say, in the units of the keys."""
        now_ns = self.clock.monotonic_ns()
        bus, pool = self.bus.status(), self.pool.stats()
        captures = {handle.camera_id: handle.stats() for handle in self.captures}
        costs = await asyncio.to_thread(cost_of, processes_of(pool, captures))
        health = self.meters.health
        begun_ns = now_ns if self.meters.begun_ns is None else self.meters.begun_ns
        lost = losses(bus, pool, captures)
        return {
            "version": __version__,
            "pid": os.getpid(),
            "state": health.state.value if health else "starting",
            "detail": health.detail if health else "",
            "uptime_s": (now_ns - begun_ns) / 1e9,
            "cameras": self._cameras(captures, now_ns),
            "stages": self._stages(now_ns),
            "queues": _queues(bus),
            "pool": {
                "queued": pool.queue_size,
                "per_s": pool.job_rate,
                "p95_ms": pool.processing.p95_ms,
            },
            "workers": _workers(pool),
            "memory_bytes": {name: cost.pss_bytes for name, cost in costs.items()},
            "losses": [
                {"where": where, "reason": reason, "count": count}
                for (where, reason), count in lost.items()
                if count
            ],
            "events": self._events(),
        }

    def _cameras(self, captures: dict[str, CaptureStats], now_ns: int) -> Rows:
        rates = self.meters.stages["capture"].rates
        rows: Rows = []
        for camera, stats in captures.items():
            available = self.meters.cameras.get(camera)
            rate = rates.get(camera)
            rows.append(
                {
                    "camera": camera,
                    "state": stats.state,
                    "per_s": rate.per_s(now_ns) if rate else 0.0,
                    "decoded": stats.counters.frames_decoded,
                    "asleep": stats.counters.gate.state == "asleep",
                    "gaps": stats.gaps,
                    "lost_s": stats.lost_s,
                    "available": available.share(now_ns) if available else 0.0,
                    "restarts": stats.restarts,
                    "error": stats.last_error,
                }
            )
        return rows

    def _stages(self, now_ns: int) -> Rows:
        rows: Rows = []
        for stage in STAGES:
            figures = self.meters.stages[stage.name]
            own = figures.own_s
            budget_s = stage.budget_s
            rows.append(
                {
                    "stage": stage.name,
                    "per_s": sum(rate.per_s(now_ns) for rate in figures.rates.values()),
                    "count": own.count,
                    "p50_ms": own.quantile(0.5) * 1e3,
                    "p95_ms": own.quantile(0.95) * 1e3,
                    "age_p95_ms": figures.age_s.quantile(0.95) * 1e3,
                    "budget_ms": None if budget_s is None else budget_s * 1e3,
                    "within": None if budget_s is None else own.share_within(budget_s),
                }
            )
        return rows

    def _events(self) -> Rows:
        return [
            {
                "event_id": event.event_id,
                "at": event.started_at.isoformat(),
                "camera": event.camera,
                "type": event.type,
                "state": event.state.value,
                "seconds": event.end_s - event.start_s,
                "labels": list(event.labels),
                "presses": len(event.presses),
            }
            for event in reversed(self.meters.newest_events)
        ]


def register_top(desk: ControlDesk, view: SystemView) -> None:
    """Have the running main answer ``top.snapshot``."""

    async def answer(_: dict[str, Any]) -> dict[str, Any]:
        return await view.snapshot()

    desk.register(ORDER, answer)


def _queues(bus: BusStatus) -> Rows:
    rows = [
        {
            "subscriber": row.name,
            "pattern": row.pattern,
            "policy": row.policy,
            "depth": row.depth,
            "capacity": row.capacity,
            "lag_s": row.lag_s,
            "dropped": row.dropped,
            "failed": row.failed,
            "delivered": row.delivered,
            "wait_p99_ms": row.latency_p99_ms,
        }
        for row in bus.subscribers
    ]
    return sorted(
        rows,
        key=lambda row: (row["depth"], row["failed"], row["dropped"], row["wait_p99_ms"]),
        reverse=True,
    )


def _workers(pool: PoolStats) -> Rows:
    return [
        {
            "worker": row.worker_id,
            "state": row.state,
            "busy": row.busy_share,
            "jobs": row.jobs_done,
            "restarts": row.restarts,
            "error": row.error,
        }
        for row in pool.workers
    ]
