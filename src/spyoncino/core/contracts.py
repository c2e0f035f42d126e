"""What a module is: a base class, an abstract class per category, the declarations wiring reads.

A module talks to others on the bus only. It declares what it consumes and publishes; the
orchestrator checks the graph before anything starts, subscribes the handlers and calls the
life-cycle methods in stage order.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from spyoncino.core.config_layers import Location
from spyoncino.core.context import ModuleContext
from spyoncino.core.queues import Policy
from spyoncino.core.topic_match import compile_pattern
from spyoncino.core.topic_versions import TopicAdapter
from spyoncino.errors import WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.status import HealthStatus
from spyoncino.schemas.topics import Topic

if TYPE_CHECKING:
    from spyoncino.core.registry import Registry
    from spyoncino.core.settings import Settings


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


@dataclass(frozen=True, slots=True)
class Misfit:
    """Something in a section that is right by itself and does not fit the other settings.

    Args:
        place: Where, below the section.
        sentence: What is wrong.
        is_refused: The settings are refused for it; otherwise it is told and they hold.
    """

    place: Location
    sentence: str
    is_refused: bool = False


class ModuleSettings(BaseModel):
    """Base of every module's settings: frozen, unknown keys refused, every field described."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def reaches_out(self) -> bool:
        """Of a module that tells somebody outside: whether it does with these settings."""
        return True

    def misfits(
        self, sections: "Mapping[str, ModuleSettings]", house: "Settings", registry: "Registry"
    ) -> Iterable[Misfit]:
        """What in this section names something that the other settings do not have."""
        del sections, house, registry
        return ()


S = TypeVar("S", bound=ModuleSettings)

MAX_NAMES = 256
"""Topic names that a module remembers as declared; names contain ids, so they can be many."""


DURABLE_CAPACITY = 4096
"""Messages that a durable consumer's queue may hold: hours of events while a database refuses, so
that their publishers do not wait."""


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
            repeated message; when it raises, it gets the same message again. What was published
            before this run began is told apart by ``message.is_recovered``.
        max_per_s: With the policy ``latest``: messages it is handed per second at most, always the
            newest of each topic. Lossless runs know no such limit.
    """

    topic: Topic[Any]
    handler: str
    policy: Policy = Policy.DROP_OLDEST
    capacity: int = 256
    durable: bool = False
    max_per_s: float | None = None


class BaseModule(ABC, Generic[S]):
    """A plug-in of the system.

    Class attributes declare it:

    * ``name``: ``category.noun``, unique, for example ``process.tracker``;
    * ``category``: decides the order of start and the stage it may consume from;
    * ``section``: the key of its settings in the configuration; ``settings_model`` validates them;
    * ``per_camera``: whether ``cameras.<id>.<section>`` may override the section for one camera;
    * ``consumes`` and ``publishes``: its place in the topic graph;
    * ``adapters``: ways between an old version of a topic and the one that it brings;
    * ``answers``: questions that ``handle_request`` answers on ``<topic>.reply``;
    * ``fixed_at_start``: keys of its section that it reads in ``start`` only: a change of them
      waits for the next start of the program and is told so;
    * ``is_outbound``: it tells somebody outside this machine, so ``privacy.local_only`` refuses it;
    * ``camera_keys``: keys of ``cameras.<id>`` that it reads beside its section: when one changes,
      or cameras come and go, it is configured again.

    Life: ``configure`` (idempotent, may be called again at any time), ``start``, ``drain``,
    ``stop``. ``contract_breaks`` counts refused messages since the last one that was taken.
    """

    name: ClassVar[str]
    category: ClassVar[Category]
    section: ClassVar[str]
    settings_model: ClassVar[type[ModuleSettings]]
    per_camera: ClassVar[bool] = False
    consumes: ClassVar[tuple[Consume, ...]] = ()
    publishes: ClassVar[tuple[Topic[Any], ...]] = ()
    adapters: ClassVar[tuple[TopicAdapter[Any, Any], ...]] = ()
    answers: ClassVar[tuple[Topic[Any], ...]] = ()
    fixed_at_start: ClassVar[frozenset[str]] = frozenset()
    is_outbound: ClassVar[bool] = False
    camera_keys: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, context: ModuleContext) -> None:
        self.context = context
        self.settings: S
        self._declared: dict[str, type[Payload]] = {}
        self.contract_breaks = 0

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
        """Answer a question of a topic in ``answers``; ``None`` when it is somebody else's.

        A ``SpyoncinoError`` is told to the asker as its sentence.
        """
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
        """Publish on the bus; see ``Bus.publish``.

        Raises:
            WiringError: The module does not declare this topic, or declares another payload for it;
                also told on ``status.contract`` with the module's name.
        """
        declared = self._declared.get(topic.name)
        try:
            if declared is None or not isinstance(payload, declared):
                self._check_declared(topic, payload)
            await self.context.bus.publish(topic, payload, on_settled=on_settled)
        except WiringError:
            self.contract_breaks += 1
            raise
        self.contract_breaks = 0

    def _check_declared(self, topic: Topic[Any], payload: Payload) -> None:
        """Remember what a topic name may carry, if the module declares it and this is it."""
        mine = next(
            (each for each in self.publishes if compile_pattern(each.pattern)(topic.name)), None
        )
        if mine is None:
            raise self.context.bus.refuse(
                self.name,
                f"{self.name} publishes {topic.name}, which it does not declare: "
                "name the topic in its publishes.",
            )
        if not isinstance(payload, mine.payload):
            raise self.context.bus.refuse(
                self.name,
                f"{self.name} publishes {type(payload).__name__} on {topic.name}, "
                f"which carries {mine.payload.__name__}.",
            )
        if len(self._declared) < MAX_NAMES:
            self._declared[topic.name] = mine.payload


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
    """Tells somebody."""

    category = Category.OUTPUT
    is_outbound = True


class AnalyticsModule(BaseModule[S]):
    """Sums things up and answers questions."""

    category = Category.ANALYTICS


class DashboardModule(BaseModule[S]):
    """Shows the system and takes orders."""

    category = Category.DASHBOARD


class StatusModule(BaseModule[S]):
    """Watches the others."""

    category = Category.STATUS
