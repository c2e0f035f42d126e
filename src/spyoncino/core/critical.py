"""The critical class of the bus: on disk before a publish returns, handled at least once, in order.

``CriticalLine`` stands between publishers and queues; ``DurablePlace`` is what one subscriber knows
of the file: where it stands, what it missed while it did not run, where to put what it cannot
handle.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.core.bus_stats import Throttle
from spyoncino.core.message import Message
from spyoncino.core.topic_match import compile_pattern, declared_topic
from spyoncino.errors import StorageError
from spyoncino.persistence.outbox import DeadLetter, OutboxEntry, OutboxFile
from spyoncino.persistence.press_journal import PressJournal
from spyoncino.schemas.base import Payload
from spyoncino.schemas.events import DoorbellEvent

Rooms = list[asyncio.Future[None]]
"""What a publisher still waits for: room in the queues of subscribers that are behind."""

_Waiting = tuple[Message, Callable[[], None] | None, asyncio.Future[Rooms]]

PAGE = 256
"""Missed messages that are read at a time: as many as the usual queue holds."""

JOURNAL_NAME = "presses.journal"
"""File beside the outbox that presses are synced to."""

SWEEP_S = 2.0
"""Seconds between two sweeps of what everybody has handled."""

COMPLAIN_EVERY_NS = 10_000_000_000
"""A file that does not do its part is told every ten seconds."""


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
        return float(min(self.longest_pause_s, self.first_pause_s * 2 ** (failures - 1)))


class CriticalLine:
    """Writes critical messages, then has them offered to their subscribers, in the same order.

    When the file cannot be written (a full disk), messages are delivered all the same: to lose
    durability is better than to lose the press. They are counted as ``undurable``.

    Args:
        path: The outbox file.
        clock: Paces sweeps and pauses, dates dead letters.
        log: Where troubles are told.
        offer: Puts a written message into the queues of its topic's subscribers.
        patience: For failing handlers.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        log: FilteringBoundLogger,
        offer: Callable[[Message, Callable[[], None] | None], Rooms],
        patience: Patience | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self.clock = clock
        self.undurable = 0
        self.repeated = 0
        self.dead = 0
        self._log = log
        self._offer = offer
        self._file = OutboxFile(path, self._on_written)
        self._journal = PressJournal(path.with_name(JOURNAL_NAME))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_seq = 1
        self._offered = 0
        self._waiting: dict[int, _Waiting] = {}
        self._places: dict[str, DurablePlace] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._recovering: asyncio.Task[None] | None = None
        self._troubles = Throttle(COMPLAIN_EVERY_NS)

    @property
    def busy(self) -> bool:
        """Whether a message is on its way into the file."""
        return bool(self._waiting)

    @property
    def head(self) -> int:
        """Number up to which messages have been offered."""
        return self._offered

    async def start(self) -> None:
        """Open the file.

        Raises:
            StorageError: It cannot be opened or is damaged.
        """
        self._loop = asyncio.get_running_loop()
        self._offered = await asyncio.to_thread(self._file.open)
        self._next_seq = self._offered + 1
        presses = await asyncio.to_thread(self._journal.open)
        self._recovering = asyncio.create_task(self._recover(presses), name="recover presses")
        self._sweeping = asyncio.create_task(self._sweep_on(), name="outbox sweep")

    async def stop(self) -> None:
        """Write what is on its way and close the file; what is not handled waits for next time."""
        for task in (self._sweeping, self._recovering):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        await asyncio.to_thread(self._file.close)
        await asyncio.to_thread(self._journal.close)

    async def publish(self, message: Message, on_settled: Callable[[], None] | None) -> None:
        """Have a message written, then offered; returns when every queue has taken it.

        A press is synced to the medium, too, before this returns; its subscribers do not wait for
        that. Cancelling this takes nothing back: the message is written and offered all the same.
        """
        body = message.payload.model_dump_json().encode()
        if not isinstance(message.payload, DoorbellEvent):
            await self._write(message, body, on_settled)
            return
        synced = asyncio.ensure_future(self._synced(message.topic, body))
        try:
            is_safe = await self._write(message, body, on_settled)
        finally:
            slot = await asyncio.shield(synced)
        if slot is not None and is_safe:
            await asyncio.to_thread(self._journal.finish, slot)

    async def _synced(self, topic: str, body: bytes) -> int | None:
        """Sync a press; its slot in the journal, or ``None`` when that is not to be had."""
        try:
            return await asyncio.to_thread(self._journal.append, f"{topic} ".encode() + body)
        except StorageError as error:
            self.complain("a press is not in its journal", error)
            return None

    async def _recover(self, presses: list[bytes]) -> None:
        """Publish the presses that a killed run had not brought into the outbox."""
        for press in presses:
            topic, _, body = press.partition(b" ")
            try:
                payload = DoorbellEvent.model_validate_json(body)
            except ValidationError as error:
                self._log.error("a press in the journal cannot be read", error=str(error))
                continue
            message = Message(topic.decode(), payload, self.clock.monotonic_ns())
            self._log.warning("recovery: press of a killed run", topic=message.topic)
            await self._write(message, body, None)
        await asyncio.to_thread(self._journal.finish_unfinished)

    async def _write(
        self, message: Message, body: bytes, on_settled: Callable[[], None] | None
    ) -> bool:
        """Into the file, then into the queues; whether the file has it."""
        message.seq = seq = self._next_seq
        self._next_seq += 1
        done: asyncio.Future[Rooms] = self._running_loop().create_future()
        self._waiting[seq] = (message, on_settled, done)
        entry = OutboxEntry(seq, message.topic, message.payload.event_id, body)
        self._file.append(entry)
        for room in await asyncio.shield(done):
            await asyncio.shield(room)
        return entry.is_written

    async def place_for(self, name: str, pattern: str, head: int) -> "DurablePlace":
        """The place of a subscriber, who takes up where it stopped.

        Args:
            name: Of the subscriber.
            pattern: What it takes.
            head: ``head`` at the moment when its queue began to get messages; a new subscriber
                gets what comes after.
        """
        cursor = await asyncio.wrap_future(self._file.begin(name, head))
        place = DurablePlace(self, self._file, name, pattern, cursor, head)
        self._places[name] = place
        return place

    def leave(self, place: "DurablePlace") -> None:
        """Its subscriber has ended; what it did not handle waits in the file."""
        if self._places.get(place.name) is place:
            del self._places[place.name]

    async def forget_all_but(self, names: set[str]) -> None:
        """Forget subscribers that do not exist any more, so that nothing waits for them."""
        await asyncio.wrap_future(self._file.collect({}, names))

    async def dead_letters(self) -> list[DeadLetter]:
        """Every dead letter, oldest first."""
        return await asyncio.wrap_future(self._file.dead_letters())

    async def retry_dead_letter(self, number: int) -> bool:
        """Give a message to its subscriber again; whether there was such a dead letter.

        A subscriber that does not run gets it when it is back.
        """
        loop = self._running_loop()
        seq = self._next_seq
        self._next_seq += 1
        done: asyncio.Future[bool] = loop.create_future()
        reviving = self._file.revive(number, seq)
        # In the writer's thread, so that it is offered before everything with a higher number.
        reviving.add_done_callback(
            lambda revived: loop.call_soon_threadsafe(self._offer_revived, revived, done)
        )
        return await done

    async def drop_dead_letters(self, numbers: list[int]) -> int:
        """Delete dead letters; how many there were."""
        return await asyncio.wrap_future(self._file.drop_dead_letters(numbers))

    def read(self, entry: OutboxEntry) -> Message:
        """The message of an entry.

        Raises:
            ValidationError: Its payload has another shape by now.
        """
        topic = declared_topic(entry.topic)
        kind = topic.payload if topic else Payload
        message = Message(
            entry.topic, kind.model_validate_json(entry.body), self.clock.monotonic_ns()
        )
        message.seq = entry.seq
        return message

    def complain(self, trouble: str, error: StorageError) -> None:
        """Log that the file does not do its part; throttled."""
        if self._troubles.passes(self.clock.monotonic_ns()):
            self._log.error(trouble, error=str(error), repeats=self._troubles.take_held())

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise StorageError("the outbox is not open; this is a fault of the program")
        return self._loop

    def _on_written(self, entries: list[OutboxEntry], error: StorageError | None) -> None:
        """In the writer's thread."""
        self._running_loop().call_soon_threadsafe(self._offer_all, entries, error)

    def _offer_all(self, entries: list[OutboxEntry], error: StorageError | None) -> None:
        if error is not None:
            self.undurable += len(entries)
            self.complain("critical messages are not safe on disk", error)
        for entry in entries:
            message, on_settled, done = self._waiting.pop(entry.seq)
            self._offered = entry.seq
            if not entry.is_duplicate:
                done.set_result(self._offer(message, on_settled))
                continue
            self.repeated += 1
            done.set_result([])
            if on_settled is not None:
                on_settled()

    def _offer_revived(
        self, revived: "Future[OutboxEntry | None]", done: "asyncio.Future[bool]"
    ) -> None:
        error = revived.exception()
        if error is not None:
            done.set_exception(error)
            return
        entry = revived.result()
        if entry is not None:
            self._offered = entry.seq
            place = self._places.get(entry.only_for)
            if place is not None:
                place.offer(self.read(entry))
        done.set_result(entry is not None)

    async def _sweep_on(self) -> None:
        while True:
            await self.clock.sleep(SWEEP_S)
            live = {name: self._offered for name, place in self._places.items() if place.is_idle()}
            try:
                await asyncio.wrap_future(self._file.collect(live))
            except StorageError as error:
                self.complain("the outbox was not swept", error)


