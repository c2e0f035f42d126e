"""The in-memory bus: typed topics, one bounded queue and one task for each subscriber.

Order is kept for each topic and subscriber. A slow or raising handler costs other subscribers
nothing. Every loss is counted and told on ``status.bus``. The bus carries references and facts,
never pixels, and knows no module.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import structlog
from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.core.bus_reports import BusReporter
from spyoncino.core.critical import DRAIN_POLL_S, CriticalLine
from spyoncino.core.durable_place import Patience
from spyoncino.core.handlers import Handler, in_thread, is_async
from spyoncino.core.message import Message, Receipt
from spyoncino.core.queues import HIGH_MARK, Policy
from spyoncino.core.requests import REQUEST_TIMEOUT_S, Answer, Requests
from spyoncino.core.routes import Route, Routes, check_type, wait_for_room
from spyoncino.core.subscription import Limits, Subscription
from spyoncino.core.topic_aliases import canonical_name, canonical_pattern, in_parts
from spyoncino.errors import BusClosedError, RequestError, WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.status import BusStatus
from spyoncino.schemas.topics import Topic

P = TypeVar("P", bound=Payload)

PUBLISHES_PER_TURN = 64
"""Publishes in a row, by all publishers, before the event loop gets a turn: a loop of publishes
cannot starve the subscribers, nor overflow a queue of the usual capacity before they run."""

MAX_FROM_THREADS = 1024
"""Messages of other threads on their way into the loop; the next such thread waits."""

SYNC_THREADS = 4
"""Threads for synchronous handlers, for all subscribers together."""

STOP_GRACE_S = 5.0
"""How long ``stop`` lets running handlers finish before it interrupts them."""


class Bus:
    """Publish and subscribe within one process and one event loop.

    Best effort: a message reaches the subscribers of this moment, in the order of publishing, as
    far as the policies of their queues let it; with no subscriber it is gone, which is no error.

    Args:
        clock: Stamps messages and paces reports.
        log: Where failing handlers and overflowing queues are written.
        status_interval_s: Seconds between two ``status.bus`` snapshots.
        outbox: File that makes critical topics durable; ``None`` treats every topic as best effort.
        patience: For durable subscribers whose handler fails.
        high_mark: Fraction of a queue's capacity, 0..1, at which its fill is told as pressure.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        log: FilteringBoundLogger | None = None,
        status_interval_s: float = 5.0,
        outbox: Path | None = None,
        patience: Patience | None = None,
        high_mark: float = HIGH_MARK,
    ) -> None:
        self._sleep = clock.sleep
        self._high_mark = high_mark
        self._now_ns = clock.monotonic_ns
        self._log: FilteringBoundLogger = log or structlog.get_logger("spyoncino.bus")
        self._reporter = BusReporter(self, clock, self._log, status_interval_s)
        self._routes = Routes()
        self._requests = Requests(self, clock)
        self.critical: CriticalLine | None = None
        if outbox is not None:
            self.critical = CriticalLine(outbox, clock, self._log, self._offer, patience)
        self._published = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id = 0
        self._running = False
        self._executor: concurrent.futures.ThreadPoolExecutor | None = None
        self._thread_slots = threading.BoundedSemaphore(MAX_FROM_THREADS)
        self._from_threads: set[concurrent.futures.Future[None]] = set()

    async def start(self) -> None:
        """Begin; subscribing is possible before, publishing is not.

        Raises:
            BusClosedError: It was started before; a bus lives once.
            StorageError: The outbox cannot be opened.
        """
        if self._loop is not None:
            raise BusClosedError("A bus is started once; build a new one.")
        if self.critical is not None:
            await self.critical.start()
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._running = True
        self._reporter.start()
        for subscription in self._routes:
            subscription.start()

    async def stop(self, *, timeout_s: float = STOP_GRACE_S) -> None:
        """End: lose what waits, let running handlers finish, interrupt those that do not.

        Call ``drain`` before to lose nothing. A synchronous handler cannot be interrupted; its
        thread ends when it returns. Safe to call twice, in a handler, and before ``start``.

        Args:
            timeout_s: How long running handlers may take.
        """
        self._running = False
        await self._reporter.stop()
        for subscription in self._routes:
            subscription.close()
        others = [each for each in self._routes if not each.is_current_task()]
        await asyncio.gather(*(each.wait_closed(timeout_s) for each in others))
        if self.critical is not None:
            await self.critical.stop()
        if self._executor is not None:
            self._executor.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_ended: object) -> None:
        await self.stop()

    async def publish(
        self,
        topic: Topic[P] | str,
        payload: P,
        *,
        on_settled: Callable[[], None] | None = None,
    ) -> None:
        """Offer a payload to every subscriber of the topic, at one moment for all of them.

        Returns when no subscriber with the policy ``block`` lacks room for it. Cancelling a wait
        loses it for those that had none. With an outbox, a critical message is in it by then.

        Args:
            topic: A topic, its full name, or the doorbell's name of it (``topic_aliases``).
            payload: An instance of the topic's payload type.
            on_settled: Called exactly once in the event loop, when every subscriber has handled or
                lost the message; also when there is none and when this call raises.

        Raises:
            WiringError: The payload is not of the topic's type, or the name is no topic's name.
            BusClosedError: The bus is not running.
            StorageError: No disk keeps this press; it was offered all the same.
        """
        name = topic if isinstance(topic, str) else topic.name
        route = self._routes.known(name)
        if route is None or payload.__class__ is not route.payload or not self._running:
            route = self._checked_route(name, topic, payload, on_settled)
        self._published += 1
        message = Message(route.name, payload, self._now_ns())
        if route.is_critical and self.critical is not None:
            await self.critical.publish(message, on_settled)
            return
        rooms = self._offer(message, on_settled, route)
        if rooms:
            await wait_for_room(message, route, rooms)
        elif self._published % PUBLISHES_PER_TURN == 0:
            await asyncio.sleep(0)

    def publish_threadsafe(
        self,
        topic: Topic[P] | str,
        payload: P,
        *,
        on_settled: Callable[[], None] | None = None,
    ) -> concurrent.futures.Future[None]:
        """Publish from another thread; messages of one thread keep their order.

        The thread waits only while too many messages of threads are on their way into the loop.

        Returns:
            A future that is done when ``publish`` is, with its error; ignoring it is fine.

        Raises:
            WiringError: Called in the event loop's own thread.
            BusClosedError: The bus is not running.
        """
        loop = self._running_loop()
        if threading.get_ident() == self._thread_id:
            raise WiringError("publish_threadsafe is for other threads; await publish here.")
        while not self._thread_slots.acquire(timeout=0.1):
            self._running_loop()
        publishing = self.publish(topic, payload, on_settled=on_settled)
        try:
            future = asyncio.run_coroutine_threadsafe(publishing, loop)
        except RuntimeError as error:
            publishing.close()
            self._thread_slots.release()
            raise BusClosedError("The event loop of the bus is closed.") from error
        self._from_threads.add(future)
        future.add_done_callback(self._on_thread_publish_done)
        return future

    def subscribe(
        self,
        pattern: Topic[Any] | str,
        handler: Handler,
        *,
        name: str,
        policy: Policy = Policy.DROP_OLDEST,
        capacity: int = 256,
        max_per_s: float | None = None,
        durable: bool = False,
    ) -> Subscription:
        """Have a handler called with every message of a topic or pattern, one at a time, in order.

        Args:
            pattern: A topic (``{id}`` stands for every entity), a pattern (``topic_match``) or a
                doorbell's name (``topic_aliases``).
            handler: Async, or synchronous: then it runs in one of a few threads.
            name: Who subscribes, for status, logs and ``status.error.<name>``.
            policy: What happens when its queue is full.
            capacity: Messages that may wait.
            max_per_s: With the policy ``latest``: messages handed out per second at most.
            durable: With an outbox: every critical message is handled at least once, in order,
                also those that were published while nobody of this name subscribed. Needs the
                policy ``block`` and a name of its own.

        Raises:
            WiringError: The pattern is malformed, or a durable subscriber would lose messages.
            BusClosedError: The bus was stopped.
        """
        if self._loop is not None and not self._running:
            raise BusClosedError(f'"{name}" cannot subscribe: the bus was stopped.')
        self._routes.check_policy(name, policy, durable=durable, is_throttled=max_per_s is not None)
        wanted = pattern if isinstance(pattern, str) else pattern.pattern
        taking = handler if is_async(handler) else in_thread(handler, self._threads())
        subscription = Subscription(
            name,
            canonical_pattern(wanted),
            in_parts(wanted, taking),
            policy=policy,
            capacity=capacity,
            now_ns=self._now_ns,
            owner=self._routes,
            reports=self._reporter,
        )
        subscription.limit(Limits(self._high_mark, max_per_s, self._sleep))
        if durable and self.critical is not None:
            subscription.make_durable(self.critical)
        self._routes.add(subscription)
        if self._running:
            subscription.start()
        return subscription

    async def request(
        self, topic: Topic[P] | str, payload: P, *, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> Payload:
        """Ask a question and wait for its answer, which bears its ``event_id`` as correlation id.

        Args:
            topic: A topic that somebody answers, see ``answer``, or its full name.
            payload: The question.
            timeout_s: Seconds.

        Raises:
            RequestError: Nobody answers this topic, not in time, or whoever does could not.
            WiringError: The payload is not of the topic's type.
            BusClosedError: The bus is not running.
        """
        name = topic if isinstance(topic, str) else topic.name
        if not self._checked_route(name, topic, payload, None).queues:
            raise RequestError(f"Nobody answers {name}: no running module subscribes to it.")
        return await self._requests.ask(name, payload, timeout_s)

    def answer(self, topic: Topic[Any], answer: Answer, *, name: str) -> Subscription:
        """Have questions of a topic answered, one at a time, on ``<topic>.reply``.

        Args:
            topic: What is asked; ``{id}`` stands for every entity.
            answer: Takes the question; ``None`` leaves it to others, an error is told the asker.
            name: Who answers.
        """
        return self._requests.answer(topic, answer, name)

    async def drain(self) -> None:
        """Return when nothing waits, nothing is being handled and nothing remains to be told.

        Raises:
            WiringError: Called in a handler, which would wait for itself.
        """
        if any(each.is_current_task() for each in self._routes):
            raise WiringError("A handler cannot drain the bus: it would wait for itself.")
        while True:
            busy = next((each for each in self._routes if each.busy), None)
            if busy is not None:
                await busy.idle()
            elif self._from_threads or self._reporter.busy:
                await asyncio.sleep(0)
            elif self.critical is not None and self.critical.busy:
                await asyncio.sleep(DRAIN_POLL_S)
            else:
                return

    def status(self, warning: str = "") -> BusStatus:
        """Snapshot of all counters; the sums include subscribers that are gone.

        Args:
            warning: What is wrong, when something is.
        """
        total = self._routes.totals()
        return BusStatus(
            source="bus",
            published=self._published,
            delivered=total.delivered,
            dropped=total.dropped,
            failed=total.failed,
            undurable=self.critical.undurable if self.critical else 0,
            dead_letters=self.critical.dead if self.critical else 0,
            subscribers=tuple(each.status() for each in self._routes if not each.closed),
            warning=warning,
        )

    def refuse(self, component: str, sentence: str) -> WiringError:
        """Tell on ``status.contract`` that a part broke its contract.

        Args:
            component: Who.
            sentence: What, and what to do.

        Returns:
            The error, for the caller to raise.
        """
        error = WiringError(sentence)
        self._reporter.on_refusal(component, error)
        return error

    def _offer(
        self,
        message: Message,
        on_settled: Callable[[], None] | None,
        route: Route | None = None,
    ) -> list[asyncio.Future[None]]:
        """Put a message into every queue of its topic; the rooms that are still to come."""
        route = route or self._routes.of(message.topic)
        if on_settled is not None:
            message.receipt = Receipt(on_settled, self._on_settled_failed, len(route.queues))
        rooms: list[asyncio.Future[None]] = []
        for queue in route.queues:
            room = queue.offer(message)
            if room is not None:
                rooms.append(room)
        return rooms

    def _checked_route(
        self,
        name: str,
        topic: Topic[Any] | str,
        payload: Payload,
        on_settled: Callable[[], None] | None,
    ) -> Route:
        """The route of a name, after every check; the fast path of ``publish`` skips them."""
        try:
            self._running_loop()
            route = self._routes.of(canonical_name(name, payload))
            for kind in (route.payload, Payload if isinstance(topic, str) else topic.payload):
                check_type(name, payload, kind)
        except (BusClosedError, WiringError) as error:
            if isinstance(error, WiringError):
                self._reporter.on_refusal(name, error)
            if on_settled is not None:
                Receipt(on_settled, self._on_settled_failed, receivers=0)
            raise
        return route

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or not self._running:
            state = "not started yet" if self._loop is None else "stopped"
            raise BusClosedError(f"The bus is {state}; nothing can be published.")
        return self._loop

    def _threads(self) -> concurrent.futures.ThreadPoolExecutor:
        if self._executor is None:
            self._executor = concurrent.futures.ThreadPoolExecutor(
                SYNC_THREADS, thread_name_prefix="bus-handler"
            )
        return self._executor

    def _on_thread_publish_done(self, future: concurrent.futures.Future[None]) -> None:
        self._from_threads.discard(future)
        self._thread_slots.release()

    def _on_settled_failed(self, error: Exception) -> None:
        self._log.error("on_settled of a publisher failed", exc_info=error)
