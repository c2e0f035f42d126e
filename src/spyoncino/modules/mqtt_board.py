"""What lies retained at an MQTT broker: the newest value of each topic, and nothing that is gone.

A broker keeps a retained value for ever, so the topics are remembered in a file: whatever an
earlier run left there and nobody wants any more is emptied. The file is written before the topics
are, so that a crash between leaves nothing behind unknown.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spyoncino.clients.home_assistant import Document, platforms, with_farewell
from spyoncino.errors import DeliveryError, DeliveryRefusedError

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

Publish = Callable[[str, bytes], Awaitable[None]]
"""Publishes a retained value; raises ``DeliveryError``, refused when it will never be taken."""

Memory = dict[str, dict[str, str]]
"""Topic to the entities of its document and their platforms; none where it is no document."""


class Board:
    """Retained topics.

    Args:
        publish: How a value gets to the broker. One that it refuses is left out.
        file: Remembers the topics.
        log: Where trouble with the file is told.
    """

    def __init__(self, publish: Publish, file: Path, log: "FilteringBoundLogger") -> None:
        self._publish_to_broker = publish
        self.left_out: set[str] = set()
        """Topics whose newest value the broker refused: it was too large."""
        self._file = file
        self._log = log
        self._values: dict[str, bytes] = {}
        self._news: dict[str, None] = {}  # a set that keeps its order
        self._has_news = asyncio.Event()
        self._turn = asyncio.Lock()

    def put(self, topic: str, payload: bytes) -> None:
        """Have a value told; an older one of this topic that waits is forgotten."""
        self._values[topic] = payload
        self.tell_again(topic)

    def put_first(self, topic: str, payload: bytes) -> None:
        """Have a value told where there is none yet."""
        if topic not in self._values:
            self.put(topic, payload)

    def tell_again(self, *topics: str) -> None:
        """Have the values of these topics told once more."""
        self._news.update(dict.fromkeys(topic for topic in topics if topic in self._values))
        self._has_news.set()

    async def adopt(self, documents: Mapping[str, Document], topics: frozenset[str]) -> None:
        """Tell documents, empty what is not wanted any more, and have every value told again.

        Args:
            documents: By their topics.
            topics: Every other topic that may hold a value.

        Raises:
            DeliveryError: The broker is gone; to be done again when it is back.
        """
        async with self._turn:
            before = await asyncio.to_thread(self._read)
            wanted: Memory = {topic: {} for topic in topics}
            wanted.update({topic: platforms(each) for topic, each in documents.items()})
            both = {
                topic: {**before.get(topic, {}), **wanted.get(topic, {})}
                for topic in (*before, *wanted)
            }
            await asyncio.to_thread(self._write, both)
            for topic in before.keys() - wanted.keys():
                self._values.pop(topic, None)
                self._news.pop(topic, None)
                await self._publish(topic, b"")
            for topic, document in documents.items():
                gone = {
                    name: platform
                    for name, platform in before.get(topic, {}).items()
                    if name not in wanted[topic]
                }
                if gone:
                    await self._publish(topic, _packed(with_farewell(document, gone)))
                await self._publish(topic, _packed(document))
            await asyncio.to_thread(self._write, wanted)
            self._values = {t: value for t, value in self._values.items() if t in wanted}
            self.tell_again(*self._values)

    async def tell_next(self) -> None:
        """Wait for news and tell it.

        Raises:
            DeliveryError: The broker is gone; nothing is forgotten.
        """
        await self._has_news.wait()
        while self._news:
            topic = next(iter(self._news))
            del self._news[topic]
            try:
                await self._publish(topic, self._values[topic])
            except DeliveryError:
                self.tell_again(topic)
                raise
        self._has_news.clear()

    async def _publish(self, topic: str, payload: bytes) -> None:
        """Publish; what is refused is left out, which is said once for each topic."""
        try:
            await self._publish_to_broker(topic, payload)
        except DeliveryRefusedError as error:
            if topic not in self.left_out:
                self.left_out.add(topic)
                self._log.warning("left out at the broker", topic=topic, why=str(error))
        else:
            self.left_out.discard(topic)

    def _read(self) -> Memory:
        try:
            read: Any = json.loads(self._file.read_text())
            return {str(topic): dict(entities) for topic, entities in read.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            self._log.warning(
                "it is unknown which topics an earlier run left at the broker", error=str(error)
            )
            return {}

    def _write(self, memory: Memory) -> None:
        draft = self._file.with_suffix(".new")
        try:
            draft.write_text(json.dumps(memory, sort_keys=True))
            draft.replace(self._file)
        except OSError as error:
            self._log.warning(
                "the topics at the broker cannot be remembered; those of a removed camera stay",
                error=str(error),
            )


def _packed(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
