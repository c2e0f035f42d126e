"""The file of people: private, whole after a kill at any moment, and without traces of the deleted.

Readable by this user only. Deleted bytes are overwritten (``secure_delete``); what SQLite might
still hold of them elsewhere in the file is removed by ``scrub``. That it is due is itself a row,
so a kill in between only puts it off to the next opening.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from spyoncino.errors import DamagedFileError, StorageError
from spyoncino.persistence.database import quick_check, told_as_storage_error
from spyoncino.persistence.migrate import BUSY_TIMEOUT_S
from spyoncino.persistence.people_cipher import Cipher, KeyCipher, NoCipher
from spyoncino.persistence.people_schema import upgrade_people

FOLDER_MODE = 0o700
FILE_MODE = 0o600

KEY_CHECK = "key_check"
"""A known text, sealed: tells a wrong key before anything is read with it."""

SCRUB_DUE = "scrub_due"

_CHECK_TEXT = b"spyoncino gallery"

SEALED = (
    ("faces", "id", "encoding"),
    ("faces", "id", "metadata"),
    ("faces", "id", "crop"),
    ("sightings", "id", "vector"),
    ("sightings", "id", "crop"),
)
"""Table, key and column of everything that is encrypted."""


class PeopleFile:
    """One connection to the file; calls from several threads wait for each other.

    Args:
        path: The SQLite file; it and its folder are made where missing.
        key: For an encrypted one; a new file is encrypted with it from its first row.
        is_reader: Another process owns the file; nothing is written.

    Raises:
        DamagedFileError: It is damaged.
        StorageError: The key does not fit, another program has it locked, or the disk refuses.
    """

    def __init__(self, path: Path, key: bytes | None = None, *, is_reader: bool = False) -> None:
        self.path = path
        self.cipher: Cipher = NoCipher()
        self._lock = threading.RLock()
        with told_as_storage_error(path):
            _make_private(path)
            quick_check(path)
            self._connection = _connect(path)
            if is_reader:
                self._connection.execute("PRAGMA query_only=ON")
        try:
            with told_as_storage_error(path):
                upgrade_people(self._connection, path)
            self.cipher = self._cipher_for(key)
            if not is_reader and self._property(SCRUB_DUE) is not None:
                self.scrub()
        except BaseException:
            self._connection.close()
            raise

    @property
    def is_encrypted(self) -> bool:
        """Faces are sealed with a key."""
        return not isinstance(self.cipher, NoCipher)

    def close(self) -> None:
        """Close the file; harmless when it is closed already."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection, for statements that only read.

        Raises:
            StorageError: Another program has it locked, or it is damaged.
        """
        with self._lock, told_as_storage_error(self.path):
            yield self._connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction; undone as a whole when the block raises.

        Raises:
            StorageError: The disk is full, another program has it locked, or it is damaged.
        """
        with self._lock, told_as_storage_error(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has ended it by itself
                    self._connection.execute("ROLLBACK")
                raise

    def opened(self, sealed: bytes | str, purpose: str) -> bytes:
        """A value as it was before it was sealed.

        Raises:
            DamagedFileError: Its bytes were changed.
        """
        data = sealed.encode() if isinstance(sealed, str) else sealed
        try:
            return self.cipher.open(data, purpose)
        except ValueError as error:
            raise DamagedFileError(
                f"{self.path} is damaged ({purpose} cannot be decrypted); restore a backup"
            ) from error

    def scrub(self) -> bool:
        """Remove what the file might still hold of deleted rows, in unused parts and in its log.

        Returns:
            False when another program was reading the file; the next opening tries again.
        """
        with self._lock, told_as_storage_error(self.path):
            self._connection.execute("VACUUM")
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                return False
            self._connection.execute("DELETE FROM properties WHERE name = ?", (SCRUB_DUE,))
            return True

    def reseal(self, key: bytes | None) -> int:
        """Encrypt everything with another key, or with none; all of it or nothing.

        Returns:
            How many values were rewritten.

        Raises:
            DamagedFileError: A value cannot be read with the key that holds now.
            StorageError: The disk refused; nothing has changed.
        """
        fresh: Cipher = NoCipher() if key is None else KeyCipher(key)
        count = 0
        with self.write() as connection:
            for table, number, column in SEALED:
                purpose = f"{table}.{column}"
                select = f"SELECT {number} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608
                for (row,) in connection.execute(select).fetchall():
                    one = f"SELECT {column} FROM {table} WHERE {number} = ?"  # noqa: S608
                    (sealed,) = connection.execute(one, (row,)).fetchone()
                    written = fresh.seal(self.opened(sealed, purpose), purpose)
                    is_text = column == "metadata" and key is None
                    value = written.decode() if is_text else written
                    update = f"UPDATE {table} SET {column} = ? WHERE {number} = ?"  # noqa: S608
                    connection.execute(update, (value, row))
                    count += 1
            if key is None:
                connection.execute("DELETE FROM properties WHERE name = ?", (KEY_CHECK,))
            else:
                _set(connection, KEY_CHECK, fresh.seal(_CHECK_TEXT, KEY_CHECK))
            _set(connection, SCRUB_DUE, b"1")
        self.cipher = fresh
        self.scrub()
        return count

    def backup(self, target: Path) -> None:
        """Copy the file while it is in use; the copy is private and encrypted like this one.

        Raises:
            StorageError: The disk refused.
        """
        with told_as_storage_error(target):
            _make_private(target)
            with self._lock, closing(sqlite3.connect(target)) as copy:
                self._connection.backup(copy)

    def _cipher_for(self, key: bytes | None) -> Cipher:
        check = self._property(KEY_CHECK)
        if check is None:
            if key is None:
                return NoCipher()
            if self._holds_faces():
                raise StorageError(
                    f"{self.path} is not encrypted yet; run `spyoncino faces encrypt KEY-FILE`, "
                    "or leave gallery.key_file out"
                )
            cipher = KeyCipher(key)
            with self.write() as connection:
                _set(connection, KEY_CHECK, cipher.seal(_CHECK_TEXT, KEY_CHECK))
            return cipher
        if key is None:
            raise StorageError(f"{self.path} is encrypted; name its key file in gallery.key_file")
        cipher = KeyCipher(key)
        try:
            cipher.open(check, KEY_CHECK)
        except ValueError as error:
            raise StorageError(
                f"{self.path} is encrypted with another key; nothing was changed: "
                "name the right key file in gallery.key_file"
            ) from error
        return cipher

    def _holds_faces(self) -> bool:
        with self.read() as connection:
            query = "SELECT EXISTS (SELECT 1 FROM faces) OR EXISTS (SELECT 1 FROM sightings)"
            return bool(connection.execute(query).fetchone()[0])

    def _property(self, name: str) -> bytes | None:
        with self.read() as connection:
            query = "SELECT value FROM properties WHERE name = ?"
            row = connection.execute(query, (name,)).fetchone()
        return None if row is None else bytes(row[0])


def mark_scrub_due(connection: sqlite3.Connection) -> None:
    """Within a transaction that deletes: have its traces removed, if need be at the next start."""
    _set(connection, SCRUB_DUE, b"1")


def _set(connection: sqlite3.Connection, name: str, value: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO properties VALUES (?, ?)", (name, value))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # few writes, each of them somebody's work
        "foreign_keys=ON",
        "secure_delete=ON",
        "temp_store=MEMORY",  # no face may pass through a folder that others can read
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _make_private(path: Path) -> None:
    """Make the folder and the file with their rights, before SQLite writes a byte.

    Its side files (``-wal``, ``-shm``) take over those of the file.
    """
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    for each in (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm"))):
        with suppress(FileNotFoundError):
            each.chmod(FILE_MODE)
