"""Questions on the bus: a message, and the one answer that bears its id as correlation id.

The question travels on its topic like any message; whoever answers publishes on ``<topic>.reply``.
Only for what somebody wants to know now: what must not be lost goes by critical topics.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from spyoncino.clock import Clock
from spyoncino.core.handlers import Handler
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.core.subscription import Subscription
from spyoncino.errors import RequestError, SpyoncinoError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.status import ErrorReport
from spyoncino.schemas.topics import Topic

MAX_QUESTIONS = 64
"""Questions of one topic that may wait for their answerer; the next one runs into its time-out."""

REQUEST_TIMEOUT_S = 5.0
"""How long a question waits for its answer when the asker does not say."""

Answer = Callable[[Any], Awaitable[Payload | None]]
"""Takes a question; ``None`` means that it is somebody else's."""


class AskedBus(Protocol):
    """What questions need of their bus."""

    async def publish(self, topic: str, payload: Any) -> None:
        """See ``Bus.publish``."""

    def subscribe(
        self, pattern: str, handler: Handler, *, name: str, policy: Policy, capacity: int
    ) -> Subscription:
        """See ``Bus.subscribe``."""


def reply_name(topic: str) -> str:
    """Name of the topic on which questions of this topic are answered."""
    return f"{topic}.reply"


class Requests:
    """Asks and answers on one bus.

    Args:
        bus: Where questions and answers travel.
        clock: Paces time-outs.
    """

    def __init__(self, bus: AskedBus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._waiting: dict[str, asyncio.Future[Payload]] = {}
        self._heard: set[str] = set()

    def answer(self, topic: Topic[Any], answer: Answer, name: str) -> Subscription:
        """See ``Bus.answer``."""

        async def reply(message: Message) -> None:
            question: Payload = message.payload
            told: Payload | None
            try:
                told = await answer(question)
            except SpyoncinoError as error:
                told = ErrorReport(
                    source=name, component=name, error=str(error), error_type=type(error).__name__
                )
            if told is not None:
                told = told.model_copy(update={"correlation_id": question.event_id})
                kind = "error" if isinstance(told, ErrorReport) else "reply"
                await self._bus.publish(f"{message.topic}.{kind}", told)

        return self._bus.subscribe(
            topic.pattern, reply, name=name, policy=Policy.DROP_NEWEST, capacity=MAX_QUESTIONS
        )

    async def ask(self, topic: str, question: Payload, timeout_s: float) -> Payload:
        """See ``Bus.request``."""
        if topic not in self._heard:
            self._heard.add(topic)
            self._bus.subscribe(
                f"{reply_name(topic)}|{topic}.error",
                self._on_reply,
                name="requests",
                policy=Policy.DROP_NEWEST,
                capacity=MAX_QUESTIONS,
            )
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        self._waiting[question.event_id] = answer
        patience = asyncio.create_task(self._clock.sleep(timeout_s))
        either: set[asyncio.Future[Any]] = {answer, patience}
        try:
            await self._bus.publish(topic, question)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            patience.cancel()
            del self._waiting[question.event_id]
        if not answer.done():
            raise RequestError(
                f"Nobody answered {topic} within {timeout_s:g} s; look at the health of the module "
                "that should, or give it more time."
            )
        told = answer.result()
        if isinstance(told, ErrorReport):
            raise RequestError(f"{told.component} cannot answer {topic}: {told.error}")
        return told

    async def _on_reply(self, message: Message) -> None:
        waiting = self._waiting.get(message.payload.correlation_id or "")
        if waiting is not None and not waiting.done():
            waiting.set_result(message.payload)
