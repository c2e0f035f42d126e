"""Overflow policies and the bounded queue, one for each policy, that every subscriber owns.

A queue belongs to one event loop and has one consumer. It knows nothing of topics' meaning,
handlers or statistics; whoever owns it is told of every loss.
"""

import asyncio
import heapq
import itertools
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from spyoncino.core.message import Message


class Policy(StrEnum):
    """What happens when a subscriber's queue is full. Every loss is counted."""

    DROP_OLDEST = "drop_oldest"
    DROP_NEWEST = "drop_newest"
    LATEST = "latest"
    BLOCK = "block"
    PRIORITY = "priority"


USUAL_PRIORITY = 5
"""Of payloads that do not say; 1 is the most urgent."""

HIGH_MARK = 0.8
"""Fraction of the capacity at which ``on_high`` is called, where nobody says otherwise."""

Lost = Callable[[Message], None]


class BoundedQueue(ABC):
    """At most ``capacity`` messages wait for one consumer; a policy decides about the next one.

    Messages that are handed out keep the order in which they were offered, per topic (with
    priorities: per topic and priority).

    Args:
        capacity: Messages that may wait, at least 1.
        on_lost: Called at once with every message that will never be handed out.

    Attributes:
        on_high: Called when the number of waiting messages rises to ``high_mark``.
    """

    __slots__ = ("_on_lost", "_wake", "capacity", "high_mark", "on_high")

    def __init__(self, capacity: int, on_lost: Lost) -> None:
        if capacity < 1:
            raise ValueError(f"a queue needs a capacity of at least 1, not {capacity}")
        self.capacity = capacity
        self.mark(HIGH_MARK)
        self.on_high: Callable[[], None] | None = None
        self._on_lost = on_lost
        self._wake: asyncio.Future[None] | None = None

    def mark(self, high: float) -> None:
        """Have ``on_high`` called at this fraction of the capacity, 0..1."""
        self.high_mark = max(2, round(self.capacity * high))

    @abstractmethod
    def offer(self, message: Message) -> asyncio.Future[None] | None:
        """Take a message in, or lose one, as the policy says; never waits.

        Returns:
            ``None`` when the publisher may go on; else a future that is done when the message was
            admitted or lost.
        """

    @abstractmethod
    def take(self) -> Message:
        """Remove and return the next message.

        Raises:
            IndexError: Nothing waits.
        """

    @abstractmethod
    def oldest(self) -> Message | None:
        """The message that ``take`` would return."""

    @abstractmethod
    def __len__(self) -> int:
        """Messages that were admitted and wait."""

    def withdraw(self, message: Message) -> None:
        """The publisher gave up waiting: lose this message unless it was admitted by now.

        Only a blocking queue makes publishers wait.
        """
        del message

    def clear(self) -> None:
        """Lose everything that waits."""
        while len(self):
            self._on_lost(self.take())

    async def wait(self) -> None:
        """Return when a message waits; for the one consumer."""
        while not len(self):
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None

    def _grew_to(self, waiting: int) -> None:
        """Wake the consumer at the first message, tell at the high mark; call after growing."""
        if waiting == 1:
            wake = self._wake
            if wake is not None and not wake.done():
                wake.set_result(None)
        elif waiting == self.high_mark and self.on_high is not None:
            self.on_high()


class _FifoQueue(BoundedQueue):
    """What the queues have in common that hand messages out in the order they were admitted."""

    __slots__ = ("_items",)

    def __init__(self, capacity: int, on_lost: Lost) -> None:
        super().__init__(capacity, on_lost)
        self._items: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def take(self) -> Message:
        """The message that waited longest."""
        return self._items.popleft()

    def oldest(self) -> Message | None:
        """The message that waited longest."""
        return self._items[0] if self._items else None


class DropOldestQueue(_FifoQueue):
    """When full, the message that waited longest gives way to the newest."""

    __slots__ = ()

    def offer(self, message: Message) -> None:
        """Always admits the message."""
        items = self._items
        if len(items) >= self.capacity:
            lost = items.popleft()
            items.append(message)
            self._on_lost(lost)
        else:
            items.append(message)
            self._grew_to(len(items))


