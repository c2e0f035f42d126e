"""The running pipeline, asked from another thread: the specification's two reports and restarts."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from spyoncino.app import Application
from spyoncino.core.pipeline_report import (
    PipelineFacts,
    frames_per_second,
    health_check,
    pipeline_metrics,
    stopped_metrics,
)
from spyoncino.errors import BusClosedError
from spyoncino.integration.health import SystemState
from spyoncino.persistence.events import EventStore
from spyoncino.runtime.process_cost import cost_of, processes_of
from spyoncino.schemas.status import HealthSummary

T = TypeVar("T")

EVENTS_WINDOW_S = 300.0
"""Events per minute are those of the last five minutes, or since the start."""

MAX_EVENTS = 1000
"""More events in the window are not counted one by one; nobody has them."""

RATE_WINDOW_S = 1.0
"""Pictures per second are counted over at least so long."""


class RunningSystem(Protocol):
    """What the pipeline is asked through."""

    @property
    def application(self) -> Application | None:
        """The running application; ``None`` when nothing runs."""

    @property
    def state(self) -> SystemState:
        """Where the system is in its life."""

    def note(self, summary: HealthSummary) -> None:
        """Take note of a fresh summary, in the event loop."""

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the system's event loop and wait for it."""


@dataclass(frozen=True, slots=True)
class _Sample:
    summary: HealthSummary
    taken_s: float


class Pipeline:
    """Answers for whatever application runs at the moment; its calls are for other threads.

    Args:
        system: Who runs it.
    """

    def __init__(self, system: RunningSystem) -> None:
        self._system = system
        self._before: _Sample | None = None
        self._latest: _Sample | None = None

    def get_pipeline_metrics(self) -> dict[str, Any]:
        """``pipeline_status``, ``uptime``, ``events_per_minute``, queues, workers."""
        facts = self._facts()
        return (
            stopped_metrics(self._system.state.value) if facts is None else pipeline_metrics(facts)
        )

    def pipeline_health_check(self) -> dict[str, Any]:
        """``overall_status``, pictures per second, backlogs, workers, errors, memory.

        Raises:
            BusClosedError: Nothing runs.
        """
        facts = self._facts()
        if facts is None:
            raise BusClosedError("The pipeline does not run; start it first.")
        return health_check(facts)

    def restart(self, module: str) -> bool:
        """Restart one module, such as ``process.tracker``; whether it runs then.

        Raises:
            WiringError: There is no such module.
            BusClosedError: Nothing runs.
        """
        application = self._system.application
        if application is None:
            raise BusClosedError("The pipeline does not run; start it first.")
        return self._system.call(application.orchestrator.restart(module))

    def _facts(self) -> PipelineFacts | None:
        application = self._system.application
        return None if application is None else self._system.call(self._gather(application))

    async def _gather(self, application: Application) -> PipelineFacts:
        summary = await application.orchestrator.check_health()
        self._system.note(summary)
        pool = application.pool.stats()
        captures = {each.camera_id: each.stats() for each in application.captures}
        costs = await asyncio.to_thread(cost_of, processes_of(pool, captures))
        window_s = min(EVENTS_WINDOW_S, max(summary.uptime_s, 1.0))
        since = application.clock.utc_now() - timedelta(seconds=window_s)
        events = await EventStore(application.database).find(since=since, limit=MAX_EVENTS)
        return PipelineFacts(
            summary=summary,
            pool=pool,
            bus=application.bus.status(),
            pipeline_fps=frames_per_second(summary, self._sample_before(summary)),
            events_per_minute=len(events) * 60.0 / window_s,
            memory_bytes=sum(cost.pss_bytes for cost in costs.values()),
        )

    def _sample_before(self, summary: HealthSummary) -> HealthSummary | None:
        """A summary of this application that is at least ``RATE_WINDOW_S`` older than this one."""
        now = _Sample(summary, time.monotonic())
        if self._latest is None or self._latest.summary.uptime_s > summary.uptime_s:
            self._latest, self._before = now, None
        elif now.taken_s - self._latest.taken_s >= RATE_WINDOW_S:
            self._latest, self._before = now, self._latest
        return self._before.summary if self._before else None
