"""What watches a live system besides its modules: loop, load, disk, memory; started as one.

A lossless run has none of them: it leaves nothing out, and it ends.
"""

import os
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.core.bus import Bus
from spyoncino.core.disk_watch import DiskProbe
from spyoncino.core.health import HealthProbe
from spyoncino.core.load_control import LoadControl
from spyoncino.core.loop_watch import LoopWatch
from spyoncino.core.memory_watch import MemoryProbe
from spyoncino.core.paths import DataFolder
from spyoncino.core.settings import HealthSettings
from spyoncino.runtime.captures import Captures
from spyoncino.runtime.pool import WorkerPool


class Watches:
    """The watches of one system.

    Args:
        settings: Their limits.
        bus: Where stages of load are announced.
        clock: Paces them.
        log: Where they tell.
        data: Whose disk is watched.
        pool: Whose queue and workers are watched.
        captures: Whose processes are watched.
        on_change: Called when the stage of load changed, so that health is told at once.
    """

    def __init__(
        self,
        settings: HealthSettings,
        *,
        bus: Bus,
        clock: Clock,
        log: FilteringBoundLogger,
        data: DataFolder,
        pool: WorkerPool,
        captures: Captures,
        on_change: Callable[[], Awaitable[object]],
    ) -> None:
        self._pool = pool
        self._captures = captures
        self.loop = LoopWatch(log)
        self.load = LoadControl(
            bus,
            clock,
            log,
            pressure_of_pool=pool.pressure,
            loop_lag_s=self.loop.take_lag_s,
            on_change=on_change,
        )
        limit_bytes = int(settings.process_memory_bytes)
        self.probes: dict[str, HealthProbe] = {
            "loop": self.loop.health,
            "load": self.load.health,
            "disk": DiskProbe(settings, data.root),
            "memory": MemoryProbe(limit_bytes, clock, self._processes),
        }

    async def start(self) -> None:
        """Begin, in the running loop."""
        await self.loop.start()
        self.load.start()

    async def stop(self) -> None:
        """End all of them."""
        await self.load.stop()
        await self.loop.stop()

    def _processes(self) -> dict[str, int]:
        """Main, cameras and workers that run now."""
        found = {"main": os.getpid()}
        for capture in self._captures:
            process = capture.stats().pid
            if process is not None:
                found[f"capture.{capture.camera_id}"] = process
        for worker in self._pool.stats().workers:
            if worker.pid:
                found[worker.worker_id] = worker.pid
        return found
