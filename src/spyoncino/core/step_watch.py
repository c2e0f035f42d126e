"""Who blocks the event loop: the time that a handler takes between two of its awaits.

A handler may take as long as it likes while it awaits; it may not keep the loop. Telling the two
apart means timing every step, which would slow every message; so only a subscriber whose handler
once took longer than a step may take is watched, for some messages from the next one on.

A step also takes long when the computer has no time for it, and then it may be any handler's. Only
what a handler's own doing certainly took is held against it; see ``thread_times``.
"""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

from spyoncino.core.bus_stats import Throttle
from spyoncino.core.message import Message
from spyoncino.core.thread_times import ThreadTimes, own_ns, thread_times

LONG_STEP_NS = 50_000_000
"""What one step may take before it is told: two and a half times what counts as a fault.

It is compared with what the handler itself took, so that a handler is named exactly when it would
be named on an idle computer, too; no share of the time has to be guessed."""

LONG_DELAY_NS = 250_000_000
"""What a step that is nobody's fault may take before it is told: a quarter of the second within
which a press at the door is to be out."""

TELL_EVERY_NS = 60_000_000_000
"""A subscriber that blocks the loop is named once a minute."""


WATCHED_MESSAGES = 256
"""For so many messages a subscriber is watched after one that took long: a machine that is busy
with something else makes a message take long, too, and must not slow the others for ever."""


@dataclass(frozen=True, slots=True)
class LongStep:
    """One step of a handler that kept the event loop, or could not go on.

    Args:
        topic: Name of the topic whose message was being handled.
        took_ms: From beginning to end, in milliseconds.
        busy_ms: Of these, what the thread computed; the rest it slept, waited or was not let run.
        repeats: Long steps before it that were not told.
        is_own: The handler's own doing took long; otherwise the computer had no time for it.
    """

    topic: str
    took_ms: float
    busy_ms: float
    repeats: int
    is_own: bool = True


class StepWatch:
    """Times the steps of one subscriber's handler.

    Args:
        now_ns: The bus's monotonic clock.
        tell: Called with a long step, at most once a minute; with each that is nobody's fault.
        times: The accounts of the calling thread.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        tell: Callable[[LongStep], None],
        times: Callable[[], ThreadTimes] = thread_times,
    ) -> None:
        self._now_ns = now_ns
        self._tell = tell
        self._times = times
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
        began_ns, before = self._now_ns(), self._times()
        try:
            return step(*arguments)
        finally:
            ended_ns = self._now_ns()
            if ended_ns - began_ns >= LONG_STEP_NS:
                self._judge(message.topic, began_ns, ended_ns, before)

    def _judge(self, topic: str, began_ns: int, ended_ns: int, before: ThreadTimes) -> None:
        """Tell of a long step, if it was its handler's or so long that a person should know."""
        after, took_ns = self._times(), ended_ns - began_ns
        took_ms, busy_ms = took_ns / 1e6, (after.busy_ns - before.busy_ns) / 1e6
        if own_ns(took_ns, before, after) < LONG_STEP_NS:
            if took_ns >= LONG_DELAY_NS:
                self._tell(LongStep(topic, took_ms, busy_ms, 0, is_own=False))
        elif self._throttle.passes(ended_ns):
            self._tell(LongStep(topic, took_ms, busy_ms, self._throttle.take_held()))


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
