"""``PipelineWorker``: the specification's base for a worker on the synchronous bus.

The system's own workers are modules (``core/contracts.py``), which are supervised and configured;
this is for old code that is moved over class by class. It counts and tidies up, no more.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from spyoncino.core.message import Message
from spyoncino.errors import UsageError
from spyoncino.integration.message_bus import MessageBus

Take = Callable[[Message], object]


class PipelineWorker:
    """Subscribes at its start, counts what its handlers do, lets go at its end.

    A subclass says in ``_setup_subscriptions`` what it listens to, by ``listen``, and may override
    ``_initialize_worker``, ``_cleanup_worker`` and ``_handle_error``. Its handlers run in threads
    of the bus: one message of a topic at a time, messages of two topics perhaps at once.

    Args:
        message_bus: A running bus; it belongs to the caller.
        config: Whatever the subclass needs.
        worker_id: Its name on the bus, one of a kind.

    Attributes:
        running: Between ``start`` and ``stop``.
        processed_count: Messages that a handler took without an error.
        error_count: Messages whose handler raised.
        start_time: Unix time of the start in seconds; ``None`` before the first.
    """

    def __init__(
        self, message_bus: MessageBus, config: Mapping[str, Any] | None = None, worker_id: str = ""
    ) -> None:
        self.message_bus = message_bus
        self.config = dict(config or {})
        self.worker_id = worker_id or type(self).__name__
        self.running = False
        self.processed_count = 0
        self.error_count = 0
        self.start_time: float | None = None
        self._topics: list[str] = []
        self._log = structlog.get_logger("spyoncino.worker")

    def start(self) -> None:
        """Initialize, then subscribe; when either raises, what was begun is undone.

        Raises:
            UsageError: It runs already.
        """
        if self.running:
            raise UsageError(f'the worker "{self.worker_id}" runs already')
        self.running = True
        self.start_time = time.time()
        try:
            self._initialize_worker()
            self._setup_subscriptions()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the subscriptions, then clean up; may be called twice."""
        if not self.running:
            return
        self.running = False
        while self._topics:
            self.message_bus.unsubscribe(self._topics.pop(), self.worker_id)
        self._cleanup_worker()

    def listen(self, topic: str, handler: Take) -> None:
        """Have a handler called with every message of a topic; for ``_setup_subscriptions``."""

        def take(message: Message) -> None:
            try:
                handler(message)
            except Exception as error:
                self.error_count += 1
                self._handle_error(error, message)
                raise  # the bus counts and tells it, and gives a durable message again
            self.processed_count += 1

        self.message_bus.subscribe(topic, take, self.worker_id)
        self._topics.append(topic)

    def get_metrics(self) -> dict[str, Any]:
        """``worker_id``, ``running``, counts, ``error_rate`` (0..1) and ``uptime`` in seconds."""
        handled = self.processed_count + self.error_count
        uptime = time.time() - self.start_time if self.running and self.start_time else 0.0
        return {
            "worker_id": self.worker_id,
            "running": self.running,
            "processed_count": self.processed_count,
            "error_count": self.error_count,
            "error_rate": self.error_count / handled if handled else 0.0,
            "start_time": self.start_time,
            "uptime": uptime,
        }

    def _setup_subscriptions(self) -> None:
        """Call ``listen`` for each topic; a worker that only publishes has none."""

    def _initialize_worker(self) -> None:
        """Acquire what handlers need; nothing by default."""

    def _cleanup_worker(self) -> None:
        """Let go of it; nothing by default."""

    def _handle_error(self, error: Exception, message: Message) -> None:
        """A handler raised; by default a line in the log."""
        self._log.warning(
            "a worker failed", worker=self.worker_id, topic=message.topic, error=str(error)
        )
