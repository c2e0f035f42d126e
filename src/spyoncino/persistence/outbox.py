"""Critical messages on disk: one file, one writer thread, group commit.

A message is in the file before it counts as published and stays until every subscriber that was
meant has handled it. What a subscriber has handled is one number, its *cursor*: subscribers handle
messages in the order of their sequence numbers, so everything up to the cursor is done. That makes
an acknowledgement one row for each subscriber and commit, however many messages it covers.

Commits use write-ahead logging with ``synchronous=NORMAL``: a killed process loses nothing, a power
cut at most the last second. The file is apart from the event database, so that a long write or a
lock there holds up no message here.
"""

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TypeVar

from spyoncino.errors import StorageError
from spyoncino.persistence.database import told_as_storage_error
from spyoncino.persistence.migrate import BUSY_TIMEOUT_S

T = TypeVar("T")

MAX_BATCH = 4096
"""Messages in one transaction at most: about 20 ms of writing."""

FLUSH_S = 0.05
"""Longest time that an acknowledgement waits for a commit; a crash repeats at most so much."""

KEPT_HANDLED = 1_000
"""Handled messages that stay, so that a message published again under its id is recognised."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, event_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL,
    only_for TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS cursors (subscriber TEXT PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, subscriber TEXT NOT NULL, event_id TEXT NOT NULL,
    body BLOB NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL, died_at TEXT NOT NULL
);
PRAGMA user_version = 1;
"""

_INSERT = "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, '')"
_ADVANCE = "UPDATE cursors SET seq = max(seq, ?) WHERE subscriber = ?"


