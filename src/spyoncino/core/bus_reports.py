"""Tells troubles of the bus, in the log and on the bus itself.

A publisher or subscriber in trouble only leaves a note here; a task of its own publishes it, so
that telling can neither delay anybody nor wait for the very queue that is full.
"""

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.core.bus_stats import Throttle
from spyoncino.core.message import Message
from spyoncino.core.step_watch import TELL_EVERY_NS, LongStep
from spyoncino.core.subscription import Subscription
from spyoncino.errors import WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.status import BusStatus, ContractNotice, ErrorReport
from spyoncino.schemas.topics import STATUS_BUS, STATUS_CONTRACT, STATUS_ERROR, Topic

MAX_WAITING = 128
"""Reports that may wait; their senders are throttled, so more means that nobody reads them."""

MACHINE = "machine"
"""Who is named when no part is to blame."""

_ERROR_TOPICS = STATUS_ERROR.of("")


class ReportingBus(Protocol):
    """What a reporter needs of its bus."""

    def publish(self, topic: Topic[Any], payload: Payload) -> Coroutine[Any, Any, None]:
        """See ``Bus.publish``."""

    def status(self, warning: str = "") -> BusStatus:
        """See ``Bus.status``."""


class BusReporter:
    """Publishes notes as they come, and a snapshot of the bus in each interval.

    Args:
        bus: Where to publish.
        clock: Paces the snapshots.
        log: Where each note is written, too.
        interval_s: Seconds between two snapshots.
    """

    def __init__(
        self, bus: ReportingBus, clock: Clock, log: FilteringBoundLogger, interval_s: float
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._log = log
        self._interval_s = interval_s
        self._waiting: deque[tuple[Topic[Any], Callable[[], Payload]]] = deque(maxlen=MAX_WAITING)
        self._delays = Throttle(TELL_EVERY_NS)
        self._news = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def busy(self) -> bool:
        """Whether a running reporter has notes that are not published yet."""
        return bool(self._tasks) and self._news.is_set()

    def start(self) -> None:
        """Begin, in the running loop."""
        self._tasks = (
            asyncio.create_task(self._tell(), name="bus reports"),
            asyncio.create_task(self._tell_regularly(), name="bus snapshots"),
        )

    async def stop(self) -> None:
        """End; what was not published yet is left out."""
        tasks, self._tasks = self._tasks, ()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def say(self, topic: Topic[Any], build: Callable[[], Payload]) -> None:
        """Have a payload built and published soon; never waits."""
        self._waiting.append((topic, build))
        self._news.set()

    def on_failure(
        self, subscription: Subscription, message: Message, error: Exception, repeats: int
    ) -> None:
        """Log a failing handler and report it, except a handler of such reports."""
        self._log.error(
            "handler failed",
            subscriber=subscription.name,
            topic=message.topic,
            repeats=repeats,
            exc_info=error,
        )
        if message.topic.startswith(_ERROR_TOPICS.name):
            return
        report = ErrorReport(
            source="bus",
            component=subscription.name,
            error=_text_of(error),
            error_type=type(error).__name__,
            correlation_id=message.payload.correlation_id,
            metadata={"topic": message.topic, "repeats": repeats},
        )
        self.say(STATUS_ERROR.of(subscription.name.replace(".", "_")), lambda: report)

    def on_pressure(self, subscription: Subscription, trouble: str, repeats: int) -> None:
        """Log a queue in trouble and publish a snapshot that names it."""
        warning = f'The queue of "{subscription.name}" for {subscription.pattern} {trouble}.'
        self._log.warning(warning, dropped=subscription.counters.dropped, repeats=repeats)
        self.say(STATUS_BUS, lambda: self._bus.status(warning))

    def on_long_step(self, subscription: Subscription, step: LongStep) -> None:
        """Log and report a handler that keeps the event loop; a delay names no part."""
        if not step.is_own:
            self._on_delay(step)
            return
        message = (
            f"{subscription.name} kept the event loop for {step.took_ms:.0f} ms while handling "
            f"{step.topic} ({step.busy_ms:.0f} ms of it computing); everybody else waited: move "
            "slow work into a thread (asyncio.to_thread) or the worker pool."
        )
        self._log.warning(message, subscriber=subscription.name, repeats=step.repeats)
        notice = ContractNotice(source="bus", component=subscription.name, message=message)
        self.say(STATUS_CONTRACT, lambda: notice)

    def _on_delay(self, step: LongStep) -> None:
        """Once a minute for all subscribers together; always in the same words, figures are logged.

        The page counts repeats of a sentence instead of showing them below each other.
        """
        if not self._delays.passes(self._clock.monotonic_ns()):
            return
        message = (
            "The computer was too busy to let the main process go on for a while; everything "
            "waited: see what else runs on it, or lower analysis_fps or the number of cameras."
        )
        repeats = self._delays.take_held()
        self._log.warning(message, took_ms=round(step.took_ms), repeats=repeats)
        notice = ContractNotice(source="bus", component=MACHINE, message=message)
        self.say(STATUS_CONTRACT, lambda: notice)

    def on_refusal(self, name: str, error: WiringError) -> None:
        """Report a publish that broke a contract, of a topic or a module; the publisher has it."""
        notice = ContractNotice(source="bus", component=name, message=str(error), severity="error")
        self.say(STATUS_CONTRACT, lambda: notice)

    async def _tell(self) -> None:
        while True:
            await self._news.wait()
            while self._waiting:
                topic, build = self._waiting.popleft()
                await self._bus.publish(topic, build())
            self._news.clear()

    async def _tell_regularly(self) -> None:
        while True:
            await self._clock.sleep(self._interval_s)
            await self._bus.publish(STATUS_BUS, self._bus.status())


def _text_of(error: Exception) -> str:
    """What ``str`` gives, also for an error whose own ``__str__`` raises."""
    return str(traceback.TracebackException.from_exception(error, limit=1))
