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
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import TypeVar

from spyoncino.errors import StorageError
from spyoncino.persistence.database import quick_check, told_as_storage_error
from spyoncino.persistence.migrate import BUSY_TIMEOUT_S
from spyoncino.persistence.outbox_rows import (
    FROM_VERSION_1,
    SCHEMA,
    DeadLetter,
    OutboxEntry,
    add_dead_letter,
    delete_dead_letters,
    delete_handled,
    empty_handled,
    read_dead_letters,
    revive_dead_letter,
)

T = TypeVar("T")

MAX_BATCH = 4096
"""Messages in one transaction at most: about 20 ms of writing."""

FLUSH_S = 0.05
"""Longest time that an acknowledgement waits for a commit; a crash repeats at most so much."""

MAX_LATE = 4096
"""Messages that wait for another try after a failed commit; beyond it the oldest stay unsafe."""

RESERVE_BYTES = 1_000_000
"""Room that is taken beforehand, so that messages still find some on a full disk: about a thousand
that nobody has handled."""

KEPT_HANDLED = 1_000
"""Handled messages that stay, so that a message published again under its id is recognised."""

_PRAGMAS = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;
"""
"""Messages name people: what is deleted is overwritten."""

_INSERT = "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, '')"
_ADVANCE = "UPDATE cursors SET seq = max(seq, ?) WHERE subscriber = ?"


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
        self._late: deque[OutboxEntry] = deque(maxlen=MAX_LATE)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def open(self) -> int:
        """Create or open the file and start the writer.

        Returns:
            The highest sequence number that was ever given to a message of this file.

        Raises:
            DamagedFileError: It is damaged; see ``put_aside``.
            StorageError: It cannot be opened.
        """
        with told_as_storage_error(self.path):
            quick_check(self.path)
            connection = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            connection.executescript(_PRAGMAS)
            if connection.execute("PRAGMA user_version").fetchone() == (1,):
                connection.executescript("".join(FROM_VERSION_1))
            connection.executescript(SCHEMA)
            highest = (
                "SELECT max(seq) FROM (SELECT seq FROM messages UNION SELECT seq FROM cursors)"
            )
            (head,) = connection.execute(highest).fetchone()
        _take_room(connection)
        self.path.chmod(0o600)
        self._thread = threading.Thread(
            target=self._write_on, args=(connection,), name="outbox", daemon=True
        )
        self._thread.start()
        return int(head or 0)

    def put_aside(self, now: datetime) -> str:
        """Rename a file that cannot be opened, so that a new one can be begun.

        Returns:
            The name it has now.

        Raises:
            StorageError: It cannot be renamed.
        """
        aside = self.path.with_name(f"{self.path.name}.damaged-{now:%Y%m%d-%H%M%S}")
        with told_as_storage_error(self.path):
            self.path.replace(aside)
            for ending in ("-wal", "-shm"):  # of the damaged file; a new one must not read them
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        return aside.name

    def close(self) -> None:
        """Write what waits, then close the file; may be called twice."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._work.put(_Mark.END)
        if thread is not None:
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
            self._cursors[subscriber] = max(seq, self._cursors.get(subscriber, seq))
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
            return delete_handled(connection, KEPT_HANDLED)

        return self._call(sweep)

    def scrub(self) -> "Future[None]":
        """Empty what everybody has handled, and the log, which may still hold it; take room anew.

        The log stays as it is while another program reads the file.
        """

        def scrub(connection: sqlite3.Connection) -> None:
            with _transaction(connection):
                empty_handled(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            _take_room(connection)

        return self._call(scrub, lambda _: contextlib.nullcontext())

    def bury(
        self, subscriber: str, entry: OutboxEntry, reason: str, attempts: int, died_at: str
    ) -> "Future[None]":
        """Put a message aside that a subscriber could not handle, and move its cursor past it."""
        letter = DeadLetter(
            0, entry.topic, subscriber, entry.event_id, entry.body, reason, attempts, died_at
        )

        def write(connection: sqlite3.Connection) -> None:
            add_dead_letter(connection, letter)
            connection.execute(_ADVANCE, (entry.seq, subscriber))

        return self._call(write)

    def dead_letters(self) -> "Future[list[DeadLetter]]":
        """Every dead letter, oldest first."""
        return self._call(read_dead_letters)

    def revive(self, number: int, seq: int) -> "Future[OutboxEntry | None]":
        """Make a dead letter a message again, for the one subscriber that could not handle it.

        Args:
            number: Of the dead letter.
            seq: Of the message; a new one.

        Returns:
            The message; ``None`` when there is no such dead letter.
        """
        return self._call(lambda connection: revive_dead_letter(connection, number, seq))

    def drop_dead_letters(self, numbers: Sequence[int]) -> "Future[int]":
        """Delete dead letters; how many there were."""
        return self._call(lambda connection: delete_dead_letters(connection, numbers))

    def _call(
        self,
        function: Callable[[sqlite3.Connection], T],
        around: Callable[[sqlite3.Connection], AbstractContextManager[None]] | None = None,
    ) -> "Future[T]":
        inside = _transaction if around is None else around
        answer: Future[T] = Future()

        def run(connection: sqlite3.Connection) -> None:
            if not answer.set_running_or_notify_cancel():
                return  # whoever asked has gone
            try:
                with told_as_storage_error(self.path), inside(connection):
                    result = function(connection)
            except StorageError as error:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        with self._lock:
            is_open = self._thread is not None
            if is_open:
                self._work.put(_Call(run))
        if not is_open:
            answer.set_exception(StorageError(f"{self.path} is not open"))
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
        """Write messages and cursors, and what an earlier commit could not write."""
        with self._lock:
            cursors, self._cursors = self._cursors, {}
        late = list(self._late)
        if not entries and not cursors and not late:
            return
        error: StorageError | None = None
        try:
            self._try_commit(connection, [*late, *entries], cursors)
        except StorageError as failure:
            error = failure
            self._late.extend(entry for entry in entries if not entry.is_duplicate)
            with self._lock:  # what was acknowledged meanwhile is newer
                self._cursors = cursors | self._cursors
        else:
            self._late.clear()
            for entry in (*late, *entries):
                entry.is_written = True
        if entries:
            self._on_written(entries, error)

    def _try_commit(
        self, connection: sqlite3.Connection, entries: list[OutboxEntry], cursors: dict[str, int]
    ) -> None:
        """Twice: on a full disk, a checkpoint makes the room usable that was taken beforehand."""

        def write() -> None:
            with told_as_storage_error(self.path), _transaction(connection):
                for entry in entries:
                    done = connection.execute(
                        _INSERT, (entry.seq, entry.topic, entry.event_id, entry.body)
                    )
                    entry.is_duplicate = done.rowcount == 0
                connection.executemany(_ADVANCE, [(seq, name) for name, seq in cursors.items()])

        try:
            write()
        except StorageError:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(RESTART)")
            write()


def _take_room(connection: sqlite3.Connection) -> None:
    """Leave free pages in the file and its log; a disk without room for them loses none."""
    kept = "RESTART"
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS room (taken BLOB)")
        connection.execute("INSERT INTO room VALUES (zeroblob(?))", (RESERVE_BYTES,))
        connection.execute("DROP TABLE room")
    except sqlite3.Error:
        kept = "TRUNCATE"
    with contextlib.suppress(sqlite3.Error):
        connection.execute(f"PRAGMA wal_checkpoint({kept})")


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
