"""The parts of a running system that take new settings: its modules, its cameras."""

from collections.abc import Callable, Coroutine, Mapping, MutableMapping
from typing import Any, Protocol

from spyoncino.core.config_plan import Specs
from spyoncino.core.config_transaction import Verdict
from spyoncino.core.contracts import ModuleSettings
from spyoncino.core.guard import guarded, sentence
from spyoncino.core.orchestrator import Orchestrator
from spyoncino.core.settings import CameraSettings
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_limits import CaptureStats
from spyoncino.schemas.status import HealthState

LIVE = "live"


Relay = Callable[[], Coroutine[Any, Any, None]]
"""Has whoever reads the cameras take them as they are now."""


class Camera(Protocol):
    """What is asked of a capture handle here."""

    spec: CaptureSpec

    def stats(self) -> CaptureStats:
        """The camera in numbers."""
        ...


class CameraHouse(Protocol):
    """What is asked of ``Captures`` here."""

    def __contains__(self, camera_id: object) -> bool: ...

    def __getitem__(self, camera_id: str) -> Camera: ...

    async def put(self, spec: CaptureSpec) -> object:
        """Have exactly this camera; one of the same id that is another goes first."""
        ...

    async def remove(self, camera_id: str) -> None:
        """Stop a camera and forget it."""
        ...


class ModulePart:
    """One module that runs, or that does not run because of its old settings.

    Args:
        orchestrator: Owns the module.
        name: Of the module.
        old: Its section before.
        new: Its section afterwards; the same where only a camera's keys have changed.
    """

    def __init__(
        self, orchestrator: Orchestrator, name: str, old: ModuleSettings, new: ModuleSettings
    ) -> None:
        self.name = name
        self._orchestrator = orchestrator
        self._old = old
        self._new = new
        self._was_failed = False
        self._errors = 0.0

    async def apply(self) -> None:
        """Configure it in place; one that does not run is given another chance."""
        before = await self._orchestrator.health_of(self.name)
        self._was_failed = before.state is HealthState.FAILED
        self._errors = before.numbers.get("errors", 0.0)
        await self._orchestrator.configure(self.name, self._new)
        if self._orchestrator.module(self.name) is None:
            await self._orchestrator.restart(self.name)

    async def undo(self) -> None:
        """Configure it with the section from before."""
        await self._orchestrator.configure(self.name, self._old)

    async def isolate(self) -> str:
        """Start it anew: ``configure`` has noted the old section before it failed."""
        error = await guarded(self._orchestrator.restart(self.name))
        if error is None and self._orchestrator.module(self.name) is not None:
            return "it was started anew with them"
        health = await self._orchestrator.health_of(self.name)
        why = sentence(error) if error else health.detail
        return f"it was stopped and stays out of the system ({why})"

    async def verdict(self) -> tuple[Verdict, str]:
        """Failed, when it was not before; or when its handlers began to raise."""
        health = await self._orchestrator.health_of(self.name)
        if health.state is HealthState.FAILED:
            return (Verdict.WELL, "") if self._was_failed else (Verdict.FAILED, health.detail)
        if not self._errors and health.numbers.get("errors", 0.0):
            return Verdict.FAILED, "it began to fail at what it is given"
        return Verdict.WELL, ""


class CamerasPart:
    """What modules read about cameras, and the capture processes of those that change.

    Args:
        settings: The dictionary that every module's context has; its content is replaced.
        old: Camera id to its settings before.
        new: Camera id to its settings afterwards.
    """

    name = "cameras"

    def __init__(
        self,
        settings: MutableMapping[str, CameraSettings],
        old: Mapping[str, CameraSettings],
        new: Mapping[str, CameraSettings],
    ) -> None:
        self._settings = settings
        self._old = dict(old)
        self._new = dict(new)

    async def apply(self) -> None:
        """Show the new settings to every module, in one step of the loop."""
        self._show(self._new)

    async def undo(self) -> None:
        """Show the old settings."""
        self._show(self._old)

    async def isolate(self) -> str:
        """Cannot be needed: swapping a dictionary does not fail."""
        return "it has them all the same"

    async def verdict(self) -> tuple[Verdict, str]:
        """Always well."""
        return Verdict.WELL, ""

    def _show(self, cameras: Mapping[str, CameraSettings]) -> None:
        self._settings.clear()
        self._settings.update(cameras)


class CapturesPart:
    """The capture processes that come, go or are started anew; the others are not touched.

    Args:
        house: Where the processes live.
        names: The cameras that change.
        old: Capture specs before.
        new: Capture specs afterwards.
        relay: Has whoever reads the cameras take them as they are now.
    """

    name = "capture processes"

    def __init__(
        self,
        house: CameraHouse,
        names: frozenset[str],
        old: Specs,
        new: Specs,
        relay: Relay,
    ) -> None:
        self._house = house
        self._names = sorted(names)
        self._old = old
        self._new = new
        self._relay = relay
        self._were_live = {
            name for name in self._names if name in house and house[name].stats().state == LIVE
        }

    async def apply(self) -> None:
        """Bring the cameras to their new specs."""
        await self._bring(self._new)

    async def undo(self) -> None:
        """Bring them back; a camera that was not reached yet is not touched."""
        await self._bring(self._old)

    async def isolate(self) -> str:
        """Try each camera alone, so that one that refuses does not take the others with it."""
        errors = {name: await guarded(self._bring_one(name, self._old)) for name in self._names}
        lost = [f"camera {name} stays off ({sentence(e)})" for name, e in errors.items() if e]
        if error := await guarded(self._relay()):
            lost.append(f"nobody reads the cameras ({sentence(error)})")
        return "; ".join(lost) or "they were started anew, one by one"

    async def verdict(self) -> tuple[Verdict, str]:
        """A camera that showed pictures before must show some again."""
        for name in sorted(self._were_live & self._new.keys()):
            stats = self._house[name].stats()
            if stats.state != LIVE:
                why = stats.last_error or f"it is {stats.state}"
                return Verdict.WAITING, f"camera {name} shows no pictures any more: {why}"
        return Verdict.WELL, ""

    async def _bring(self, specs: Specs) -> None:
        for name in self._names:
            await self._bring_one(name, specs)
        await self._relay()

    async def _bring_one(self, name: str, specs: Specs) -> None:
        wanted = specs.get(name)
        if wanted is None:
            await self._house.remove(name)
        elif name not in self._house or self._house[name].spec != wanted:
            await self._house.put(wanted)
