"""The envelope that handlers of the bus receive, and the receipt of one that must be settled."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any


class Receipt:
    """Counts down the receivers of one message and tells when the last one is done with it.

    Args:
        on_settled: Called once, in the event loop, when no receiver holds the message any more;
            at once when there is no receiver.
        on_error: Told what ``on_settled`` raised; receivers must not suffer from it.
        receivers: Receivers that will each call ``settle`` exactly once.
    """

    __slots__ = ("_on_error", "_on_settled", "_pending")

    def __init__(
        self,
        on_settled: Callable[[], None],
        on_error: Callable[[Exception], None],
        receivers: int,
    ) -> None:
        self._on_settled = on_settled
        self._on_error = on_error
        self._pending = receivers
        if receivers == 0:
            self._tell()

    def settle(self) -> None:
        """One receiver has handled or lost the message; the last one makes the call."""
        self._pending -= 1
        if self._pending == 0:
            self._tell()

    def _tell(self) -> None:
        try:
            self._on_settled()
        except Exception as error:  # noqa: BLE001 - a publisher's fault must not end a receiver
            self._on_error(error)


class Message:
    """One payload on its way: where it was published, what, and when.

    A plain class with slots, because one is built for every publish; treat it as frozen.

    Args:
        topic: Full name of the topic, for example ``camera.door.frame``.
        payload: The body; on a declared topic an instance of the topic's payload type.
        published_ns: Monotonic time of the publish, in nanoseconds of the bus's clock.

    Attributes:
        receipt: Set by the bus when the publisher wants to know that every receiver is done.
        seq: Number of a critical message in the outbox; ``None`` for all others.
        is_recovered: It was published before this run began, or is a dead letter that is retried:
            the moment it tells of has passed.
    """

    __slots__ = ("is_recovered", "payload", "published_ns", "receipt", "seq", "topic")

    def __init__(self, topic: str, payload: Any, published_ns: int) -> None:
        self.topic = topic
        self.payload = payload
        self.published_ns = published_ns
        self.receipt: Receipt | None = None
        self.seq: int | None = None
        self.is_recovered = False

    @property
    def data(self) -> Any:
        """The payload, under the specification's name for it."""
        return self.payload

    def __repr__(self) -> str:
        return f"Message({self.topic!r}, {self.payload!r}, published_ns={self.published_ns})"


CURRENT_MESSAGE: ContextVar[Message | None] = ContextVar("current_message", default=None)
"""The message being handled in this task or thread; the log takes its correlation id from here."""


def is_recovered() -> bool:
    """Whether the message being handled tells of the past; see ``Message.is_recovered``."""
    message = CURRENT_MESSAGE.get()
    return message is not None and message.is_recovered
