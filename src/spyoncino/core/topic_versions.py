"""Topics in several versions: adapters that keep modules of another version working.

A payload that changes so that older readers cannot bear it gets a new topic, ``<name>.v2``. Whoever
brings the new one declares an adapter, a pure function between the two; the orchestrator runs it
wherever one module publishes the one version and another consumes the other, and tells each module
that still uses the old one, once, on ``status.contract``.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.core.subscription import Subscription
from spyoncino.errors import WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.status import ContractNotice
from spyoncino.schemas.topics import Delivery, Stage, Topic
from spyoncino.schemas.versions import split_version, versioned_name

if TYPE_CHECKING:
    from spyoncino.core.bus import Bus
    from spyoncino.core.contracts import BaseModule

Old = TypeVar("Old", bound=Payload)
New = TypeVar("New", bound=Payload)

ADAPTED = "adapted"
"""Key of a payload's metadata: which way an adapter brought it here; it never goes back."""

DOWN, UP = "down", "up"


@dataclass(frozen=True, slots=True)
class TopicAdapter(Generic[Old, New]):
    """A way between two versions of a topic; having one makes the old version deprecated.

    The functions are pure and fast and leave identity, time, source and correlation alone: those
    are copied. One that returns ``None`` has no equivalent for this message, which is left out.

    Args:
        old: The topic as it was.
        new: The same topic in a later version; its name ends in ``.v2`` and so on.
        since: Release that deprecates the old one.
        down: New payload to old, for modules that still consume the old topic.
        up: Old payload to new, for modules that still publish the old topic.
    """

    old: Topic[Old]
    new: Topic[New]
    since: str
    down: Callable[[New], Old | None] | None = None
    up: Callable[[Old], New | None] | None = None

    def __post_init__(self) -> None:
        """Refuse an adapter between topics that are not versions of one another."""
        base, old = split_version(self.old.name)
        new_base, new = split_version(self.new.name)
        if base != new_base or old >= new:
            raise WiringError(
                f"{self.new.name} is no later version of {self.old.name}; "
                f"it should be named {versioned_name(base, old + 1)}"
            )
        if self.down is None and self.up is None:
            raise WiringError(f"the adapter of {self.old.name} has neither a way down nor up")


ADAPTERS: tuple[TopicAdapter[Any, Any], ...] = ()
"""Of the project's own topics; none has needed a second version yet."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One adapter in one direction.

    Args:
        adapter: What converts.
        way: ``down`` or ``up``.
    """

    adapter: TopicAdapter[Any, Any]
    way: str

    @property
    def source(self) -> Topic[Any]:
        """Where messages come from."""
        return self.adapter.new if self.way == DOWN else self.adapter.old

    @property
    def target(self) -> Topic[Any]:
        """Where they go to."""
        return self.adapter.old if self.way == DOWN else self.adapter.new

    @property
    def name(self) -> str:
        """As which it subscribes."""
        return f"adapter.{self.source.name}.{self.way}".replace("{id}", "any")

    def convert(self, message: Message) -> tuple[str, Payload] | None:
        """The topic name and the payload in the other version; ``None`` when there is none.

        The id is the original's with the version, so that converting a repeated message gives a
        repeated message.
        """
        payload: Payload = message.payload
        function = self.adapter.down if self.way == DOWN else self.adapter.up
        if function is None or payload.metadata.get(ADAPTED, self.way) != self.way:
            return None
        converted = function(payload)
        if converted is None:
            return None
        _, version = split_version(self.target.name)
        base, _ = split_version(message.topic)
        changes = {
            "event_id": f"{payload.event_id}.v{version}",
            "timestamp": payload.timestamp,
            "source": payload.source,
            "correlation_id": payload.correlation_id,
            "metadata": {**converted.metadata, ADAPTED: self.way},
        }
        return versioned_name(base, version), converted.model_copy(update=changes)


