"""What could not be saved yet: it waits, is tried again, and says so meanwhile.

The one home of the storage modules' patience with a database that is locked or a disk that is full
for a while. Where the bus has an outbox, it is the bus that repeats a message for as long as it
takes, and keeps it when the program is killed; here things wait in runs without one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from structlog.typing import FilteringBoundLogger

from spyoncino.clock import Clock
from spyoncino.errors import StorageError

T = TypeVar("T")

DRAIN_ATTEMPTS = 5


async def _nothing_more(_item: object) -> None:
    return


class Unsaved(Generic[T]):
    """Items by key, oldest first; a newer item of a key replaces one that still waits.

    Args:
        save: Writes one item; repeated until it succeeds, so it must bear being repeated.
        clock: What the pauses are waited with.
        retry_s: Pause between two tries.
        log: Told of each new reason, once.
        refusal: The line in the log when an item could not be saved.
        on_saved: Follows each success, once; its own failure is told and not repeated, but where
            the bus repeats it is a failure of the whole.
        is_repeated_by_bus: Raise what the disk refuses, so that the bus repeats the message.
    """

    def __init__(
        self,
        save: Callable[[T], Awaitable[None]],
        clock: Clock,
        retry_s: float,
        log: FilteringBoundLogger,
        refusal: str,
        on_saved: Callable[[T], Awaitable[None]] = _nothing_more,
        *,
        is_repeated_by_bus: bool = False,
    ) -> None:
        self._is_repeated_by_bus = is_repeated_by_bus
        self._save = save
        self._on_saved = on_saved
        self._clock = clock
        self._retry_s = retry_s
        self._log = log
        self._refusal = refusal
        self._waiting: dict[str, T] = {}
        self._saving = asyncio.Lock()
        self._retrying: asyncio.Task[None] | None = None
        self.last_error = ""

    def __len__(self) -> int:
        return max(len(self._waiting), int(bool(self.last_error)))

    def start(self, name: str) -> None:
        """Begin to retry what waits, in a task of this name."""
        if not self._is_repeated_by_bus:
            self._retrying = asyncio.create_task(self._retry_forever(), name=name)

    async def stop(self) -> None:
        """Stop retrying; what waits goes on waiting."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.gather(self._retrying, return_exceptions=True)

    async def add(self, key: str, item: T) -> None:
        """Save an item now, or keep it waiting behind those that cannot be saved.

        Raises:
            StorageError: It cannot be saved, and the bus repeats.
        """
        if self._is_repeated_by_bus:
            await self._try(key, item)
            return
        self._waiting[key] = item
        await self.save_waiting()

    async def save_waiting(self) -> None:
        """Try everything that waits, oldest first, up to the first refusal."""
        async with self._saving:
            for key, item in list(self._waiting.items()):
                try:
                    await self._try(key, item)
                except StorageError:
                    return

    async def _try(self, key: str, item: T) -> None:
        try:
            await self._save(item)
            if self._waiting.get(key) is item:
                del self._waiting[key]
            await self._on_saved(item)
        except StorageError as error:
            if str(error) != self.last_error:
                self._log.error(self._refusal, key=key, error=str(error))
            self.last_error = str(error)
            raise
        self.last_error = ""

    async def drain(self) -> bool:
        """Try a bounded number of times; whether everything is saved."""
        for _ in range(DRAIN_ATTEMPTS):
            await self.save_waiting()
            if not self._waiting:
                return True
            await self._clock.sleep(self._retry_s)
        return False

    async def _retry_forever(self) -> None:
        while True:
            await self._clock.sleep(self._retry_s)
            await self.save_waiting()
