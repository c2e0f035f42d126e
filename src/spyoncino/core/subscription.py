"""One subscriber of the bus: its bounded queue, its one task, its counters.

It hands messages to the handler one after the other and survives whatever the handler raises.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from spyoncino.core.bus_stats import SubscriberCounters, Throttle
from spyoncino.core.critical import CriticalLine
from spyoncino.core.durable_place import DurablePlace
from spyoncino.core.handlers import AsyncHandler
from spyoncino.core.message import CURRENT_MESSAGE, Message
from spyoncino.core.queues import HIGH_MARK, Policy, build_queue
from spyoncino.core.step_watch import LONG_STEP_NS, LongStep, StepWatch
from spyoncino.errors import DamagedFileError, SpyoncinoError, StorageError
from spyoncino.schemas.status import SubscriberStatus

BATCH = 64
"""Messages handled in a row before the event loop gets a turn."""

TURN_NS = 1_000_000
"""Nanoseconds of handling in a row before the event loop gets a turn."""

FAILURE_EVERY_NS = 1_000_000_000
"""A handler that fails is logged and reported once a second: telling costs about 1 ms."""

PRESSURE_EVERY_NS = 5_000_000_000
"""A queue in trouble is told once in five seconds, as often as a snapshot of the whole bus."""


_DROPPING = frozenset({Policy.DROP_OLDEST, Policy.DROP_NEWEST, Policy.PRIORITY})
"""Policies for which a full queue is trouble; the others replace or hold back by design."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a subscriber gets, and who paces it.

    Args:
        high_mark: Fraction of the capacity at which its fill is told as pressure.
        max_per_s: Messages it is handed per second at most; what comes faster is replaced by the
            newest of its topic, so only with the policy ``latest``. ``None``: as they come.
        sleep: Of the bus's clock.
    """

    high_mark: float = HIGH_MARK
    max_per_s: float | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class SubscriptionOwner(Protocol):
    """Who keeps the subscription and offers messages to its queue."""

    def on_closed(self, subscription: "Subscription") -> None:
        """No message may be offered to it any more."""

    def on_ended(self, subscription: "Subscription") -> None:
        """It was closed and its handler has finished; its counters will not change."""


class SubscriptionReports(Protocol):
    """Who is told of a subscription's troubles; every call is throttled."""

    def on_failure(
        self, subscription: "Subscription", message: Message, error: Exception, repeats: int
    ) -> None:
        """The handler raised this; ``repeats`` earlier failures were not told."""

    def on_pressure(self, subscription: "Subscription", trouble: str, repeats: int) -> None:
        """The queue crossed its high mark or lost a message; ``repeats`` were not told."""

    def on_long_step(self, subscription: "Subscription", step: LongStep) -> None:
        """The handler kept the event loop, or the computer had no time for it."""


