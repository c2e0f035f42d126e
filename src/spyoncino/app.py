"""The composition root: builds everything from a configuration, starts it, closes it in order.

Nobody else makes a bus, a pool, a database or a capture process. Whoever embeds the system, and
every command, goes through ``Application``.
"""

import asyncio
import os
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import structlog

from spyoncino.clock import Clock, SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.config_environment import DOTENV_NAME
from spyoncino.core.config_keeper import ConfigKeeper
from spyoncino.core.config_load import LoadedConfig
from spyoncino.core.config_news import NAME as CONFIG_SERVICE
from spyoncino.core.config_orders import register_config
from spyoncino.core.config_service import ConfigService
from spyoncino.core.config_terms import System
from spyoncino.core.config_watch import ConfigWatch
from spyoncino.core.context import ModuleContext
from spyoncino.core.control_desk import ControlDesk
from spyoncino.core.dead_letters import register_dead_letters
from spyoncino.core.decisions import DecisionLog
from spyoncino.core.doorbells import Doorbells
from spyoncino.core.durable_place import Patience
from spyoncino.core.gallery_orders import register_gallery
from spyoncino.core.log_levels import register_log_levels
from spyoncino.core.machine import MachineProbe
from spyoncino.core.meters import Meters
from spyoncino.core.modes import NAME as MODES_NAME
from spyoncino.core.modes import Modes
from spyoncino.core.module_orders import register_modules
from spyoncino.core.mute_orders import register_mutes
from spyoncino.core.orchestrator import Orchestrator
from spyoncino.core.orchestrator_options import Options
from spyoncino.core.paths import DataFolder
from spyoncino.core.performance import Alarms
from spyoncino.core.pipeline_report import worker_report
from spyoncino.core.registry import Registry
from spyoncino.core.stage_meter import StageMeter
from spyoncino.core.top_snapshot import SystemView, register_top
from spyoncino.core.topic_versions import needed_hops
from spyoncino.core.watches import Watches
from spyoncino.detectors.factory import AUTO, FALLBACK
from spyoncino.errors import BusClosedError
from spyoncino.modules.builtin import BUILTIN
from spyoncino.modules.capture_specs import capture_specs, section_of
from spyoncino.modules.delivery import enabled_channels
from spyoncino.modules.face_house import FaceHouse
from spyoncino.modules.process.object_detector import ObjectSettings
from spyoncino.persistence.database import Database
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.captures import Captures
from spyoncino.runtime.jobs import TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.pool_stats import PoolState
from spyoncino.runtime.tasks import FACES, FINISH_CLIP, OBJECTS, PREVIEW, TASK_FACTORIES
from spyoncino.schemas import topics
from spyoncino.schemas.status import (
    HealthState,
    HealthStatus,
    ShutdownNotice,
    WorkerCheck,
    WorkerReport,
)

LONG_TASK_S = 120.0
"""What finishing a clip or drawing a preview may take: five minutes of video on a slow disk."""

_POOL_HEALTH = {
    PoolState.STARTING: HealthState.DEGRADED,
    PoolState.RUNNING: HealthState.OK,
    PoolState.DEGRADED: HealthState.DEGRADED,
    PoolState.FAILED: HealthState.FAILED,
    PoolState.STOPPED: HealthState.STOPPED,
}


def load_modules() -> Registry:
    """Every module there is: the built-in table and installed plug-ins."""
    return Registry.discover(BUILTIN)


