"""Brings modules to life and to rest: builds, configures, starts, watches, restarts, drains, stops.

It owns the modules and nothing else: the composition root builds bus, pool, captures and database,
hands them to modules through their context, and closes them after the orchestrator has stopped::

    async with Bus(clock) as bus:
        orchestrator = Orchestrator(
            registry, loaded.sections, bus=bus, clock=clock,
            context_of=lambda name: replace(context, log=log.bind(module=name)),
            options=Options(health=loaded.settings.health, probes={"pool": pool_health}),
        )
        loop.add_signal_handler(SIGTERM, orchestrator.request_stop)
        await orchestrator.run()
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.core.bus import Bus
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import ModuleSettings
from spyoncino.core.guard import TimeLimitError, guarded, limited, sentence
from spyoncino.core.health import (
    BusHealthReporter,
    StatusBoard,
    ask,
    summarise,
)
from spyoncino.core.orchestrator_options import Options
from spyoncino.core.place import Place
from spyoncino.core.registry import Module, Registry
from spyoncino.core.subscription import Subscription
from spyoncino.core.supervision import Supervisor, misconduct
from spyoncino.core.topic_versions import AdapterLine
from spyoncino.core.wiring import (
    STAGE_OF,
    check_graph,
    contract_notices,
    subscribe_module,
    without_misfits,
)
from spyoncino.errors import WiringError
from spyoncino.schemas.status import HealthState, HealthStatus, HealthSummary
from spyoncino.schemas.topics import STATUS_CONTRACT

STOP_TIMEOUT_S = 10.0
"""What one module may take to stop; after that it is left behind with a line in the log."""

STOP_ALL_S = 25.0
"""What all of them may take together: with finishing open work less than the service manager's
patience (``host.unit``), so that several that hang are left behind rather than main killed."""

LEAST_STOP_S = 0.2
"""Everybody gets this, however late it is."""

START_TIMEOUT_S = 60.0
"""What one module may take to start, live; after that it has failed and the others go on."""

CONFIGURE_TIMEOUT_S = 10.0
"""What one module may take to take settings: it only notes them, the work is in ``start``."""

LOOK_S = 5.0
"""Seconds between two looks at the modules: one that fails is known so soon, not a round later."""


class Orchestrator:
    """The life of all modules.

    Args:
        registry: The modules to run (leave disabled ones out) and those that could not be loaded.
        sections: Section name to validated settings; a missing one is the model's defaults.
        bus: A started bus.
        clock: For rounds and cool-downs.
        context_of: Makes the context of the module of this name.
        options: How they are looked after.
        log: Where the life of modules is written.
    """

    def __init__(
        self,
        registry: Registry,
        sections: Mapping[str, ModuleSettings],
        *,
        bus: Bus,
        clock: Clock,
        context_of: Callable[[str], ModuleContext],
        options: Options | None = None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self._registry = registry = without_misfits(registry)
        self._sections = dict(sections)
        self._bus = bus
        self._clock = clock
        self._context_of = context_of
        self._options = options or Options()
        self._health = self._options.health
        self._lossless = self._options.lossless
        self._reporters = (BusHealthReporter(bus), *self._options.reporters)
        self._log: FilteringBoundLogger = log or structlog.get_logger("spyoncino.orchestrator")
        self._places = {kind.name: Place(kind) for kind in registry.modules}
        self._adapters = AdapterLine(bus, registry.modules, lossless=self._lossless)
        self._supervisor = Supervisor(
            self._places,
            self._health,
            clock,
            self._log,
            restart=self.restart,
            isolate=self._isolate,
        )
        self._board = StatusBoard()
        self._board_subscription: Subscription | None = None
        self._watching: asyncio.Task[None] | None = None
        self._stop_requested = asyncio.Event()
        self._changing = asyncio.Lock()
        self._started_ns = 0

    async def run(self) -> None:
        """Start, serve until ``request_stop`` or cancellation, finish open work, stop."""
        await self.start()
        try:
            await self._stop_requested.wait()
        finally:
            try:
                await self.drain()
            finally:
                await self.stop()

    def request_stop(self) -> None:
        """Let ``run`` end; for signal handlers, in the event loop's thread."""
        self._stop_requested.set()

    async def start(self, besides: Awaitable[None] | None = None) -> None:
        """Check the topic graph and start every module: storage first, input last.

        A module that fails to start is degraded health and harms no other, except when lossless.

        Args:
            besides: What else must be there before the system calls itself ready; waited for when
                the modules are up, and its error is the start's.

        Raises:
            WiringError: Built-in modules do not fit together; nothing was started.
            SpyoncinoError: Lossless, and a module could not be loaded or started.
        """
        check_graph(self._registry.modules)
        for failure in self._registry.failures:
            self._log.error("module not loaded", module=failure.name, error=failure.error)
        if self._lossless and self._registry.failures:
            failure = self._registry.failures[0]
            raise WiringError(f"the module {failure.name} {failure.error}")
        self._started_ns = self._clock.monotonic_ns()
        try:
            self._adapters.start()
            async with self._changing:
                for place in self._start_order():
                    await self._start_place(place)
            if besides is not None:
                await besides
        except BaseException:
            await self.stop()
            raise
        self._board_subscription = self._bus.subscribe(
            StatusBoard.PATTERN, self._board.on_status, name="orchestrator"
        )
        for notice in contract_notices(self._registry):
            if notice.severity == "warning":  # errors were logged above
                self._log.warning(notice.message)
            await self._bus.publish(STATUS_CONTRACT, notice)
        await self.check_health()
        self._watching = asyncio.create_task(self._watch(), name="orchestrator.watch")

    async def drain(self) -> bool:
        """Let every module finish the work it took in, in stage order, input first.

        Nothing is restarted any more from here on.

        Returns:
            Whether all of it was finished; when the time is over, the log names who was busy.
        """
        await self._stop_watching()
        busy = "bus"
        timeout_s = None if self._lossless else self._health.shutdown_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                for place in reversed(self._start_order()):
                    busy = place.kind.name
                    if place.module is not None:
                        await self._drain_module(place.module)
                        await self._bus.drain()
        except TimeoutError:
            self._log.error("open work was not finished in time", busy=busy, timeout_s=timeout_s)
            return False
        return True

    async def stop(self) -> None:
        """Stop every module, input first, storage last; harmless when nothing runs."""
        await self._stop_watching()
        if self._board_subscription is not None:
            self._board_subscription.close()
            self._board_subscription = None
        until_s = asyncio.get_running_loop().time() + STOP_ALL_S
        async with self._changing:
            for place in reversed(self._start_order()):
                left_s = until_s - asyncio.get_running_loop().time()
                await self._stop_place(place, max(LEAST_STOP_S, min(left_s, STOP_TIMEOUT_S)))
        self._adapters.stop()

    async def restart(self, name: str) -> bool:
        """Stop one module and start a new one of its kind with the same settings.

        Returns:
            Whether it runs.

        Raises:
            WiringError: There is no module of this name.
        """
        place = self._places.get(name)
        if place is None:
            known = ", ".join(self._places)
            raise WiringError(f"there is no module {name!r} to restart; there are: {known}")
        async with self._changing:
            await self._stop_place(place)
            await self._start_place(place)
        return place.module is not None

    @property
    def quarantined(self) -> dict[str, str]:
        """Name of each module in quarantine, with the reason."""
        return self._supervisor.quarantined

    async def release(self, name: str) -> bool:
        """Start a module in quarantine; see ``Supervisor.release``."""
        return await self._supervisor.release(name)

    async def configure(self, name: str, settings: ModuleSettings | None = None) -> None:
        """Have a module take settings in place; its next start has them too.

        Args:
            name: Of the module; nothing happens when it is not one of this run.
            settings: Its section; the one it has, when not given.

        Raises:
            Exception: Whatever the module raised; the settings are noted all the same.
        """
        place = self._places.get(name)
        if place is None:
            return
        async with self._changing:
            if settings is not None:
                self._sections[place.kind.section] = settings
            if place.module is not None:
                await self._configure(place, place.module)

    async def health_of(self, name: str) -> HealthStatus:
        """Ask one module now; one that is not of this run is stopped."""
        place = self._places.get(name)
        if place is None:
            return HealthStatus(state=HealthState.STOPPED, detail="is not part of this run")
        return await self._health_of(name, place)

    async def check_health(self) -> HealthSummary:
        """Ask every part now, tell every reporter, and return the summary."""
        return await self._tell(await self.module_health())

    async def module_health(self) -> dict[str, HealthStatus]:
        """Ask every module now; nobody is told."""
        asked = (self._health_of(name, place) for name, place in self._places.items())
        return dict(zip(self._places, await asyncio.gather(*asked), strict=True))

    async def _tell(self, modules: Mapping[str, HealthStatus]) -> HealthSummary:
        parts = {**self._board.parts, **modules, "supervisor": self._supervisor.status()}
        for name, probe in self._options.probes.items():
            parts[name] = await ask(probe)
        for failure in self._registry.failures:
            parts[failure.name] = HealthStatus(state=HealthState.FAILED, detail=failure.error)
        essential = {
            name for name, place in self._places.items() if place.kind.category in STAGE_OF
        }
        essential -= self._supervisor.quarantined.keys()  # isolated: the rest runs, degraded
        uptime_s = (self._clock.monotonic_ns() - self._started_ns) / 1e9
        summary = summarise(parts, essential | self._options.probes.keys(), uptime_s)
        for reporter in self._reporters:
            if error := await guarded(reporter.report(summary)):
                self._log.error("health not reported", error=sentence(error))
        return summary

    def module(self, name: str) -> Module | None:
        """The running module of this name; ``None`` when it does not run."""
        place = self._places.get(name)
        return place.module if place else None

    def _start_order(self) -> list[Place]:
        """By category, and within one against the line of a frame: whoever is fed starts first."""
        against_the_line = list(self._places.values())[::-1]
        return sorted(against_the_line, key=lambda place: place.kind.category)

    async def _start_place(self, place: Place) -> None:
        name = place.kind.name
        error = await guarded(self._bring_up(place))
        candidate, place.candidate = place.candidate, None
        if error is None:
            place.module, place.error = candidate, ""
            self._log.debug("module started", module=name)
            return
        place.error = sentence(error)
        self._log.error("module did not start", module=name, error=place.error)
        if candidate is not None:
            await self._stop_module(candidate)
        if self._lossless:
            raise error

    async def _bring_up(self, place: Place) -> None:
        build = self._options.factories.get(place.kind.name, place.kind)
        module = place.candidate = build(self._context_of(place.kind.name))
        await self._configure(place, module)
        if self._lossless:
            await module.start()
        elif error := await limited(module.start(), START_TIMEOUT_S):
            if isinstance(error, TimeLimitError):
                raise WiringError(f"it did not start within {START_TIMEOUT_S:g} s; it hangs")
            raise error
        place.subscriptions = subscribe_module(self._bus, module, lossless=self._lossless)

    async def _configure(self, place: Place, module: Module) -> None:
        settings = self._sections.get(place.kind.section)
        taking = module.configure(place.kind.settings_model() if settings is None else settings)
        if error := await limited(taking, CONFIGURE_TIMEOUT_S):
            raise error

    async def _isolate(self, name: str, why: str) -> None:
        """Stop a module; its durable subscriptions keep their place in the outbox."""
        place = self._places[name]
        async with self._changing:
            await self._stop_place(place)
        place.error = why

    async def _stop_place(self, place: Place, timeout_s: float = STOP_TIMEOUT_S) -> None:
        for subscription in place.subscriptions:
            subscription.close()
        for subscription in place.subscriptions:
            await subscription.wait_closed(timeout_s)
        place.subscriptions = []
        for module in (place.module, place.candidate):
            if module is not None:
                await self._stop_module(module, timeout_s)
        place.module = place.candidate = None

    async def _stop_module(self, module: Module, timeout_s: float = STOP_TIMEOUT_S) -> None:
        if error := await limited(module.stop(), timeout_s):
            self._log.error(
                "module did not stop cleanly", module=module.name, error=sentence(error)
            )

    async def _drain_module(self, module: Module) -> None:
        if error := await guarded(module.drain()):
            self._log.error("module lost open work", module=module.name, error=sentence(error))
            if self._lossless:
                raise error

    async def _health_of(self, name: str, place: Place) -> HealthStatus:
        if place.module is None:
            return HealthStatus(state=HealthState.FAILED, detail=place.error or "does not run")
        module, subscriptions = place.module, tuple(place.subscriptions)
        health = await ask(module.health)
        wrong = misconduct(module, subscriptions)
        if wrong and health.state is not HealthState.FAILED:
            health = HealthStatus(state=HealthState.FAILED, detail=wrong, numbers=health.numbers)
        numbers = {
            **health.numbers,
            "restarts": float(self._supervisor.restarts_of(name)),
            "errors": float(self._board.errors_of(name)),
        }
        return health.model_copy(update={"numbers": numbers})

    async def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
            self._watching = None

    async def _watch(self) -> None:
        """Look often, tell when a round is due or a module's state is another one, and recover."""
        told: dict[str, HealthState] = {}
        told_ns = self._clock.monotonic_ns()
        while True:
            await self._clock.sleep(min(self._health.interval_s, LOOK_S))
            modules = await self.module_health()
            states = {name: health.state for name, health in modules.items()}
            now_ns = self._clock.monotonic_ns()
            if states != told or now_ns - told_ns >= self._health.interval_s * 1e9:
                told_ns, told = now_ns, states
                await self._tell(modules)
            if self._health.auto_recovery and not self._lossless:
                await self._supervisor.look(modules)
