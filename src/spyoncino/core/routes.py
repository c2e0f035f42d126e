"""Who takes which topic: the subscriptions of a bus, and the way from a name to their queues."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from spyoncino.core.bus_stats import SubscriberCounters
from spyoncino.core.message import Message
from spyoncino.core.queues import BoundedQueue, Policy
from spyoncino.core.subscription import Subscription
from spyoncino.core.topic_match import check_name, compile_pattern, declared_topic
from spyoncino.errors import WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.topics import Delivery

MAX_ROUTES = 4096
"""Topic names whose subscribers are remembered; names contain ids, so they can be many."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who takes a topic name, and what it carries.

    Args:
        name: The topic name.
        payload: The declared payload type; ``Payload`` for names that no topic declares.
        queues: Where a message goes, in the order of subscribing.
        is_critical: Whether its topic is of the critical class.
    """

    name: str
    payload: type[Payload]
    queues: tuple[BoundedQueue, ...]
    is_critical: bool = False


class Routes:
    """The subscriptions of one bus; it owns none of their tasks."""

    def __init__(self) -> None:
        self._takes: dict[Subscription, Callable[[str], bool]] = {}
        self._routes: dict[str, Route] = {}
        self._past = SubscriberCounters()

    def __iter__(self) -> Iterator[Subscription]:
        """Subscriptions whose handlers may still run, closed ones too."""
        return iter(tuple(self._takes))

    def add(self, subscription: Subscription) -> None:
        """Take a subscription in.

        Raises:
            WiringError: Its pattern is malformed.
        """
        self._takes[subscription] = compile_pattern(subscription.pattern)
        self._routes.clear()

    def check_policy(self, name: str, policy: Policy, *, durable: bool, is_throttled: bool) -> None:
        """Make sure that a subscriber gets what its policy and its wishes promise together.

        Raises:
            WiringError: It is durable with a policy that drops messages, or another one has its
                name in the outbox; or it is throttled and would fall behind.
        """
        if is_throttled and policy is not Policy.LATEST:
            raise WiringError(f'"{name}" cannot be throttled with the policy {policy}; use latest.')
        if not durable:
            return
        if policy is not Policy.BLOCK:
            raise WiringError(f'"{name}" cannot be durable with the policy {policy}; use block.')
        if any(each.is_durable and each.name == name and not each.closed for each in self):
            raise WiringError(f'A durable subscriber "{name}" runs already: use another name.')

    def known(self, name: str) -> Route | None:
        """The route of a name that was asked for before."""
        return self._routes.get(name)

    def of(self, name: str) -> Route:
        """The route of a name.

        Raises:
            WiringError: It is no name that can be published on.
        """
        route = self._routes.get(name)
        if route is None:
            check_name(name)
            topic = declared_topic(name)
            queues = (
                subscription.queue
                for subscription, takes in self._takes.items()
                if not subscription.closed and takes(name)
            )
            is_critical = topic is not None and topic.delivery is Delivery.CRITICAL
            route = Route(name, topic.payload if topic else Payload, tuple(queues), is_critical)
            if len(self._routes) >= MAX_ROUTES:
                self._routes.clear()
            self._routes[name] = route
        return route

    def totals(self) -> SubscriberCounters:
        """Counts of all subscriptions there ever were, without waiting times."""
        total = SubscriberCounters()
        total.add(self._past)
        for subscription in self._takes:
            total.add(subscription.counters)
        return total

    def on_closed(self, subscription: Subscription) -> None:
        """Stop offering messages to it."""
        del subscription
        self._routes.clear()

    def on_ended(self, subscription: Subscription) -> None:
        """Forget it, except what it counted."""
        del self._takes[subscription]
        self._past.add(subscription.counters)


def check_type(name: str, payload: Payload, kind: type[Payload]) -> None:
    """Make sure that a topic carries this payload.

    Raises:
        WiringError: It carries another type.
    """
    if not isinstance(payload, kind):
        raise WiringError(
            f"{name} carries {kind.__name__}, not {type(payload).__name__}: "
            "publish the payload type that the topic declares."
        )


async def wait_for_room(message: Message, route: Route, rooms: list[asyncio.Future[None]]) -> None:
    """Wait for blocking queues; cancelling loses the message for those without room."""
    try:
        for room in rooms:
            await room
    except asyncio.CancelledError:
        for queue in route.queues:
            queue.withdraw(message)
        raise
