"""From a topic name to the queues of those who take it."""

from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.core.routes import MAX_ROUTES, Routes
from spyoncino.core.step_watch import LongStep
from spyoncino.core.subscription import Subscription
from spyoncino.schemas.base import Payload
from spyoncino.schemas.frames import Frame


class Silent:
    def on_failure(
        self, subscription: Subscription, message: Message, error: Exception, repeats: int
    ) -> None:
        """Not told in these tests."""

    def on_pressure(self, subscription: Subscription, trouble: str, repeats: int) -> None:
        """Not told in these tests."""

    def on_long_step(self, subscription: Subscription, step: LongStep) -> None:
        """Not told in these tests."""


async def nothing(_: Message) -> None:
    return


def add(routes: Routes, pattern: str) -> Subscription:
    subscription = Subscription(
        pattern,
        pattern,
        nothing,
        policy=Policy.DROP_OLDEST,
        capacity=8,
        now_ns=lambda: 0,
        owner=routes,
        reports=Silent(),
    )
    routes.add(subscription)
    return subscription


def test_route_has_the_queues_in_the_order_of_subscribing() -> None:
    routes = Routes()
    family, other, exact = (
        add(routes, "camera.*.frame"),
        add(routes, "status.#"),
        add(routes, "camera.door.frame"),
    )
    route = routes.of("camera.door.frame")
    assert route.queues == (family.queue, exact.queue)
    assert route.payload is Frame
    assert routes.of("status.new").queues == (other.queue,)
    assert routes.of("status.new").payload is Payload


def test_routes_are_remembered_until_somebody_comes_or_goes() -> None:
    routes = Routes()
    first = add(routes, "a.b")
    assert routes.known("a.b") is None
    assert routes.of("a.b") is routes.of("a.b") is routes.known("a.b")
    second = add(routes, "a.*")
    assert routes.known("a.b") is None
    assert routes.of("a.b").queues == (first.queue, second.queue)
    first.close()
    assert routes.known("a.b") is None
    assert routes.of("a.b").queues == (second.queue,)


def test_a_closed_subscription_that_still_runs_is_not_offered_anything() -> None:
    routes = Routes()
    subscription = add(routes, "a.b")
    subscription.closed = True
    assert routes.of("a.b").queues == ()
    assert list(routes) == [subscription]


def test_what_subscriptions_counted_outlives_them() -> None:
    routes = Routes()
    first, second = add(routes, "a.b"), add(routes, "a.b")
    first.counters.delivered = 3
    second.counters.delivered = 4
    assert routes.totals().delivered == 7
    first.close()
    assert list(routes) == [second]
    assert routes.totals().delivered == 7
    assert routes.totals().delivered == 7


def test_memory_for_names_is_bounded() -> None:
    routes = Routes()
    for number in range(MAX_ROUTES):
        routes.of(f"a.{number}")
    assert routes.known("a.0") is not None
    routes.of("a.more")
    assert routes.known("a.0") is None
    assert routes.known("a.more") is not None
