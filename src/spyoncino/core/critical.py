"""The critical class of the bus: on disk before a publish returns, handled at least once, in order.

``CriticalLine`` stands between publishers and queues; see ``durable_place`` for the subscribers.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

from pydantic import ValidationError
from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.core.bus_stats import Throttle
from spyoncino.core.durable_place import DurablePlace, Patience
from spyoncino.core.message import Message, Receipt
from spyoncino.core.topic_match import declared_topic
from spyoncino.errors import DamagedFileError, StorageError, UsageError
from spyoncino.persistence.outbox import OutboxFile
from spyoncino.persistence.outbox_rows import DeadLetter, OutboxEntry
from spyoncino.persistence.press_journal import JournalPress, PressJournal
from spyoncino.schemas.base import Payload
from spyoncino.schemas.events import DoorbellEvent

Rooms = list[asyncio.Future[None]]
"""What a publisher still waits for: room in the queues of subscribers that are behind."""

_Waiting = tuple[Message, Callable[[], None] | None, asyncio.Future[Rooms]]

JOURNAL_NAME = "presses.journal"
"""File beside the outbox that presses are synced to."""

DRAIN_POLL_S = 0.001
"""How often ``Bus.drain`` looks whether the file has been written: about as long as a commit."""

SWEEP_S = 2.0
"""Seconds between two sweeps of what everybody has handled."""

COMPLAIN_EVERY_NS = 10_000_000_000
"""A file that does not do its part is told every ten seconds."""


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
        self._first_seq: int  # these three from ``start`` on: the file says where they begin
        self._numbers: Iterator[int]
        self._offered: int
        self._is_scrub_due = True  # somebody may have been forgotten while nothing ran
        self._waiting: dict[int, _Waiting] = {}
        self._places: dict[str, DurablePlace] = {}
        self._presses: set[asyncio.Task[None]] = set()
        self._unsafe: list[tuple[OutboxEntry, int]] = []
        self._sweeping: asyncio.Task[None] | None = None
        self._recovering: asyncio.Task[None] | None = None
        self._troubles = Throttle(COMPLAIN_EVERY_NS)

    @property
    def busy(self) -> bool:
        """Whether a message is on its way into the file."""
        return bool(self._waiting)

    async def start(self) -> None:
        """Open the file; one that is damaged is put aside and a new one begun.

        Raises:
            StorageError: It cannot be opened.
        """
        try:
            self._offered = await asyncio.to_thread(self._file.open)
        except DamagedFileError as error:
            aside = await asyncio.to_thread(self._file.put_aside, self.clock.utc_now())
            self._log.error("outbox is damaged, a new one is begun", aside=aside, error=str(error))
            self._offered = await asyncio.to_thread(self._file.open)
        self._first_seq = self._offered + 1
        self._numbers = itertools.count(self._first_seq)
        self._loop = asyncio.get_running_loop()
        try:
            presses = await asyncio.to_thread(self._journal.open)
        except StorageError:
            await asyncio.to_thread(self._file.close)
            raise
        self._recovering = asyncio.create_task(self._recover(presses), name="recover presses")
        self._sweeping = asyncio.create_task(self._sweep_on(), name="outbox sweep")

    async def stop(self) -> None:
        """Write what is on its way and close the file; what is not handled waits for next time."""
        for task in (self._sweeping, self._recovering):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        await asyncio.to_thread(self._file.close)
        if self._presses:
            await asyncio.wait(self._presses)
        await self._finish_presses()
        await asyncio.to_thread(self._journal.close)

    async def publish(self, message: Message, on_settled: Callable[[], None] | None) -> None:
        """Have a message written, then offered; returns when every queue has taken it.

        A press is synced to the medium, too, before this returns; its subscribers do not wait for
        that. Cancelling this takes nothing back: the message is written and offered all the same.

        Raises:
            StorageError: A press was offered, but neither its journal nor the outbox could keep it:
                it would not survive the end of this process.
        """
        body = message.payload.model_dump_json().encode()
        if not isinstance(message.payload, DoorbellEvent):
            await self._write(message, body, on_settled)
            return
        press = asyncio.ensure_future(self._publish_press(message, body, on_settled))
        self._presses.add(press)
        press.add_done_callback(self._presses.discard)
        await asyncio.shield(press)

    async def _publish_press(
        self, message: Message, body: bytes, on_settled: Callable[[], None] | None
    ) -> None:
        synced = asyncio.ensure_future(self._synced(message.topic, body))
        entry = await self._write(message, body, on_settled)
        slot = await synced
        if slot is not None:
            self._unsafe.append((entry, slot))
            await self._finish_presses()
        elif not (entry.is_written or entry.is_duplicate):
            raise StorageError(
                "the press was passed on, but cannot be kept: neither its journal nor the outbox "
                "can be written; look at the disk"
            )

    async def _finish_presses(self) -> None:
        """Free the slots of presses that the outbox has by now."""
        safe: list[int] = []
        unsafe: list[tuple[OutboxEntry, int]] = []
        for entry, slot in self._unsafe:  # asked once: the writer's thread may say yes meanwhile
            if entry.is_written:
                safe.append(slot)
            else:
                unsafe.append((entry, slot))
        self._unsafe = unsafe
        for slot in safe:
            try:
                await asyncio.to_thread(self._journal.finish, slot)
            except StorageError as error:  # the next run finds it and sees that it is a repeat
                self.complain("a press stays in its journal", error)

    async def _synced(self, topic: str, body: bytes) -> int | None:
        """Sync a press; its slot in the journal, or ``None`` when that is not to be had."""
        try:
            return await asyncio.to_thread(self._journal.append, f"{topic} ".encode() + body)
        except StorageError as error:
            self.complain("a press is not in its journal", error)
            return None

    async def _recover(self, presses: list[JournalPress]) -> None:
        """Publish the presses that a killed run had not brought into the outbox, oldest first.

        The next sweep frees their slots.
        """
        readable = []
        for press in presses:
            topic, _, body = press.body.partition(b" ")
            try:
                readable.append((DoorbellEvent.model_validate_json(body), topic, body, press.slot))
            except ValidationError:
                self._log.exception("a press in the journal cannot be read", body=body.decode())
                await asyncio.to_thread(self._journal.finish, press.slot)
        for payload, topic, body, slot in sorted(readable, key=lambda each: each[0].timestamp):
            message = Message(topic.decode(), payload, self.clock.monotonic_ns())
            message.is_recovered = True
            self._log.warning("recovery: press of a killed run", topic=message.topic)
            self._unsafe.append((await self._write(message, body, None), slot))

    async def _write(
        self, message: Message, body: bytes, on_settled: Callable[[], None] | None
    ) -> OutboxEntry:
        """Into the file, then into the queues; the entry says whether the file has it."""
        done: asyncio.Future[Rooms] = self._running_loop().create_future()
        message.seq = seq = next(self._numbers)
        self._waiting[seq] = (message, on_settled, done)
        entry = OutboxEntry(seq, message.topic, message.payload.event_id, body)
        self._file.append(entry)
        for room in await asyncio.shield(done):
            await asyncio.shield(room)
        return entry

    def place_for(
        self,
        name: str,
        pattern: str,
        offer: Callable[[Message], object],
        is_idle: Callable[[], bool],
    ) -> DurablePlace:
        """The place of a subscriber whose queue begins to get messages at this moment.

        Args:
            name: Of the subscriber.
            pattern: What it takes.
            offer: Puts a message into its queue.
            is_idle: Whether it has nothing left to handle.
        """
        place = DurablePlace(self, self._file, name, pattern, self._offered, offer, is_idle)
        self._places[name] = place
        return place

    def leave(self, place: "DurablePlace") -> None:
        """Its subscriber has ended; what it did not handle waits in the file."""
        del self._places[place.name]

    async def forget_all_but(self, names: set[str]) -> None:
        """Forget subscribers that do not exist any more, so that nothing waits for them."""
        await asyncio.wrap_future(self._file.collect({}, names))

    def scrub_soon(self) -> None:
        """Leave no trace of handled messages, once nobody has any left to handle."""
        self._is_scrub_due = True

    async def dead_letters(self) -> list[DeadLetter]:
        """Every dead letter, oldest first."""
        return await asyncio.wrap_future(self._file.dead_letters())

    async def retry_dead_letter(self, number: int) -> bool:
        """Give a message to its subscriber again; whether there was such a dead letter.

        A subscriber that does not run gets it when it is back.

        Raises:
            UsageError: Its payload has another shape by now, so it would only fail again.
        """
        for letter in await self.dead_letters():
            if letter.number == number:
                _check_readable(letter)
        loop = self._running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        reviving = self._file.revive(number, next(self._numbers))
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
        payload = _payload_of(entry.topic, entry.body)
        message = Message(entry.topic, payload, self.clock.monotonic_ns())
        message.seq = entry.seq
        message.is_recovered = entry.seq < self._first_seq or bool(entry.only_for)
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
            if on_settled is not None:
                Receipt(on_settled, self._on_settled_failed, receivers=0)
            done.set_result([])

    def _on_settled_failed(self, error: Exception) -> None:
        self._log.error("on_settled of a publisher failed", exc_info=error)

    def _offer_revived(
        self, revived: "Future[OutboxEntry | None]", done: "asyncio.Future[bool]"
    ) -> None:
        error = revived.exception()
        if error is not None:
            if not done.done():
                done.set_exception(error)
            return
        entry = revived.result()
        if entry is not None:
            self._offered = entry.seq
            place = self._places.get(entry.only_for)
            if place is not None:
                place.offer(self.read(entry))
        if not done.done():
            done.set_result(entry is not None)

    async def _sweep_on(self) -> None:
        swept: tuple[int, dict[str, int]] | None = None
        while True:
            await self.clock.sleep(SWEEP_S)
            live = {name: self._offered for name, place in self._places.items() if place.is_idle()}
            now = (self._offered, live)  # what comes while it sweeps is for the next one
            is_scrubbing = self._is_scrub_due and len(live) == len(self._places)
            if swept != now or is_scrubbing:  # nothing new: spare the medium
                try:
                    await asyncio.wrap_future(self._file.collect(live))
                    if is_scrubbing:
                        await asyncio.wrap_future(self._file.scrub())
                        self._is_scrub_due = False
                except StorageError as error:
                    self.complain("the outbox was not swept", error)
                else:
                    swept = now
            await self._finish_presses()


def _payload_of(topic: str, body: bytes) -> Payload:
    """What a body says; of a topic that nobody declares any more, what every payload says.

    Raises:
        ValidationError: It has another shape by now.
    """
    declared = declared_topic(topic)
    return (declared.payload if declared else Payload).model_validate_json(body)


def _check_readable(letter: DeadLetter) -> None:
    try:
        _payload_of(letter.topic, letter.body)
    except ValidationError as error:
        raise UsageError(
            f"dead letter {letter.number} cannot be read by this version; it stays until it is "
            "dropped"
        ) from error
