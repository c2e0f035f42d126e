"""Measures how much the machine has to do and announces what is left out; see ``overload``.

Measured are the age of jobs that wait in the worker pool, jobs that were shed, and how late the
event loop is. Not for lossless runs, in which nothing is ever left out.
"""

import asyncio
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.core.bus import Bus
from spyoncino.core.overload import STAGES, OverloadPolicy, OverloadSpec
from spyoncino.runtime.pool_stats import PoolPressure
from spyoncino.schemas import topics
from spyoncino.schemas.status import HealthState, HealthStatus, LoadStage, LoadStatus

EVERY_S = 1.0

CONTINUOUS_WAIT_S = 1.0
"""A frame that waits longer for a worker tells what was, not what is. Half of the deadline."""

BACKGROUND_WAIT_S = 30.0
"""A clip or preview that waits longer is starved by continuous work."""

LOOP_LAG_S = 0.25
"""Main that is later than this harms live video and presses."""

SHED_PRESSURE = 1.5
"""Continuous jobs were thrown away: more than is bearable, whatever waits now."""

SENTENCES = {
    LoadStage.NORMAL: "everything is analysed again",
    LoadStage.FEWER_FRAMES: "fewer pictures are analysed",
    LoadStage.FEWER_REGIONS: "fewer pictures are analysed, none of them closer",
    LoadStage.NO_CONTINUOUS: "nothing is analysed but what follows a press of the bell",
}


class LoadControl:
    """Watches the load and announces its stage on ``status.load``.

    Args:
        bus: Where stages are announced.
        clock: Paces the measurements.
        log: Where stages are written.
        pressure_of_pool: The pool's waits.
        loop_lag_s: The longest delay of the event loop since it was asked last.
        on_change: Called after each announcement, so that health is told at once.
        spec: When stages change.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        pressure_of_pool: Callable[[], PoolPressure],
        loop_lag_s: Callable[[], float],
        on_change: Callable[[], Awaitable[object]],
        spec: OverloadSpec | None = None,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._log = log
        self._pressure_of_pool = pressure_of_pool
        self._loop_lag_s = loop_lag_s
        self._on_change = on_change
        self._policy = OverloadPolicy(spec or OverloadSpec())
        self._pressure = 0.0
        self._reason = ""
        self._shed = 0
        self._changes = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._shed = self._pressure_of_pool().continuous_shed
        self._task = asyncio.create_task(self._watch(), name="load control")

    async def stop(self) -> None:
        """End; harmless before ``start``."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def health(self) -> HealthStatus:
        """Degraded while something is left out."""
        stage = self._policy.stage
        is_normal = stage is LoadStage.NORMAL
        return HealthStatus(
            state=HealthState.OK if is_normal else HealthState.DEGRADED,
            detail="" if is_normal else f"{SENTENCES[stage]}: {self._reason}",
            numbers={
                "stage": float(STAGES.index(stage)),
                "pressure": self._pressure,
                "changes": float(self._changes),
            },
        )

    async def measure(self) -> None:
        """Measure once and announce the stage if it is another one."""
        self._pressure, cause = self._measured()
        before = self._policy.stage
        stage = self._policy.update(self._clock.monotonic_ns() / 1e9, self._pressure)
        if stage is before:
            return
        self._changes += 1
        self._reason = cause
        self._log.warning(
            "recovery: the load is bearable, more is analysed again"
            if STAGES.index(stage) < STAGES.index(before)
            else "the machine is overloaded",
            stage=stage.value,
            before=before.value,
            meaning=SENTENCES[stage],
            pressure=round(self._pressure, 2),
            cause=cause,
        )
        status = LoadStatus(source="load", stage=stage, pressure=self._pressure, reason=cause)
        await self._bus.publish(topics.STATUS_LOAD, status)
        await self._on_change()

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(EVERY_S)
            await self.measure()

    def _measured(self) -> tuple[float, str]:
        pool = self._pressure_of_pool()
        lag_s = self._loop_lag_s()
        shed, self._shed = pool.continuous_shed - self._shed, pool.continuous_shed
        causes = (
            (pool.continuous_wait_s / CONTINUOUS_WAIT_S, "pictures wait for a worker"),
            (pool.background_wait_s / BACKGROUND_WAIT_S, "clips and previews wait for a worker"),
            (lag_s / LOOP_LAG_S, "the main process is late"),
            (SHED_PRESSURE if shed else 0.0, "pictures were given up"),
        )
        return max(causes)