@dataclass(slots=True)
class OutboxEntry:
    """One message as it lies in the file.

    Args:
        seq: Its number; rises with every message for the life of the file.
        topic: Full name of its topic.
        event_id: Unique id of the message; a second one with the same id is not taken.
        body: The payload as JSON.
        only_for: The one subscriber that it is for; empty for all that take the topic.
        is_duplicate: Set by the writer: the id is in the file already.
        is_written: Set by the writer: the file has it.
    """

    seq: int
    topic: str
    event_id: str
    body: bytes
    only_for: str = ""
    is_duplicate: bool = False
    is_written: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that one subscriber could not handle.

    Args:
        number: What it is called by.
        topic: Full name of its topic.
        subscriber: Who could not handle it.
        event_id: Id of the message.
        body: The payload as JSON.
        reason: Why, a sentence.
        attempts: How often it was tried.
        died_at: UTC time, ISO 8601.
    """

    number: int
    topic: str
    subscriber: str
    event_id: str
    body: bytes
    reason: str
    attempts: int
    died_at: str


Written = Callable[[list[OutboxEntry], StorageError | None], None]


class OutboxFile:
    """The file and its writer thread; every method may be called from any thread.

    Args:
        path: The SQLite file; its folder must exist.
        on_written: Called in the writer's thread with the entries of each commit, in order, or with
            the error that kept them out of the file.
    """

    def __init__(self, path: Path, on_written: Written) -> None:
        self.path = path
        self._on_written = on_written
        self._work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._cursors: dict[str, int] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def open(self) -> int:
        """Create or open the file and start the writer.

        Returns:
            The highest sequence number that was ever given to a message of this file.

        Raises:
            StorageError: The file cannot be opened or is damaged.
        """
        with told_as_storage_error(self.path):
            connection = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
            connection.executescript(_SCHEMA)
            highest = (
                "SELECT max(seq) FROM (SELECT seq FROM messages UNION SELECT seq FROM cursors)"
            )
            (head,) = connection.execute(highest).fetchone()
        self.path.chmod(0o600)
        self._thread = threading.Thread(
            target=self._write_on, args=(connection,), name="outbox", daemon=True
        )
        self._thread.start()
        return int(head or 0)

    def close(self) -> None:
        """Write what waits, then close the file; may be called twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._work.put(_Mark.END)
            thread.join()

    def append(self, entry: OutboxEntry) -> None:
        """Have a message written; ``on_written`` tells when it is in the file.

        Each publisher waits for its own message, so no more wait here than there are publishers.
        """
        self._work.put(entry)

    def acknowledge(self, subscriber: str, seq: int) -> None:
        """Everything up to this number is handled; written within ``FLUSH_S``."""
        with self._lock:
            is_first = not self._cursors
            self._cursors[subscriber] = seq
        if is_first:
            self._work.put(_Mark.ACKNOWLEDGED)

    def begin(self, subscriber: str, seq: int) -> "Future[int]":
        """The cursor of a subscriber; one that is new starts at ``seq``."""

        def read(connection: sqlite3.Connection) -> int:
            insert = "INSERT OR IGNORE INTO cursors VALUES (?, ?)"
            connection.execute(insert, (subscriber, seq))
            select = "SELECT seq FROM cursors WHERE subscriber = ?"
            return int(connection.execute(select, (subscriber,)).fetchone()[0])

        return self._call(read)

    def between(self, after: int, until: int, limit: int) -> "Future[list[OutboxEntry]]":
        """Messages with ``after < seq <= until``, in order, at most ``limit``."""

        def read(connection: sqlite3.Connection) -> list[OutboxEntry]:
            select = (
                "SELECT seq, topic, event_id, body, only_for FROM messages "
                "WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
            )
            return [OutboxEntry(*row) for row in connection.execute(select, (after, until, limit))]

        return self._call(read)

    def collect(self, live: dict[str, int], known: Iterable[str] | None = None) -> "Future[int]":
        """Move cursors of subscribers that wait for nothing, and delete what everybody has handled.

        Args:
            live: Subscriber to the number up to which it has nothing left to handle.
            known: When given, cursors of all other subscribers are forgotten.

        Returns:
            How many messages are in the file afterwards.
        """
        names = None if known is None else frozenset(known)

        def sweep(connection: sqlite3.Connection) -> int:
            if names is not None:
                for (name,) in connection.execute("SELECT subscriber FROM cursors").fetchall():
                    if name not in names:
                        connection.execute("DELETE FROM cursors WHERE subscriber = ?", (name,))
            connection.executemany(_ADVANCE, [(seq, name) for name, seq in live.items()])
            connection.execute(
                "DELETE FROM messages WHERE seq <= (SELECT min(seq) FROM cursors) "
                "AND seq <= (SELECT max(seq) FROM messages) - ?",
                (KEPT_HANDLED,),
            )
            return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])

        return self._call(sweep)

    def bury(
        self, subscriber: str, entry: OutboxEntry, reason: str, attempts: int, died_at: str
    ) -> "Future[None]":
        """Put a message aside that a subscriber could not handle, and move its cursor past it."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO dead_letters VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                (entry.topic, subscriber, entry.event_id, entry.body, reason, attempts, died_at),
            )
            connection.execute(_ADVANCE, (entry.seq, subscriber))

        return self._call(write)

    def dead_letters(self) -> "Future[list[DeadLetter]]":
        """Every dead letter, oldest first."""

        def read(connection: sqlite3.Connection) -> list[DeadLetter]:
            select = (
                "SELECT id, topic, subscriber, event_id, body, reason, attempts, died_at "
                "FROM dead_letters ORDER BY id"
            )
            return [DeadLetter(*row) for row in connection.execute(select)]

        return self._call(read)

    def revive(self, number: int, seq: int) -> "Future[OutboxEntry | None]":
        """Make a dead letter a message again, for the one subscriber that could not handle it.

        Args:
            number: Of the dead letter.
            seq: Of the message; a new one.

        Returns:
            The message; ``None`` when there is no such dead letter.
        """

        def write(connection: sqlite3.Connection) -> OutboxEntry | None:
            select = "SELECT topic, event_id, body, subscriber FROM dead_letters WHERE id = ?"
            row = connection.execute(select, (number,)).fetchone()
            if row is None:
                return None
            topic, event_id, body, subscriber = row
            again = f"{event_id}#{number}"  # the message itself may still be in the file
            connection.execute(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?)", (seq, topic, again, body, subscriber)
            )
            connection.execute("DELETE FROM dead_letters WHERE id = ?", (number,))
            return OutboxEntry(seq, topic, event_id, body, subscriber, is_written=True)

        return self._call(write)

    def drop_dead_letters(self, numbers: Sequence[int]) -> "Future[int]":
        """Delete dead letters; how many there were."""

        def write(connection: sqlite3.Connection) -> int:
            rows = [(number,) for number in numbers]
            done = connection.executemany("DELETE FROM dead_letters WHERE id = ?", rows)
            return done.rowcount

        return self._call(write)

    def _call(self, function: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        answer: Future[T] = Future()

        def run(connection: sqlite3.Connection) -> None:
            try:
                with told_as_storage_error(self.path), _transaction(connection):
                    result = function(connection)
            except StorageError as error:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        if self._thread is None:
            answer.set_exception(StorageError(f"{self.path} is not open"))
        else:
            self._work.put(_Call(run))
        return answer

    def _write_on(self, connection: sqlite3.Connection) -> None:
        """The writer: everything in the order in which it was asked for."""
        with contextlib.closing(connection):
            is_open = True
            while is_open:
                entries: list[OutboxEntry] = []
                for work in self._next_batch():
                    if isinstance(work, OutboxEntry):
                        entries.append(work)
                        continue
                    self._commit(connection, entries)
                    entries = []
                    if isinstance(work, _Call):
                        work.run(connection)
                    elif work is _Mark.END:
                        is_open = False
                self._commit(connection, entries)

    def _next_batch(self) -> list["_Work"]:
        """Wait for work, then take what has gathered; acknowledgements alone wait a little."""
        batch = [self._work.get()]
        if batch[0] is _Mark.ACKNOWLEDGED:
            with contextlib.suppress(queue.Empty):
                batch.append(self._work.get(timeout=FLUSH_S))
        with contextlib.suppress(queue.Empty):
            while len(batch) < MAX_BATCH:
                batch.append(self._work.get_nowait())
        return batch

    def _commit(self, connection: sqlite3.Connection, entries: list[OutboxEntry]) -> None:
        with self._lock:
            cursors, self._cursors = self._cursors, {}
        if not entries and not cursors:
            return
        error: StorageError | None = None
        try:
            with told_as_storage_error(self.path), _transaction(connection):
                for entry in entries:
                    done = connection.execute(
                        _INSERT, (entry.seq, entry.topic, entry.event_id, entry.body)
                    )
                    entry.is_duplicate = done.rowcount == 0
                connection.executemany(_ADVANCE, [(seq, name) for name, seq in cursors.items()])
        except StorageError as failure:
            error = failure
            with self._lock:  # what was acknowledged meanwhile is newer
                self._cursors = cursors | self._cursors
        if entries:
            for entry in entries:
                entry.is_written = error is None
            self._on_written(entries, error)


@dataclass(frozen=True, slots=True)
class _Call:
    """Something to do with the connection, in its turn."""

    run: Callable[[sqlite3.Connection], None]


class _Mark(Enum):
    ACKNOWLEDGED = auto()
    END = auto()


_Work = OutboxEntry | _Call | _Mark


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise
