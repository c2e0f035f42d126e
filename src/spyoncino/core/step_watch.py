"""Who blocks the event loop: the time that a handler takes between two of its awaits.

A handler may take as long as it likes while it awaits; it may not keep the loop. Telling the two
apart means timing every step, which would slow every message; so only a subscriber whose handler
once took longer than a step may take is watched, for some messages from the next one on.
"""

import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

from spyoncino.core.bus_stats import Throttle
from spyoncino.core.message import Message

LONG_STEP_NS = 50_000_000
"""What one step may take before it is told: two and a half times what counts as a fault."""

TELL_EVERY_NS = 60_000_000_000
"""A subscriber that blocks the loop is named once a minute."""


WATCHED_MESSAGES = 256
"""For so many messages a subscriber is watched after one that took long: a machine that is busy
with something else makes a message take long, too, and must not slow the others for ever."""


@dataclass(frozen=True, slots=True)
class LongStep:
    """One step of a handler that kept the event loop.

    Args:
        topic: Name of the topic whose message was being handled.
        took_ms: From beginning to end, in milliseconds.
        busy_ms: Of these, what the thread computed; the rest it slept, waited or was not let run.
        repeats: Long steps before it that were not told.
    """

    topic: str
    took_ms: float
    busy_ms: float
    repeats: int


class StepWatch:
    """Times the steps of one subscriber's handler.

    Args:
        now_ns: The bus's monotonic clock.
        tell: Called with a long step, at most once a minute.
    """

    def __init__(self, now_ns: Callable[[], int], tell: Callable[[LongStep], None]) -> None:
        self._now_ns = now_ns
        self._tell = tell
        self._throttle = Throttle(TELL_EVERY_NS)

    def watched(
        self, handler: Callable[[Message], Awaitable[object]], release: Callable[[], None]
    ) -> Callable[[Message], Awaitable[object]]:
        """The same handler, with every step timed.

        Args:
            handler: What is watched.
            release: Called when it has been watched for long enough.
        """
        left = WATCHED_MESSAGES

        async def handle(message: Message) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                release()
            return await _Timed(self, message, handler(message))

        return handle

    def take(self, message: Message, step: Callable[..., Any], *arguments: Any) -> Any:
        """Take one step of a handler, and tell when it kept the loop."""
        began_ns, busy_ns = self._now_ns(), time.thread_time_ns()
        try:
            return step(*arguments)
        finally:
            ended_ns = self._now_ns()
            took_ns = ended_ns - began_ns
            if took_ns >= LONG_STEP_NS and self._throttle.passes(ended_ns):
                busy_ms = (time.thread_time_ns() - busy_ns) / 1e6
                repeats = self._throttle.take_held()
                self._tell(LongStep(message.topic, took_ns / 1e6, busy_ms, repeats))


class _Timed(Awaitable[object]):
    """A handler's awaitable, taken step by step."""

    def __init__(self, watch: StepWatch, message: Message, work: Awaitable[object]) -> None:
        self._watch = watch
        self._message = message
        self._work = work

    def __await__(self) -> Generator[Any, Any, object]:
        return _Steps(self._watch, self._message, self._work.__await__())


class _Steps(Generator[Any, Any, object]):
    """Passes everything between the task and the handler; neither sees a difference."""

    def __init__(
        self, watch: StepWatch, message: Message, steps: Generator[Any, Any, object]
    ) -> None:
        self._watch = watch
        self._message = message
        self._steps = steps

    def send(self, value: Any) -> Any:
        return self._watch.take(self._message, self._steps.send, value)

    def throw(self, *error: Any) -> Any:
        return self._watch.take(self._message, self._steps.throw, *error)

    def close(self) -> None:
        self._steps.close()
