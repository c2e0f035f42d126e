"""Changes the settings of a running system as a transaction, one change at a time.

Somebody wants a change (the bus, a command, the saved file, a call): the whole document is
validated, only what changed is configured, the parts are watched, and everything is kept or goes
back. What is in force afterwards is the old version or the new one. It never stops the system.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.core.bus import Bus
from spyoncino.core.config_changes import difference, leaves, patched, without
from spyoncino.core.config_load import LoadedConfig, load_recipe
from spyoncino.core.config_news import NAME, ConfigNews
from spyoncino.core.config_parts import CamerasPart, CapturesPart, ModulePart
from spyoncino.core.config_plan import Plan, Specs, held, plan_of
from spyoncino.core.config_terms import Fate, Keeper, Result, System
from spyoncino.core.config_transaction import Limits, Outcome, Part, transact
from spyoncino.core.contracts import Category
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.core.registry import Registry
from spyoncino.core.subscription import Subscription
from spyoncino.errors import ConfigError, SpyoncinoError, StorageError
from spyoncino.schemas import topics
from spyoncino.schemas.control import ConfigUpdate

STOP_S = 3.0
"""What a change gets to end when the system stops; everything it touches is stopped next."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """One change that somebody wants."""

    author: str
    changes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    persist: bool = False
    version: int | None = None
    from_file: bool = False


class ConfigService:
    """Holds what is in force and changes it.

    Args:
        loaded: What the system was started with.
        registry: The modules it was loaded with, also those that do not run.
        system: What is changed.
        bus: Where wishes come from and results go.
        clock: Paces the time of proof.
        log: Where changes are told.
        keeper: Where versions are kept; without one nothing outlives the program.
    """

    def __init__(
        self,
        loaded: LoadedConfig,
        registry: Registry,
        system: System,
        *,
        bus: Bus,
        clock: Clock,
        log: FilteringBoundLogger,
        keeper: Keeper | None = None,
    ) -> None:
        self.loaded = loaded
        self.version = 0
        self._wanted = loaded
        self._on_disk: Mapping[str, Any] = loaded.document
        self._memory: dict[str, Any] = {}
        self._registry = registry
        self._system = system
        self._bus = bus
        self._clock = clock
        self._log = log
        self._news = ConfigNews(bus, log)
        self._keeper = keeper
        self._turn = asyncio.Lock()
        self._work: set[asyncio.Task[Result]] = set()
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Note the version in force and listen for ``config.update``."""
        self.version = await self._record("start", ())
        self._subscription = self._bus.subscribe(
            topics.CONFIG_UPDATE, self._on_update, name=NAME, policy=Policy.BLOCK, durable=True
        )
        await self._news.snapshot(self.version, self.loaded)

    async def stop(self) -> None:
        """Take no more wishes; the one that is being done gets a little time to end."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
        if self._work:
            await asyncio.wait(self._work, timeout=STOP_S)
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def update(
        self, changes: Mapping[str, Any], *, author: str, persist: bool = True
    ) -> Result:
        """Change settings as a person wants them: also in the user's file, as a new version.

        Args:
            changes: Nested keys and their new values; ``None`` takes a key back to its default.
            author: Who wants it.
            persist: Whether it outlives the program.
        """
        return await self._done(_Wish(author, changes, persist))

    async def apply_changes(self, changes: Mapping[str, Any], author: str = "program") -> Result:
        """Change settings in memory only, until the next start."""
        return await self._done(_Wish(author, changes))

    async def reload(self, author: str = "file") -> Result:
        """Take over the files as they are now; a key that was edited wins over one in memory."""
        return await self._done(_Wish(author, from_file=True))

    async def restore(self, version: int, *, author: str) -> Result:
        """Go back, or forward, to a numbered version; also in the user's file."""
        return await self._done(_Wish(author, persist=True, version=version))

    async def _on_update(self, message: Message) -> None:
        update = message.payload
        if not isinstance(update, ConfigUpdate):
            return
        await self.update(update.changes, author=update.author, persist=update.persist)

    async def _done(self, wish: _Wish) -> Result:
        """Whoever asked may go away meanwhile: what has begun is brought to its end."""
        work = asyncio.create_task(self._in_turn(wish), name=f"config change by {wish.author}")
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        return await asyncio.shield(work)

    async def _in_turn(self, wish: _Wish) -> Result:
        async with self._turn:
            try:
                result = await self._carry_out(wish)
            except ConfigError as error:
                result = await self._rejected(wish, error.problems)
            except (SpyoncinoError, ValueError) as error:  # a source or spec that cannot be
                result = await self._rejected(wish, (str(error),))
        self._log.info(
            "configuration change",
            author=wish.author,
            fate=result.fate.value,
            version=result.version,
            keys=list(result.keys),
            waiting=list(result.waiting),
        )
        return result

    async def _carry_out(self, wish: _Wish) -> Result:
        changes = await self._changes_of(wish)
        memory, wanted, on_disk = await self._loaded_with(wish, changes)
        if wish.persist and self._keeper is not None:
            await asyncio.to_thread(self._keeper.check, self._wanted, changes)
        new, waiting = held(self.loaded, wanted, self._registry)
        waiting = self._newly(waiting)
        if waiting and not (wish.persist or wish.from_file):
            raise ConfigError(
                *(
                    f"{key} is read once, at the start; write it into the configuration file and "
                    "start Spyoncino again"
                    for key in waiting
                )
            )
        old_specs, new_specs = self._system.specs_of(self.loaded), self._system.specs_of(new)
        running = self._system.registry
        plan = plan_of(self.loaded, new, running, old_specs, new_specs)
        if not plan.keys and not waiting and wanted.document == self._wanted.document:
            self._wanted, self._memory, self._on_disk = wanted, memory, on_disk
            return Result(Fate.UNCHANGED, self.version)
        outcome = await transact(
            self._parts(plan, new, old_specs, new_specs), self._limits(), self._clock
        )
        if not outcome.is_kept:
            return await self._rolled_back(wish, plan, outcome)
        self.loaded, self._wanted = new, wanted
        self._memory, self._on_disk = memory, on_disk
        return await self._kept(wish, plan, changes, waiting)

    async def _changes_of(self, wish: _Wish) -> Mapping[str, Any]:
        if wish.version is None:
            return wish.changes
        if self._keeper is None:
            raise ConfigError("no versions are kept in this run; there is nothing to go back to")
        return await asyncio.to_thread(self._keeper.changes_to, wish.version, self._wanted.document)

    async def _loaded_with(
        self, wish: _Wish, changes: Mapping[str, Any]
    ) -> tuple[dict[str, Any], LoadedConfig, Mapping[str, Any]]:
        """What is changed in memory only, the configuration with it, the document without."""

        def load() -> tuple[dict[str, Any], LoadedConfig, Mapping[str, Any]]:
            recipe = self.loaded.recipe
            on_disk = self._on_disk
            now = patched(on_disk, self._memory)
            memory = difference(on_disk, patched(now, changes))
            if wish.from_file:
                on_disk = load_recipe(self._registry, recipe).document
                memory = without(memory, _places(difference(self._on_disk, on_disk)))
            return memory, load_recipe(self._registry, recipe, memory, wish.author), on_disk

        return await asyncio.to_thread(load)

    def _newly(self, waiting: tuple[str, ...]) -> tuple[str, ...]:
        """Without what was told to wait before."""
        _, before = held(self.loaded, self._wanted, self._registry)
        return tuple(key for key in waiting if key not in before)

    def _parts(
        self, plan: Plan, new: LoadedConfig, old_specs: Specs, new_specs: Specs
    ) -> list[Part]:
        """What has to take settings: capture processes last, so that none ends for nothing."""
        system = self._system
        old = self.loaded
        parts: list[Part] = []
        if old.settings.cameras != new.settings.cameras:
            parts.append(CamerasPart(system.cameras, old.settings.cameras, new.settings.cameras))
        section_of = {module.name: module.section for module in system.registry.modules}
        for name in plan.modules:
            section = section_of[name]
            parts.append(
                ModulePart(system.orchestrator, name, old.sections[section], new.sections[section])
            )
        if plan.captures:
            parts.append(
                CapturesPart(system.captures, plan.captures, old_specs, new_specs, self._relay)
            )
        return parts

    async def _relay(self) -> None:
        """Have the modules that read cameras take them as they are now."""
        for module in self._system.registry.modules:
            if module.category is Category.INPUT and module.camera_keys:
                await self._system.orchestrator.configure(module.name)

    def _limits(self) -> Limits:
        updates = self.loaded.settings.updates
        return Limits(proof_s=updates.proof_s, waiting_s=updates.camera_wait_s)

    async def _kept(
        self, wish: _Wish, plan: Plan, changes: Mapping[str, Any], waiting: tuple[str, ...]
    ) -> Result:
        notices = list(self.loaded.notices)
        is_on_disk = wish.from_file
        if wish.persist:
            trouble = await self._written(changes)
            notices += trouble
            is_on_disk = not trouble
        keys = (*plan.keys, *waiting)
        if is_on_disk or self._keeper is None:
            self.version = await self._record(wish.author, keys)
        if waiting:
            said = f"{', '.join(waiting)} will hold from the next start on"
            notices.append(said)
            await self._news.notice(said, "info")
        await self._news.snapshot(self.version, self.loaded)
        return Result(Fate.APPLIED, self.version, keys, (), waiting, tuple(notices))

    async def _written(self, changes: Mapping[str, Any]) -> list[str]:
        """Write what is in force now into the user's file; what went wrong with that."""
        if self._keeper is None:
            return []
        try:
            await asyncio.to_thread(self._keeper.write, self._wanted, changes)
        except (StorageError, ConfigError) as error:
            said = f"the change is in force, but it is not kept over the next start: {error}"
            await self._news.notice(said, "error")
            return [said]
        self._memory = without(self._memory, _places(changes))
        self._on_disk = patched(self._on_disk, changes)
        return []

    async def _rejected(self, wish: _Wish, problems: tuple[str, ...]) -> Result:
        await self._news.rejected(wish.author, problems, from_file=wish.from_file)
        return Result(Fate.REJECTED, self.version, problems=problems)

    async def _rolled_back(self, wish: _Wish, plan: Plan, outcome: Outcome) -> Result:
        said = await self._news.rolled_back(self.version, wish.author, plan.keys, outcome)
        problems = (said, *(() if outcome.is_complete else outcome.diagnostics))
        return Result(Fate.ROLLED_BACK, self.version, plan.keys, problems)

    async def _record(self, author: str, keys: tuple[str, ...]) -> int:
        if self._keeper is None:
            return self.version + 1
        keeper, document = self._keeper, self._on_disk
        keep = self.loaded.settings.updates.keep_versions

        def record() -> int:
            number = keeper.record(document, author, keys)
            keeper.prune(keep)
            return number

        try:
            return await asyncio.to_thread(record)
        except StorageError as error:
            await self._news.notice(f"this version of the settings is not kept: {error}", "error")
            return self.version


def _places(changes: Mapping[str, Any]) -> set[tuple[str | int, ...]]:
    return {place for place, _ in leaves(changes)}
