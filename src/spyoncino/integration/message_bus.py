"""The bus for code in threads: the specification's ``MessageBus``, synchronous and thin.

It adds nothing to ``core.bus`` but waiting: order, isolation, counted losses, the critical class
and the doorbell's topic names are those of the bus.
"""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.handlers import Handler
from spyoncino.core.message import CURRENT_MESSAGE
from spyoncino.core.queues import Policy
from spyoncino.core.subscription import Subscription
from spyoncino.errors import BusClosedError, UsageError
from spyoncino.integration.loop_thread import LoopThread, call_in
from spyoncino.integration.pipeline_event import PipelineEvent
from spyoncino.schemas.base import Payload

T = TypeVar("T")

CALL_S = 10.0
"""Longest wait for the bus: commits on a slow card take tenths of a second."""

DRAIN_S = 5.0
"""What handlers may take at the end for what waits in their queues."""


class MessageBus:
    """Publish and subscribe from any thread.

    Handlers get a ``Message`` (``.topic``, ``.data``); synchronous ones run in a few threads of the
    bus, one message of a subscriber at a time and in order. Nothing is dropped: a publisher waits
    while a subscriber's queue is full.

    Args:
        outbox: File that makes critical topics durable; ``None``: they live in memory.
    """

    def __init__(self, *, outbox: Path | None = None) -> None:
        self._outbox = outbox
        self._thread: LoopThread | None = LoopThread("message-bus")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bus: Bus | None = None
        self._wanted: dict[tuple[str, str], tuple[Handler, bool]] = {}
        self._subscriptions: dict[tuple[str, str], Subscription] = {}

    @classmethod
    def attached(cls, bus: Bus, loop: asyncio.AbstractEventLoop) -> Self:
        """A view of a running bus; ``stop`` ends the view and leaves the bus alone.

        Args:
            bus: Started.
            loop: The event loop that it runs in.
        """
        view = cls()
        view._thread = None
        view._bus, view._loop = bus, loop
        return view

    @property
    def is_running(self) -> bool:
        """Whether messages are taken."""
        return self._bus is not None and (self._thread is None or self._thread.is_running)

    def start(self) -> None:
        """Begin; what was subscribed before is subscribed now. May be called again after ``stop``.

        Raises:
            StorageError: The outbox cannot be opened.
        """
        if self._thread is None or self._bus is not None:
            return
        self._thread.start()
        try:
            self._bus = self._thread.call(self._open())
        except BaseException:
            self._thread.stop()
            raise

    def stop(self) -> None:
        """End, when what waits has been handled or ``DRAIN_S`` is over. Safe to call twice."""
        if self._bus is None:
            return
        with suppress(BusClosedError):
            self._call(self._close())
        self._bus = None
        if self._thread is not None:
            self._thread.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self.stop()

    def publish(
        self, topic: str, event: Payload | PipelineEvent, *, timeout_s: float = CALL_S
    ) -> None:
        """Publish; returns when every queue has the message, a critical one when it is durable.

        Inside a handler it does not wait, because a handler may be what the queue waits for.

        Args:
            topic: Canonical or doorbell name, such as ``face_detected``.
            event: A payload, or a ``PipelineEvent`` with its fields.
            timeout_s: How long to wait for full queues.

        Raises:
            WiringError: The event does not belong on this topic.
            BusClosedError: The bus does not run.
            TimeoutError: A queue stayed full.
        """
        if self._bus is None:
            raise BusClosedError("The bus does not run; call start() first.")
        payload = event.to_payload(topic) if isinstance(event, PipelineEvent) else event
        future = self._bus.publish_threadsafe(topic, payload)
        if CURRENT_MESSAGE.get() is not None:
            return
        try:
            future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise TimeoutError(
                f"nobody took a message on {topic} for {timeout_s:g} s; a handler hangs"
            ) from None

    def subscribe(
        self, topic: str, handler: Handler, subscriber_id: str, *, durable: bool = False
    ) -> None:
        """Have a handler called with every message of a topic.

        Args:
            topic: Name, doorbell name or pattern.
            handler: Takes a ``Message``; synchronous or async.
            subscriber_id: Who subscribes, for ``unsubscribe``, metrics and logs.
            durable: With an outbox: gets critical messages of before its time, too.

        Raises:
            UsageError: It has subscribed to this topic already.
            WiringError: The topic is malformed.
        """
        place = (topic, subscriber_id)
        entry = (handler, durable)
        if self._wanted.setdefault(place, entry) is not entry:
            raise UsageError(f'"{subscriber_id}" has subscribed to {topic} already')
        if self._bus is not None:
            try:
                self._call(self._join(self._bus, place))
            except BaseException:
                del self._wanted[place]
                raise

    def unsubscribe(self, topic: str, subscriber_id: str) -> bool:
        """End a subscription, when its handler is done with what it has in hand.

        Returns:
            Whether there was one.
        """
        place = (topic, subscriber_id)
        if self._wanted.pop(place, None) is None:
            return False
        if self._bus is not None:
            self._call(self._leave(place))
        return True

    def get_metrics(self) -> dict[str, Any]:
        """Counters of the bus and its subscribers, and how long the loop takes to answer.

        Returns:
            ``running``; while it runs also ``round_trip_ms`` and the fields of ``status.bus``,
            with ``subscribers`` by id.
        """
        if self._bus is None:
            return {"running": False}
        begin = time.perf_counter()
        status = self._call(self._status(self._bus))
        return {
            "running": True,
            "round_trip_ms": 1000 * (time.perf_counter() - begin),
            **status,
            "subscribers": {row["name"]: row for row in status["subscribers"]},
        }

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        if self._thread is not None:
            return self._thread.call(work)
        return call_in(self._loop, work, CALL_S)

    async def _open(self) -> Bus:
        bus = Bus(SystemClock(), outbox=self._outbox)
        for place in self._wanted:
            await self._join(bus, place)
        await bus.start()
        return bus

    async def _close(self) -> None:
        places = tuple(self._subscriptions)
        if self._thread is None or self._bus is None:
            for place in places:
                await self._leave(place)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._bus.drain(), DRAIN_S)
        await self._bus.stop()
        self._subscriptions.clear()

    async def _join(self, bus: Bus, place: tuple[str, str]) -> None:
        handler, durable = self._wanted[place]
        topic, name = place
        self._subscriptions[place] = bus.subscribe(
            topic, handler, name=name, policy=Policy.BLOCK, durable=durable
        )

    async def _leave(self, place: tuple[str, str]) -> None:
        subscription = self._subscriptions.pop(place)
        subscription.close()
        await subscription.wait_closed(DRAIN_S)

    @staticmethod
    async def _status(bus: Bus) -> dict[str, Any]:
        return bus.status().data | {
            "subscribers": [row.model_dump() for row in bus.status().subscribers]
        }
