"""What one durable subscriber knows of the outbox: where it stands and what it missed.

A file that refuses (locked, full) is asked again for as long as it takes: to go on without it would
move the subscriber past messages that it never saw.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from spyoncino.core.message import Message
from spyoncino.core.topic_match import compile_pattern
from spyoncino.errors import DamagedFileError, StorageError
from spyoncino.persistence.outbox import OutboxFile
from spyoncino.persistence.outbox_rows import OutboxEntry

if TYPE_CHECKING:
    from spyoncino.core.critical import CriticalLine

T = TypeVar("T")

PAGE = 256
"""Missed messages that are read at a time: as many as the usual queue holds."""

MAX_DOUBLINGS = 20
"""Pauses are doubled no more often: by then any pause has reached its longest."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a subscriber gets a message that it fails to handle.

    Args:
        attempts: Tries before it becomes a dead letter; a ``StorageError`` does not count, because
            a full disk or a lock passes and says nothing against the message.
        first_pause_s: Pause after the first failure; each further one is twice as long.
        longest_pause_s: The pause grows no further.
    """

    attempts: int = 5
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0

    def pause_s(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, from 1."""
        doublings = min(failures - 1, MAX_DOUBLINGS)
        return float(min(self.longest_pause_s, self.first_pause_s * 2**doublings))


class DurablePlace:
    """One subscriber's place in the line; ``open`` it before asking what it missed.

    Args:
        line: Whose place it is.
        file: Where its cursor lies.
        name: Of the subscriber; it finds its place again by it.
        pattern: What it takes.
        head: Number up to which messages were offered before it subscribed.
        offer: Puts a message into its queue.
        is_idle: Whether it has nothing left to handle.
    """

    def __init__(
        self,
        line: "CriticalLine",
        file: OutboxFile,
        name: str,
        pattern: str,
        head: int,
        offer: Callable[[Message], object],
        is_idle: Callable[[], bool],
    ) -> None:
        self.name = name
        self.patience = line.patience
        self.sleep = line.clock.sleep
        self.offer = offer
        self.is_idle = is_idle
        self._line = line
        self._file = file
        self._takes = compile_pattern(pattern)
        self._handled = 0
        self._head = head

    async def open(self) -> None:
        """Find its place; a subscriber that is new stands behind what was offered before it came.

        Raises:
            DamagedFileError: The file cannot be read any more.
        """
        self._handled = await self._surely(lambda: self._file.begin(self.name, self._head))

    async def missed(self) -> AsyncIterator[Message]:
        """What was published while it did not run, in order.

        A message that cannot be read any more becomes a dead letter.

        Raises:
            DamagedFileError: The file cannot be read any more.
        """
        while self._handled < self._head:
            after = self._handled
            page = await self._surely(lambda: self._file.between(after, self._head, PAGE))  # noqa: B023 - awaited here
            for entry in page:
                if not self._is_for_me(entry):
                    self.handled(entry.seq)
                    continue
                try:
                    message = self._line.read(entry)
                except ValidationError as error:
                    await self.bury_unreadable(entry, error)
                    continue
                yield message
            if len(page) < PAGE:
                self.handled(self._head)

    def handled(self, seq: int) -> None:
        """Everything up to this message is done."""
        self._handled = max(self._handled, seq)
        self._file.acknowledge(self.name, self._handled)

    async def bury(self, message: Message, error: Exception, attempts: int) -> None:
        """Give up on a message: it becomes a dead letter, and the next one has its turn."""
        body = message.payload.model_dump_json().encode()
        entry = OutboxEntry(message.seq or 0, message.topic, message.payload.event_id, body)
        await self._bury(entry, f"{type(error).__name__}: {error}", attempts)

    async def bury_unreadable(self, entry: OutboxEntry, error: ValidationError) -> None:
        """Give up on a message whose payload has another shape by now."""
        await self._bury(entry, f"it cannot be read: {error}", 0)

    def leave(self) -> None:
        """The subscriber takes no more messages; what it did not handle waits in the file."""
        self._line.leave(self)

    def complain(self, error: StorageError) -> None:
        """Say that the file does not give what it holds for this subscriber."""
        self._line.complain(f"the outbox has no answer for {self.name}", error)

    def _is_for_me(self, entry: OutboxEntry) -> bool:
        return entry.only_for in ("", self.name) and self._takes(entry.topic)

    async def _bury(self, entry: OutboxEntry, reason: str, attempts: int) -> None:
        died_at = self._line.clock.utc_now().isoformat()
        try:
            await self._surely(lambda: self._file.bury(self.name, entry, reason, attempts, died_at))
        except DamagedFileError as error:
            self._line.complain(f"a dead letter for {self.name} was not kept ({reason})", error)
        self._handled = max(self._handled, entry.seq)
        self._line.dead += 1

    async def _surely(self, ask: Callable[[], "Future[T]"]) -> T:
        """Ask the file until it answers."""
        failures = 0
        while True:
            try:
                return await asyncio.wrap_future(ask())
            except DamagedFileError:
                raise
            except StorageError as error:
                failures += 1
                self.complain(error)
                await self.sleep(self.patience.pause_s(failures))