class Subscription:
    """A handler's place on the bus, made by ``Bus.subscribe``.

    Args:
        name: Who subscribes, for status and logs.
        pattern: What it takes; see ``topic_match``.
        handler: Called with one message at a time, in order.
        policy: What its queue does when it is full.
        capacity: Messages its queue holds.
        now_ns: The bus's monotonic clock.
        owner: Told when it closes and ends.
        reports: Told of failures and losses.

    Attributes:
        counters: What became of its messages.
        queue: Where its messages wait.
    """

    def __init__(
        self,
        name: str,
        pattern: str,
        handler: AsyncHandler,
        *,
        policy: Policy,
        capacity: int,
        now_ns: Callable[[], int],
        owner: SubscriptionOwner,
        reports: SubscriptionReports,
    ) -> None:
        self.name = name
        self.pattern = pattern
        self.policy = policy
        self.counters = SubscriberCounters()
        self.queue = build_queue(policy, capacity, self._on_lost)
        if policy in _DROPPING:
            self.queue.on_high = self._on_high
        self._handler = handler
        self._now_ns = now_ns
        self._sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._pause_s = 0.0
        self._owner = owner
        self._reports = reports
        self._line: CriticalLine | None = None
        self._place: DurablePlace | None = None
        self._is_behind = False
        self._task: asyncio.Task[None] | None = None
        self._handling: Message | None = None
        self._is_watched = False
        self._steps = StepWatch(now_ns, lambda step: reports.on_long_step(self, step))
        self._failures = Throttle(FAILURE_EVERY_NS)
        self._pressures = Throttle(PRESSURE_EVERY_NS)
        self._idle_waiters: list[asyncio.Future[None]] = []
        self.closed = False

    @property
    def busy(self) -> bool:
        """Whether a message waits or is being handled."""
        waits = self._handling is not None or len(self.queue) > 0
        return waits or (self._is_behind and self._task is not None and not self._task.done())

    def limit(self, limits: Limits) -> None:
        """Set how much it gets; before ``start``."""
        self.queue.mark(limits.high_mark)
        self._sleep = limits.sleep
        self._pause_s = 1 / limits.max_per_s if limits.max_per_s else 0.0

    @property
    def is_durable(self) -> bool:
        """Whether it has a place in the outbox, under its name."""
        return self._line is not None

    def make_durable(self, line: CriticalLine) -> None:
        """Have every critical message handled at least once, in order; before ``start``.

        Also those that were published while nobody of its name subscribed.
        """
        self._line = line
        self._is_behind = True

    def start(self) -> None:
        """Begin to hand out messages, in the running loop."""
        if self._line is not None:
            self._place = self._line.place_for(
                self.name, self.pattern, self.queue.offer, lambda: not self.busy
            )
        self._task = asyncio.create_task(self._consume(), name=f"bus:{self.name}")
        self._task.add_done_callback(self._on_task_done)

    def close(self) -> None:
        """Take no more messages; those that wait are lost and counted.

        A handler that runs right now finishes; ``wait_closed`` waits for it. Closing twice is fine.
        """
        if self.closed:
            return
        self.closed = True
        if self._place is not None:
            self._place.leave()
        self._owner.on_closed(self)
        self.queue.clear()
        if self._task is None:
            self._owner.on_ended(self)
        elif self._handling is None:
            self._task.cancel()

    async def wait_closed(self, timeout_s: float | None = None) -> None:
        """Return when the handler has finished after ``close``; at once inside the handler.

        Args:
            timeout_s: Interrupt the handler after this long; ``None`` never does.
        """
        if self._task is None or self.is_current_task():
            return
        await asyncio.wait({self._task}, timeout=timeout_s)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def idle(self) -> None:
        """Return when nothing waits and nothing is being handled."""
        while self.busy:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle_waiters.append(waiter)
            await waiter

    def is_current_task(self) -> bool:
        """Whether the caller runs inside this subscription's handler."""
        return self._task is not None and asyncio.current_task() is self._task

    def status(self) -> SubscriberStatus:
        """Its numbers now."""
        oldest = self.queue.oldest()
        lag_ns = self._now_ns() - oldest.published_ns if oldest is not None else 0
        p50_ms, p99_ms = self.counters.waited_ms(0.5, 0.99)
        return SubscriberStatus(
            name=self.name,
            pattern=self.pattern,
            policy=self.policy,
            depth=len(self.queue),
            capacity=self.queue.capacity,
            in_flight=int(self._handling is not None),
            delivered=self.counters.delivered,
            dropped=self.counters.dropped,
            failed=self.counters.failed,
            lag_s=lag_ns / 1e9,
            latency_p50_ms=p50_ms,
            latency_p99_ms=p99_ms,
        )

    async def _consume(self) -> None:
        queue, now_ns, waited_ns = self.queue, self._now_ns, self.counters.waited_ns
        if self._place is not None:
            await self._catch_up(self._place)
        turn_ns = start_ns = now_ns()
        in_a_row = 0
        while not self.closed:
            if not len(queue):
                self._wake_idle_waiters()
                await queue.wait()
                turn_ns = start_ns = now_ns()
                in_a_row = 0
            message = queue.take()
            waited_ns.append(start_ns - message.published_ns)
            await self._handle(message)
            end_ns = now_ns()
            if end_ns - start_ns >= LONG_STEP_NS and not self._is_watched:
                self._watch_steps()
            if self._pause_s:
                await self._sleep(self._pause_s)
                end_ns = now_ns()
            in_a_row += 1
            if in_a_row >= BATCH or start_ns - turn_ns >= TURN_NS:
                await asyncio.sleep(0)
                turn_ns = end_ns = now_ns()
                in_a_row = 0
            start_ns = end_ns

    def _watch_steps(self) -> None:
        """It took long, which is fine while it awaits: each step of the next messages is timed."""
        plain = self._handler

        def release() -> None:
            self._handler, self._is_watched = plain, False

        self._handler = self._steps.watched(plain, release)
        self._is_watched = True

    async def _catch_up(self, place: DurablePlace) -> None:
        """Handle what was published while it did not run, before anything new."""
        try:
            await place.open()
            async for message in place.missed():
                await self._handle(message)
                if self.closed:
                    return
        except DamagedFileError as error:
            place.complain(error)
        self._is_behind = False

    async def _handle(self, message: Message) -> None:
        self._handling = message
        CURRENT_MESSAGE.set(message)
        try:
            if self._place is not None and message.seq is not None:
                if not await self._handle_surely(self._place, message, message.seq):
                    return
            else:
                await self._handler(message)
        except asyncio.CancelledError as error:
            self.counters.dropped += self._is_cancelled() and not self._is_kept(message)
            self._failed(message, self._cancelled_inside(error))
        except Exception as error:  # noqa: BLE001 - a subscriber's fault must not end its task
            self._failed(message, error)
        else:
            self.counters.delivered += 1
            self.counters.faults_in_a_row = 0
        finally:
            self._handling = None
            if message.receipt is not None:
                message.receipt.settle()

    async def _handle_surely(self, place: DurablePlace, message: Message, seq: int) -> bool:
        """Try until it is handled or a dead letter; whether it was handled now.

        A ``StorageError`` passes some day and says nothing against the message, so that it is tried
        for as long as it takes; meanwhile the publishers of further messages wait.
        """
        failures = attempts = 0
        while True:
            try:
                await self._handler(message)
            except asyncio.CancelledError as cancelled:
                error: Exception = self._cancelled_inside(cancelled)
            except Exception as raised:  # noqa: BLE001 - a subscriber's fault must not end its task
                error = raised
            else:
                place.handled(seq)
                return True
            failures += 1
            attempts += not isinstance(error, StorageError)
            self._failed(message, error)
            if attempts >= place.patience.attempts:
                await place.bury(message, error, attempts)
                return False
            if self.closed:
                return False  # it is in the file and handled next time
            await place.sleep(place.patience.pause_s(failures))

    def _is_cancelled(self) -> bool:
        return self._task is not None and self._task.cancelling() > 0

    def _cancelled_inside(self, error: asyncio.CancelledError) -> Exception:
        """What befell the handler when something that it waited for was cancelled.

        Raises:
            asyncio.CancelledError: This task was cancelled, not something inside.
        """
        if self._is_cancelled():
            raise error
        return RuntimeError(f"what it waited for was cancelled {error}".strip())

    def _is_kept(self, message: Message) -> bool:
        """Whether it is in the file, so that it is handled next time."""
        return self._line is not None and message.seq is not None

    def _failed(self, message: Message, error: Exception) -> None:
        self.counters.failed += 1
        self.counters.faults_in_a_row += not isinstance(error, SpyoncinoError)
        if self._failures.passes(self._now_ns()):
            self._reports.on_failure(self, message, error, self._failures.take_held())

    def _on_lost(self, message: Message) -> None:
        self.counters.dropped += not self._is_kept(message)
        if message.receipt is not None:
            message.receipt.settle()
        if self.policy in _DROPPING and not self.closed:
            self._press("loses messages")

    def _on_high(self) -> None:
        self._press("is nearly full")

    def _press(self, trouble: str) -> None:
        if self._pressures.passes(self._now_ns()):
            self._reports.on_pressure(self, trouble, self._pressures.take_held())

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        del task
        self._wake_idle_waiters()
        self._owner.on_ended(self)

    def _wake_idle_waiters(self) -> None:
        waiters, self._idle_waiters = self._idle_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