class Application:
    """One running system over one data folder; an async context manager.

    Leaving it finishes open work (events, clips, previews) within the configured time, then closes
    everything in the reverse order of opening.

    Args:
        loaded: A valid configuration.
        registry: The modules it was loaded with.
        data: The data folder; locked while the application is open.
        lossless: Nothing is dropped and no wall-clock deadline holds.
        clock: Source of time.
    """

    def __init__(
        self,
        loaded: LoadedConfig,
        registry: Registry,
        data: DataFolder,
        *,
        lossless: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.loaded = loaded
        self.data = data
        self._lossless = lossless
        self.clock: Clock = clock or SystemClock()
        self._registry = registry.without(loaded.settings.modules.disabled)
        self.bus = self._build_bus(lossless=lossless)
        self.faces = FaceHouse(loaded, self._registry, data)
        self.captures = Captures(self.clock, base=loaded.settings.shared_memory.folder)
        self.pool = self._build_pool(lossless=lossless)
        self.database = Database(data.database)
        self.meters = Meters()
        if not lossless:
            StageMeter(self.meters).listen(self.bus)
        self._log = structlog.get_logger("spyoncino")
        self._stack = AsyncExitStack()
        self._watches = self._build_watches()
        self._cameras = dict(loaded.settings.cameras)
        self.doorbells = Doorbells(self.bus, self._cameras, loaded.settings.doorbells)
        self.orchestrator = self._build_orchestrator()
        self.desk = ControlDesk(data.socket)
        self.config = self._build_config_service(registry)
        register_config(self.desk, self.config)
        view = SystemView(self.bus, self.pool, self.captures, self.meters, self.clock)
        register_top(self.desk, view)
        register_log_levels(self.desk, {kind.name for kind in self._registry.modules})
        register_modules(self.desk, self.orchestrator)
        self.modes: Modes | None = None
        if self.bus.critical is not None:
            register_dead_letters(self.desk, self.bus.critical)
            register_mutes(self.desk, self.bus, self._cameras)
            self.modes = Modes(data.mode, self.bus)
            self.modes.register(self.desk)
            self.doorbells.register(self.desk)
            register_gallery(self.desk, self.faces.open, self.database, self.bus)

    async def __aenter__(self) -> Self:
        """Open everything; what was opened is closed again when something fails."""
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say so, finish open work, then close everything."""
        why = "it was told to stop" if error is None else f"{type(error).__name__} ended it"
        with suppress(BusClosedError):
            await self.bus.publish(topics.SHUTDOWN, ShutdownNotice(source="main", reason=why))
        try:
            if kind is None or self._lossless is False:
                await self.orchestrator.drain()
        finally:
            await self._stack.aclose()

    async def _open(self) -> None:
        await asyncio.to_thread(self._stack.enter_context, self.data)
        await asyncio.to_thread(self.faces.start)
        self._stack.push_async_callback(asyncio.to_thread, self.faces.close)
        await self.database.open()
        self._stack.push_async_callback(self.database.close)
        for leftover in await self.captures.open():
            self._log.info("removed what a killed run left in shared memory", folder=str(leftover))
        self._stack.push_async_callback(self.captures.close)
        for spec in self._specs(self.loaded).values():
            self.captures.add(spec)
        self.meters.begun_ns = self.clock.monotonic_ns()
        await self.bus.start()
        self._stack.push_async_callback(self.bus.stop)
        if self.modes is not None:
            await self.modes.start()
        # Workers load their models while modules start and cameras connect; their jobs wait.
        starting = asyncio.create_task(self.pool.start(minimum=1), name="pool start")
        self._stack.push_async_callback(self._end_pool, starting)
        self.bus.answer(topics.WORKER_CHECK, self._report_workers, name="pool")
        await self.orchestrator.start(besides=starting)
        self._stack.push_async_callback(self.orchestrator.stop)
        if not self._lossless:
            self._stack.push_async_callback(self._watches.stop)
            await self._watches.start()
        if self.modes is not None:
            await self.modes.tell()
        if self.bus.critical is not None and not self._registry.failures:
            await self.bus.critical.forget_all_but(self._durable_modules())
        if not self._lossless:
            await self.config.start()
            self._stack.push_async_callback(self.config.stop)
            watch = self._build_config_watch()
            watch.start()
            self._stack.push_async_callback(watch.stop)
        await self.desk.open()
        self._stack.push_async_callback(self.desk.close)

    async def _end_pool(self, starting: asyncio.Task[None]) -> None:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await self.pool.stop()

    def _build_bus(self, *, lossless: bool) -> Bus:
        """A lossless run keeps no outbox: it is repeated from the start when it is interrupted."""
        settings = self.loaded.settings.bus
        return Bus(
            self.clock,
            status_interval_s=settings.status_interval_s,
            outbox=None if lossless else self.data.outbox,
            patience=Patience(attempts=settings.max_attempts),
            high_mark=settings.high_mark,
        )

    def _build_pool(self, *, lossless: bool) -> WorkerPool:
        settings = self.loaded.settings.pool
        count = settings.worker_count(len(os.sched_getaffinity(0)), _memory_bytes())
        limits = PoolLimits(
            max_queue_size=settings.max_queue_size,
            job_timeout_s=settings.job_timeout_s,
            worker_restart_threshold=settings.worker_restart_threshold,
            worker_memory_bytes=int(self.loaded.settings.health.process_memory_bytes),
        )
        return WorkerPool(
            [
                TaskSpec(
                    kind,
                    factory,
                    self._task_settings(kind, count),
                    timeout_s=LONG_TASK_S if kind in (FINISH_CLIP, PREVIEW) else None,
                )
                for kind, factory in TASK_FACTORIES.items()
                if kind != FACES or self.faces.is_on
            ],
            count,
            self.clock,
            limits=limits,
            lossless=lossless,
        )

    def _task_settings(self, kind: str, workers: int) -> dict[str, Any]:
        if kind == FACES:
            return self.faces.settings.to_task_settings()
        return self._object_task_settings(workers) if kind == OBJECTS else {}

    def _object_task_settings(self, workers: int) -> dict[str, Any]:
        """The detector of all workers; ``auto`` only live, where no result must be repeatable."""
        task = section_of(self.loaded, "objects", ObjectSettings).to_task_settings()
        if task["detector"] != AUTO:
            return task
        if self._lossless:
            return {**task, "detector": FALLBACK}
        cores = len(os.sched_getaffinity(0)) // workers
        return {**task, "choices": str(self.data.detector_choices), "max_threads": max(1, cores)}

    def _build_watches(self) -> Watches:
        return Watches(
            self.loaded.settings.health,
            bus=self.bus,
            clock=self.clock,
            log=self._log,
            data=self.data,
            pool=self.pool,
            captures=self.captures,
            on_change=self._tell_health,
        )

    async def _tell_health(self) -> None:
        await self.orchestrator.check_health()

    def _specs(self, loaded: LoadedConfig) -> dict[str, CaptureSpec]:
        return capture_specs(loaded, lossless=self._lossless)

    def _build_orchestrator(self) -> Orchestrator:
        settings = self.loaded.settings
        context = ModuleContext(
            bus=self.bus,
            clock=self.clock,
            log=self._log,
            decisions=DecisionLog(),
            data=self.data,
            cameras=self._cameras,
            doorbells=self.doorbells,
            pool=self.pool,
            captures=self.captures,
            database=self.database,
            lossless=self._lossless,
            config_hash=self.loaded.config_hash,
            meters=self.meters,
            faces=self.faces.is_on,
            embedder=self.faces.settings.to_embedder(),
            channels=lambda: enabled_channels(self.config.loaded, self._registry),
        )
        return Orchestrator(
            self._registry,
            self.loaded.sections,
            bus=self.bus,
            clock=self.clock,
            context_of=lambda name: replace(
                context, log=self._log.bind(module=name), people=self.faces.people
            ),
            options=Options(
                health=settings.health,
                lossless=self._lossless,
                reporters=(Alarms(self.bus, settings.health),),
                probes={
                    "pool": self._pool_health,
                    "machine": MachineProbe(settings.health, self.clock),
                    **({} if self._lossless else self._watches.probes),
                },
            ),
        )

    def _build_config_service(self, registry: Registry) -> ConfigService:
        return ConfigService(
            self.loaded,
            registry,
            System(
                registry=self._registry,
                orchestrator=self.orchestrator,
                captures=self.captures,
                cameras=self._cameras,
                specs_of=self._specs,
            ),
            bus=self.bus,
            clock=self.clock,
            log=self._log.bind(module="config"),
            keeper=ConfigKeeper(self.data.config_versions, registry, self.clock),
        )

    def _build_config_watch(self) -> ConfigWatch:
        files = self.loaded.files if self.loaded.settings.updates.watch_file else ()
        if self.loaded.user_file is not None and files:
            files = (*files, self.loaded.user_file.with_name(DOTENV_NAME))
        return ConfigWatch(files, self.config.reload, self._log.bind(module=CONFIG_SERVICE))

    def _durable_modules(self) -> set[str]:
        """Names of those that come back for what they missed, whether they run now or not."""
        kinds = self._registry.modules
        durable = {kind.name for kind in kinds if any(each.durable for each in kind.consumes)}
        hops = {hop.name for hop in needed_hops(kinds)}
        return durable | hops | {MODES_NAME, CONFIG_SERVICE}

    async def _report_workers(self, check: WorkerCheck) -> WorkerReport:
        """For who asked, and for everybody who listens to reports."""
        detector = section_of(self.loaded, "objects", ObjectSettings).detector
        if self.faces.is_on:
            detector = self.faces.settings.detector
        report = worker_report(self.pool.stats(), detector, check.correlation_id or check.event_id)
        await self.bus.publish(topics.WORKER_REPORT, report)
        return report

    async def _pool_health(self) -> HealthStatus:
        stats = self.pool.stats()
        is_only_late = stats.state is PoolState.STARTING and stats.workers_ready > 0
        return HealthStatus(
            state=HealthState.OK if is_only_late else _POOL_HEALTH[stats.state],
            detail=""
            if stats.state is PoolState.RUNNING
            else f"{stats.workers_ready} of {stats.worker_count} workers are ready",
            numbers={
                "queue": float(stats.queue_size),
                "in_flight": float(stats.in_flight),
                "done": float(stats.job_count),
                "errors": float(stats.job_errors),
                "restarts": float(stats.restarts),
                "workers": float(stats.worker_count),
                "workers_ready": float(stats.workers_ready),
                "error_rate": stats.error_rate,
            },
        )


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