def adapters_of(modules: Sequence["type[BaseModule[Any]]"]) -> tuple[TopicAdapter[Any, Any], ...]:
    """The project's own adapters and those that modules declare."""
    declared = [adapter for module in modules for adapter in module.adapters]
    return tuple(dict.fromkeys([*ADAPTERS, *declared]))


def hops_from(
    topic: Topic[Any], adapters: Sequence[TopicAdapter[Any, Any]]
) -> Iterator[tuple[Hop, ...]]:
    """Every chain of adapters that a message of this topic can take, shorter ones first."""
    for way in (DOWN, UP):
        chain: tuple[Hop, ...] = ()
        name = topic.name
        while hop := _next_hop(name, way, adapters):
            chain = (*chain, hop)
            yield chain
            name = hop.target.name


def needed_hops(modules: Sequence["type[BaseModule[Any]]"]) -> list[Hop]:
    """The adapters without which some module would not hear another one."""
    adapters = adapters_of(modules)
    consumed = {consume.topic.name for module in modules for consume in module.consumes}
    published = {topic.name: topic for module in modules for topic in module.publishes}
    return list(
        dict.fromkeys(
            hop
            for topic in published.values()
            for chain in hops_from(topic, adapters)
            if chain[-1].target.name in consumed
            for hop in chain
        )
    )


def deprecation_notices(modules: Sequence["type[BaseModule[Any]]"]) -> list[ContractNotice]:
    """One notice for each module that uses an old version of a topic."""
    notices = []
    for module in modules:
        uses = {topic.name: "publishes" for topic in module.publishes}
        uses |= {consume.topic.name: "consumes" for consume in module.consumes}
        news = [
            f"{uses[adapter.old.name]} {adapter.old.name}, which is deprecated since "
            f"{adapter.since}: use {adapter.new.name}"
            for adapter in adapters_of(modules)
            if adapter.old.name in uses and adapter not in module.adapters
        ]
        if news:
            message = f"{module.name} {'; it '.join(news)}."
            notices.append(
                ContractNotice(source="orchestrator", component=module.name, message=message)
            )
    return notices


class AdapterLine:
    """The adapters of one running system.

    Args:
        bus: Where they listen and publish.
        modules: What runs.
        lossless: Block the publisher where a message would be dropped.
    """

    def __init__(
        self, bus: "Bus", modules: Sequence["type[BaseModule[Any]]"], *, lossless: bool = False
    ) -> None:
        self._bus = bus
        self._hops = needed_hops(modules)
        self._lossless = lossless
        self._subscriptions: list[Subscription] = []

    def start(self) -> None:
        """Begin to convert; before the modules start, so that nothing is missed."""
        self._subscriptions = [self._subscribe(hop) for hop in self._hops]

    def stop(self) -> None:
        """Convert no more; harmless when nothing runs."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            subscription.close()

    def _subscribe(self, hop: Hop) -> Subscription:
        is_critical = hop.source.delivery is Delivery.CRITICAL

        async def on_message(message: Message) -> None:
            await self._pass_on(hop, message)

        return self._bus.subscribe(
            hop.source,
            on_message,
            name=hop.name,
            policy=Policy.BLOCK if self._lossless or is_critical else Policy.DROP_OLDEST,
            durable=is_critical,
        )

    async def _pass_on(self, hop: Hop, message: Message) -> None:
        """Publish the converted message; a frame's lease lasts until its readers are done too."""
        converted = hop.convert(message)
        if converted is None:
            return
        name, payload = converted
        if hop.target.stage is not Stage.INPUT:
            await self._bus.publish(name, payload)
            return
        settled = asyncio.Event()
        await self._bus.publish(name, payload, on_settled=settled.set)
        await settled.wait()


def _next_hop(name: str, way: str, adapters: Sequence[TopicAdapter[Any, Any]]) -> Hop | None:
    for adapter in adapters:
        hop = Hop(adapter, way)
        has_way = adapter.down if way == DOWN else adapter.up
        if has_way is not None and hop.source.name == name:
            return hop
    return None