class DropNewestQueue(_FifoQueue):
    """When full, a new message is lost and those that wait stay."""

    __slots__ = ()

    def offer(self, message: Message) -> None:
        """Admits the message unless the queue is full."""
        items = self._items
        if len(items) >= self.capacity:
            self._on_lost(message)
        else:
            items.append(message)
            self._grew_to(len(items))


class BlockingQueue(_FifoQueue):
    """When full, the publisher waits; messages of waiting publishers keep their order."""

    __slots__ = ("_outside",)

    def __init__(self, capacity: int, on_lost: Lost) -> None:
        super().__init__(capacity, on_lost)
        self._outside: dict[Message, asyncio.Future[None]] = {}

    def offer(self, message: Message) -> asyncio.Future[None] | None:
        """Admits the message, or lets it wait outside until there is room."""
        items = self._items
        if len(items) < self.capacity:
            items.append(message)
            self._grew_to(len(items))
            return None
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outside[message] = room
        return room

    def take(self) -> Message:
        """The message that waited longest; the first one outside is admitted in its place."""
        message = self._items.popleft()
        if self._outside:
            admitted = next(iter(self._outside))
            room = self._outside.pop(admitted)
            self._items.append(admitted)
            if not room.done():
                room.set_result(None)
        return message

    def withdraw(self, message: Message) -> None:
        """Lose a message that still waits outside."""
        if self._outside.pop(message, None) is not None:
            self._on_lost(message)


class LatestQueue(BoundedQueue):
    """At most one message for each topic waits: a newer one takes the place of the older one.

    It keeps its place in the line, so that a busy topic cannot starve a quiet one. With more than
    ``capacity`` topics the one that waited longest is lost.
    """

    __slots__ = ("_by_topic",)

    def __init__(self, capacity: int, on_lost: Lost) -> None:
        super().__init__(capacity, on_lost)
        self._by_topic: dict[str, Message] = {}

    def __len__(self) -> int:
        return len(self._by_topic)

    def offer(self, message: Message) -> None:
        """Always admits the message."""
        by_topic = self._by_topic
        older = by_topic.get(message.topic)
        if older is None and len(by_topic) >= self.capacity:
            older = self.take()
        by_topic[message.topic] = message
        if older is None:
            self._grew_to(len(by_topic))
        else:
            self._on_lost(older)

    def take(self) -> Message:
        """The newest message of the topic that waited longest."""
        by_topic = self._by_topic
        if not by_topic:
            raise IndexError("take from an empty queue")
        return by_topic.pop(next(iter(by_topic)))

    def oldest(self) -> Message | None:
        """The newest message of the topic that waited longest."""
        return next(iter(self._by_topic.values()), None)


class PriorityQueue(BoundedQueue):
    """The most urgent message comes out first, by its payload's ``priority``; 1 is the first.

    Messages of the same priority keep their order. When full, the newest of the least urgent is
    lost.
    """

    __slots__ = ("_count", "_heap")

    def __init__(self, capacity: int, on_lost: Lost) -> None:
        super().__init__(capacity, on_lost)
        self._heap: list[tuple[int, int, Message]] = []
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def offer(self, message: Message) -> None:
        """Admits the message, unless the queue is full of what is as urgent or more."""
        heap = self._heap
        priority = getattr(message.payload, "priority", USUAL_PRIORITY)
        heapq.heappush(heap, (priority, next(self._count), message))
        if len(heap) <= self.capacity:
            self._grew_to(len(heap))
            return
        last = max(heap)
        heap.remove(last)
        heapq.heapify(heap)
        self._on_lost(last[2])

    def take(self) -> Message:
        """The oldest of the most urgent."""
        if not self._heap:
            raise IndexError("take from an empty queue")
        return heapq.heappop(self._heap)[2]

    def oldest(self) -> Message | None:
        """The oldest of the most urgent."""
        return self._heap[0][2] if self._heap else None


_QUEUES: dict[Policy, type[BoundedQueue]] = {
    Policy.DROP_OLDEST: DropOldestQueue,
    Policy.DROP_NEWEST: DropNewestQueue,
    Policy.LATEST: LatestQueue,
    Policy.BLOCK: BlockingQueue,
    Policy.PRIORITY: PriorityQueue,
}


def build_queue(policy: Policy, capacity: int, on_lost: Lost) -> BoundedQueue:
    """The queue that follows this policy; see ``BoundedQueue``."""
    return _QUEUES[policy](capacity, on_lost)
