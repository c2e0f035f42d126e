"""What a module is: a base class, an abstract class per category, the declarations wiring reads.

A module talks to others on the bus only. It declares what it consumes and publishes; the
orchestrator checks the graph before anything starts, subscribes the handlers and calls the
life-cycle methods in stage order.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from spyoncino.core.context import ModuleContext
from spyoncino.core.queues import Policy
from spyoncino.schemas.base import Payload
from spyoncino.schemas.status import HealthStatus
from spyoncino.schemas.topics import Topic


class Category(IntEnum):
    """Category of a module; the number is its start order (stop is the reverse)."""

    STATUS = 1
    STORAGE = 2
    DASHBOARD = 3
    ANALYTICS = 4
    OUTPUT = 5
    EVENT = 6
    PROCESS = 7
    INPUT = 8


class ModuleSettings(BaseModel):
    """Base of every module's settings: frozen, unknown keys refused, every field described."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=ModuleSettings)


@dataclass(frozen=True, slots=True)
class Consume:
    """One declared subscription of a module.

    Args:
        topic: What it listens to; ``{id}`` in the name means every entity.
        handler: Name of the async method that takes ``(payload)`` or ``(topic_name, payload)``.
        policy: What happens when its queue is full. Lossless runs (``analyze``) replace dropping
            by blocking.
        capacity: Messages its queue holds.
        durable: Of a critical topic, with the policy ``block``: every message is handled at least
            once, also those of the time when the module did not run. The handler must bear a
            repeated message; when it raises, it gets the same message again.
    """

    topic: Topic[Any]
    handler: str
    policy: Policy = Policy.DROP_OLDEST
    capacity: int = 256
    durable: bool = False


class BaseModule(ABC, Generic[S]):
    """A plug-in of the system.

    Class attributes declare it:

    * ``name``: ``category.noun``, unique, for example ``process.tracker``;
    * ``category``: decides the order of start and the stage it may consume from;
    * ``section``: the key of its settings in the configuration; ``settings_model`` validates them;
    * ``per_camera``: whether ``cameras.<id>.<section>`` may override the section for one camera;
    * ``consumes`` and ``publishes``: its place in the topic graph;
    * ``fixed_at_start``: keys of its section that it reads in ``start`` only: a change of them
      waits for the next start of the program and is told so;
    * ``camera_keys``: keys of ``cameras.<id>`` that it reads beside its section: when one changes,
      or cameras come and go, it is configured again.

    Life: ``configure`` (idempotent, may be called again at any time), ``start``, ``drain``,
    ``stop``.
    """

    name: ClassVar[str]
    category: ClassVar[Category]
    section: ClassVar[str]
    settings_model: ClassVar[type[ModuleSettings]]
    per_camera: ClassVar[bool] = False
    consumes: ClassVar[tuple[Consume, ...]] = ()
    publishes: ClassVar[tuple[Topic[Any], ...]] = ()
    fixed_at_start: ClassVar[frozenset[str]] = frozenset()
    camera_keys: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, context: ModuleContext) -> None:
        self.context = context
        self.settings: S

    async def configure(self, settings: S) -> None:
        """Take new settings; calling it again with the same settings changes nothing."""
        self.settings = settings

    @abstractmethod
    async def start(self) -> None:
        """Acquire what the module needs; it may publish from here on."""

    @abstractmethod
    async def stop(self) -> None:
        """Release everything; must also work after a failed ``start``."""

    async def drain(self) -> None:
        """Finish the work taken in; called in stage order when the input is over.

        The default holds nothing.
        """
        return

    @abstractmethod
    async def health(self) -> HealthStatus:
        """How the module is doing; fast, never raises."""

    async def handle_request(self, request: Payload) -> Payload | None:
        """Answer a request of the bus; ``None`` when the module does not know it."""
        del request
        return None

    def camera_settings(self, camera: str) -> S:
        """This module's settings for one camera: the section with the camera's own overrides."""
        override = self.context.section_override(camera, self.section) if self.per_camera else {}
        if not override:
            return self.settings
        merged = {**self.settings.model_dump(), **override}
        return type(self.settings).model_validate(merged)

    async def publish(
        self, topic: Topic[Any], payload: Payload, *, on_settled: "Callable[[], None] | None" = None
    ) -> None:
        """Publish on the bus; see ``Bus.publish``."""
        await self.context.bus.publish(topic, payload, on_settled=on_settled)


class InputModule(BaseModule[S]):
    """Brings frames or presses in."""

    category = Category.INPUT


class ProcessModule(BaseModule[S]):
    """Looks at frames, detections and tracks."""

    category = Category.PROCESS


class EventModule(BaseModule[S]):
    """Builds events and their media."""

    category = Category.EVENT


class StorageModule(BaseModule[S]):
    """Keeps rows and files."""

    category = Category.STORAGE


class OutputModule(BaseModule[S]):
    """Tells somebody outside."""

    category = Category.OUTPUT


class AnalyticsModule(BaseModule[S]):
    """Sums things up and answers questions."""

    category = Category.ANALYTICS


class DashboardModule(BaseModule[S]):
    """Shows the system and takes orders."""

    category = Category.DASHBOARD


class StatusModule(BaseModule[S]):
    """Watches the others."""

    category = Category.STATUS
