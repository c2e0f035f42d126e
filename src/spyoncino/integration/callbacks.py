"""Functions of the embedding program that want to hear of events."""

import asyncio
from collections.abc import Callable
from typing import Any

from spyoncino.core.bus import Bus
from spyoncino.core.guard import guarded
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.core.topic_aliases import canonical_pattern
from spyoncino.core.topic_match import compile_pattern
from spyoncino.schemas.topics import CAMERA_FRAME

EventCallback = Callable[[dict[str, Any]], object]
"""Takes the data of an event; runs in a thread of the bus, so it should not take long."""


class Callbacks:
    """Remembers who wants what, so that every new bus can be told."""

    def __init__(self) -> None:
        self._wanted: list[tuple[str, EventCallback]] = []

    def add(self, name: str, callback: EventCallback) -> None:
        """Remember a callback.

        Raises:
            WiringError: The name is no topic, doorbell name or pattern.
        """
        compile_pattern(canonical_pattern(name))
        self._wanted.append((name, callback))

    async def join_all(self, bus: Bus) -> None:
        """Subscribe all of them."""
        for name, callback in self._wanted:
            await join(bus, name, callback)

    async def tell(self, name: str, data: dict[str, Any]) -> None:
        """Call those of one name while no bus runs; what they raise harms nobody."""
        for wanted, callback in self._wanted:
            if wanted == name:
                await guarded(asyncio.to_thread(callback, data))


async def join(bus: Bus, name: str, callback: EventCallback) -> None:
    """Subscribe one; of pictures it hears the latest, lest they run out."""

    def on_event(message: Message) -> None:
        callback(message.payload.data)

    is_pictures = CAMERA_FRAME.pattern in canonical_pattern(name).split("|")
    policy = Policy.LATEST if is_pictures else Policy.DROP_OLDEST
    bus.subscribe(name, on_event, name=f"callback {name}", policy=policy)
