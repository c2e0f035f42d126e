"""One SQLite file: opened safely, written by one writer at a time, read by many.

Write-ahead logging with ``synchronous=NORMAL``: a killed process loses nothing that was committed,
a power cut at most the last moments. Waiting for another program's lock is bounded by
``BUSY_TIMEOUT_S``; after that the caller gets one sentence, not a hang.

A statement is carried out whole in a thread, its rows included. On a busy machine the way to a
thread and back costs far more than the statement, so each statement goes it once.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar, TypeVarTuple, overload

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Executable,
    Result,
    create_engine,
    event,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.selectable import TypedReturnsRows

from spyoncino.errors import DamagedFileError, StorageError
from spyoncino.persistence.migrate import BUSY_TIMEOUT_S, upgrade

CLOSE_PATIENCE_S: Final = 5.0
"""So long the end waits for somebody who is reading or writing."""

READERS: Final = 4
"""Statements that read at a time; others wait for their turn."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Work = Callable[[Connection], Any]
Rows = Sequence[Mapping[str, Any]]


class Statements:
    """Carries out the statements of one block of reading or writing.

    Args:
        carry_out: Runs a function of a connection where there is one.
    """

    def __init__(self, carry_out: Callable[[Work], Awaitable[Any]]) -> None:
        self._carry_out = carry_out

    @overload
    async def execute(self, statement: TypedReturnsRows[*Ts]) -> Result[*Ts]: ...

    @overload
    async def execute(
        self, statement: Executable, rows: Rows | None = None
    ) -> Result[*tuple[Any, ...]]: ...

    async def execute(self, statement: Executable, rows: Rows | None = None) -> Any:
        """Carry out a statement, with ``rows`` once for each; what it found is in memory."""
        return await self._carry_out(lambda each: _found(each, statement, rows))

    async def changed(self, statement: Executable) -> int:
        """Carry out a statement; how many rows it changed."""
        count: int = await self._carry_out(lambda each: each.execute(statement).rowcount)
        return count


class Database:
    """The database file of one data folder.

    Args:
        path: The SQLite file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: _OpenFile | None = None
        self._writer = asyncio.Lock()
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
            self._file = await asyncio.to_thread(_OpenFile, self.path)

    async def close(self) -> None:
        """Close all connections, after whoever is using one; harmless when it is not open."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._unused.wait(), CLOSE_PATIENCE_S)
            await asyncio.to_thread(file.close)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Statements]:
        """One transaction; committed at the end of the block, rolled back on an error.

        Raises:
            StorageError: The disk is full, the file is locked by another program or damaged.
        """
        file = self._opened()
        with told_as_storage_error(self.path), self._in_use():
            async with self._writer:
                transaction = _Transaction(file)
                try:
                    yield Statements(lambda work: _run(file.writer, transaction.do, work))
                except BaseException:
                    # Whoever is cut off does not wait for it; the next one's turn is after it.
                    await asyncio.shield(_run(file.writer, transaction.end, False))
                    raise
                await asyncio.shield(_run(file.writer, transaction.end, True))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Statements]:
        """What reads; each statement sees what is committed.

        Raises:
            StorageError: The file is locked by another program or damaged.
        """
        file = self._opened()
        with told_as_storage_error(self.path), self._in_use():
            yield Statements(lambda work: _run(file.readers, file.read, work))

    async def empty_log(self) -> bool:
        """Empty the write-ahead log, which may still hold what was changed or deleted.

        Returns:
            False when somebody was reading the file; some of the log is then still there.

        Raises:
            StorageError: The disk is full or the file is damaged.
        """
        file = self._opened()
        with told_as_storage_error(self.path), self._in_use():
            async with self._writer:
                return await asyncio.shield(_run(file.writer, _empty_log, file.engine))

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

    def _opened(self) -> "_OpenFile":
        if self._file is None:
            raise StorageError(f"{self.path} is not open; this is a fault of the program")
        return self._file


class _OpenFile:
    """Connections, and the threads that use them: one writes, some read."""

    def __init__(self, path: Path) -> None:
        self.engine = create_engine(
            URL.create("sqlite", database=str(path)), connect_args={"check_same_thread": False}
        )
        event.listen(self.engine, "connect", _configure_connection)
        self.writer = ThreadPoolExecutor(1, "database writer")
        self.readers = ThreadPoolExecutor(READERS, "database reader")
        self.begun: _Transaction | None = None
        """The transaction that has a connection: one at a time."""

    def read(self, work: Work) -> Any:
        """Runs in a thread that reads."""
        with self.engine.connect() as connection:
            return work(connection)

    def close(self) -> None:
        """Wait for what the threads have begun, roll back the rest, close all connections."""
        self.writer.shutdown()
        self.readers.shutdown()
        if self.begun is not None:  # of somebody who took too long
            self.begun.end(is_good=False)
        self.engine.dispose()


class _Transaction:
    """All of it runs in the thread that writes, one after the other."""

    def __init__(self, file: _OpenFile) -> None:
        self._file = file
        self._connection: Connection | None = None

    def do(self, work: Work) -> Any:
        """One statement; the first begins the transaction."""
        if self._connection is None:
            self._connection = self._file.engine.connect()
            self._file.begun = self
        return work(self._connection)

    def end(self, is_good: bool) -> None:
        """Commit or roll back."""
        self._file.begun = None
        if self._connection is not None:
            with self._connection as connection:
                if is_good:
                    connection.commit()


def _empty_log(engine: Engine) -> bool:
    with engine.connect() as connection:
        answer = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return not answer[0]


def _run(threads: ThreadPoolExecutor, work: Callable[[T], Any], of: T) -> asyncio.Future[Any]:
    """Hand over at once: whoever is cut off next has its transaction ended none the less."""
    try:
        return asyncio.get_running_loop().run_in_executor(threads, work, of)
    except RuntimeError as error:  # it was closed under somebody who took too long
        raise StorageError("the database was closed in the midst of it") from error


def _found(connection: Connection, statement: Executable, rows: Rows | None) -> Any:
    found = connection.execute(statement, rows)
    return found.freeze()() if found.returns_rows else found


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


def _configure_connection(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={int(BUSY_TIMEOUT_S * 1000)}",
        "foreign_keys=ON",
        "secure_delete=ON",  # rows name people, also those who are deleted
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