class DurablePlace:
    """One subscriber's place in the line.

    Args:
        line: Whose place it is.
        file: Where its cursor lies.
        name: Of the subscriber; it finds its place again by it.
        pattern: What it takes.
        cursor: Number up to which it has handled everything.
        head: Number up to which messages were offered before it subscribed.
    """

    def __init__(
        self, line: CriticalLine, file: OutboxFile, name: str, pattern: str, cursor: int, head: int
    ) -> None:
        self.name = name
        self.patience = line.patience
        self.sleep = line.clock.sleep
        self.is_idle: Callable[[], bool] = lambda: False
        self.offer: Callable[[Message], object] = lambda _: None
        self._line = line
        self._file = file
        self._takes = compile_pattern(pattern)
        self._handled = cursor
        self._head = head

    async def missed(self) -> AsyncIterator[Message]:
        """What was published while it did not run, in order.

        A message that cannot be read any more becomes a dead letter.
        """
        while self._handled < self._head:
            page = await asyncio.wrap_future(self._file.between(self._handled, self._head, PAGE))
            for entry in page:
                if not self._is_for_me(entry):
                    self.handled(entry.seq)
                    continue
                try:
                    message = self._line.read(entry)
                except ValidationError as error:
                    await self._bury(entry, f"it cannot be read: {error}", 0)
                    continue
                yield message
            if len(page) < PAGE:
                self.handled(self._head)

    def _is_for_me(self, entry: OutboxEntry) -> bool:
        return entry.only_for in ("", self.name) and self._takes(entry.topic)

    def is_handled(self, seq: int) -> bool:
        """Whether it was among the missed ones."""
        return seq <= self._handled

    def handled(self, seq: int) -> None:
        """Everything up to this message is done."""
        self._handled = max(self._handled, seq)
        self._file.acknowledge(self.name, self._handled)

    async def bury(self, message: Message, error: Exception, attempts: int) -> None:
        """Give up on a message: it becomes a dead letter, and the next one has its turn."""
        body = message.payload.model_dump_json().encode()
        entry = OutboxEntry(message.seq or 0, message.topic, message.payload.event_id, body)
        await self._bury(entry, f"{type(error).__name__}: {error}", attempts)

    def leave(self) -> None:
        """The subscriber has ended."""
        self._line.leave(self)

    async def _bury(self, entry: OutboxEntry, reason: str, attempts: int) -> None:
        died_at = self._line.clock.utc_now().isoformat()
        self._handled = max(self._handled, entry.seq)
        self._line.dead += 1
        burying = self._file.bury(self.name, entry, reason, attempts, died_at)
        try:
            await asyncio.wrap_future(burying)
        except StorageError as error:
            self._line.complain(f"a dead letter for {self.name} was not kept ({reason})", error)
