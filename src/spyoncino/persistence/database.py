"""One SQLite file: opened safely, written by one writer at a time, read by many.

Write-ahead logging with ``synchronous=NORMAL``: a killed process loses nothing that was committed,
a power cut at most the last moments. Waiting for another program's lock is bounded by
``BUSY_TIMEOUT_S``; after that the caller gets one sentence, not a hang.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from spyoncino.errors import DamagedFileError, StorageError
from spyoncino.persistence.migrate import BUSY_TIMEOUT_S, upgrade

CLOSE_PATIENCE_S: Final = 5.0
"""So long the end waits for somebody who is reading or writing."""


class Database:
    """The database file of one data folder.

    Args:
        path: The SQLite file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine: AsyncEngine | None = None
        self._writer = asyncio.Lock()
        self._left: set[asyncio.Task[None]] = set()
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    async def open(self) -> None:
        """Check the file, bring it to the newest version, connect.

        Raises:
            StorageError: Corrupt, locked, from a newer program, or the disk is full.
        """
        with told_as_storage_error(self.path):
            await asyncio.to_thread(quick_check, self.path)
            await asyncio.to_thread(upgrade, self.path)
            self._engine = await asyncio.to_thread(_engine_for, self.path)

    async def close(self) -> None:
        """Close all connections, after whoever is using one; harmless when it is not open."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._unused.wait(), CLOSE_PATIENCE_S)
            await asyncio.gather(*self._left, return_exceptions=True)
            await engine.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction; committed at the end of the block, rolled back on an error.

        Raises:
            StorageError: The disk is full, the file is locked by another program or damaged.
        """
        engine = self._opened()
        with told_as_storage_error(self.path), self._in_use():
            async with (
                self._writer,
                self._connected(engine) as connection,
                connection.begin(),
            ):
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read from; sees what is committed.

        Raises:
            StorageError: The file is locked by another program or damaged.
        """
        engine = self._opened()
        with told_as_storage_error(self.path), self._in_use():
            async with self._connected(engine) as connection:
                yield connection

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """A connection of the pool; who is cut off while it is made leaves it closed.

        Making one takes several steps in a thread. Cut off in between, it stayed open, and with it
        the lock that it had on the file.
        """
        connecting = asyncio.ensure_future(engine.connect().start())
        try:
            connection = await asyncio.shield(connecting)
        except asyncio.CancelledError:
            self._close(_close_when_made(connecting))
            raise
        try:
            yield connection
        finally:
            await asyncio.shield(self._close(connection.close()))

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    def _close(self, closing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Close whatever becomes of who waits for it; the whole is closed after it only."""
        task = asyncio.create_task(closing)
        self._left.add(task)
        task.add_done_callback(self._left.discard)
        return task

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise StorageError(f"{self.path} is not open; this is a fault of the program")
        return self._engine


async def _close_when_made(connecting: asyncio.Future[AsyncConnection]) -> None:
    with suppress(SQLAlchemyError, sqlite3.Error):  # what was not made needs no closing
        await (await connecting).close()


@contextmanager
def told_as_storage_error(path: Path) -> Iterator[None]:
    """Turn the many database exceptions into one sentence each."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        sentence = _sentence(path, error)
        kind = DamagedFileError if " is damaged (" in sentence else StorageError
        raise kind(sentence) from error


def _sentence(path: Path, error: Exception) -> str:
    text = " ".join(str(getattr(error, "orig", None) or error).split())
    lowered = text.lower()
    if "locked" in lowered or "busy" in lowered:
        return (
            f"{path} is locked by another program for more than {BUSY_TIMEOUT_S:.0f} s; "
            "close the other program (or copy of Spyoncino) that has it open"
        )
    if "full" in lowered:
        return f"the disk that holds {path} is full; free some space, nothing committed is lost"
    if "malformed" in lowered or "not a database" in lowered or "corrupt" in lowered:
        return (
            f"{path} is damaged ({text}); move it aside and start again, "
            "or restore a backup: media files are not touched"
        )
    if "unable to open" in lowered or "readonly" in lowered:
        return f"{path} cannot be written ({text}); check the folder and its permissions"
    return f"{path}: the database refused ({text})"


def quick_check(path: Path) -> None:
    """Look whether a file is whole; one that does not exist is.

    Raises:
        DamagedFileError: It is not.
    """
    if not path.exists():
        return
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)
    try:
        answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    finally:
        connection.close()
    if answer != "ok":
        raise DamagedFileError(_sentence(path, sqlite3.DatabaseError(f"malformed: {answer}")))


def _engine_for(path: Path) -> AsyncEngine:
    """Looks at the file system, so it runs in a thread."""
    engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)))
    event.listen(engine.sync_engine, "connect", _configure_connection)
    return engine


def _configure_connection(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={int(BUSY_TIMEOUT_S * 1000)}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
