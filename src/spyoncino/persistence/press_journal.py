"""Presses on disk within a moment, also when the disk is full or the database locked.

A small file, allocated and written once in full, so that a later write needs no new room. Each
slot holds one press until it is safe elsewhere. A write is synced to the medium: it survives a
power cut.
"""

import os
import struct
import threading
import zlib
from pathlib import Path
from typing import NamedTuple

from spyoncino.errors import StorageError

SLOTS = 256
"""Presses that may be on their way: four minutes of pressing once a second at a locked database."""

SLOT_BYTES = 2048
_HEAD = struct.Struct("<4sHI")
_MAGIC = b"RING"
MAX_BODY_BYTES = SLOT_BYTES - _HEAD.size


class JournalPress(NamedTuple):
    """A press that a former run did not finish."""

    slot: int
    body: bytes


class PressJournal:
    """The file; its methods block and may be called from any thread.

    Args:
        path: The file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._free: list[int] = []
        self._lock = threading.Lock()

    def open(self) -> list[JournalPress]:
        """Open the file, or create it.

        Returns:
            What was not finished, in the order of the slots, which says nothing about time. It
            stays in the file until ``finish``.

        Raises:
            StorageError: It cannot be created or read.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._descriptor = descriptor
            missing = SLOTS * SLOT_BYTES - os.fstat(descriptor).st_size
            if missing > 0:
                os.pwrite(descriptor, bytes(missing), SLOTS * SLOT_BYTES - missing)
                os.fsync(descriptor)
            content = os.pread(descriptor, SLOTS * SLOT_BYTES, 0)
        except OSError as error:
            raise self._refusal(error) from error
        presses = []
        for slot in range(SLOTS):
            body = _body_of(content[slot * SLOT_BYTES : (slot + 1) * SLOT_BYTES])
            if body is None:
                self._free.append(slot)
            else:
                presses.append(JournalPress(slot, body))
        return presses

    def close(self) -> None:
        """Close the file; what is unfinished stays in it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def append(self, body: bytes) -> int:
        """Write and sync one press.

        Returns:
            Its slot, for ``finish``.

        Raises:
            StorageError: Every slot is taken, the body is too long or the disk refused.
        """
        if len(body) > MAX_BODY_BYTES:
            raise StorageError(f"a press of {len(body)} bytes does not fit into {self._path}")
        with self._lock:
            if not self._free:
                raise StorageError(f"{self._path} holds {SLOTS} presses that are not safe yet")
            slot = self._free.pop()
        record = _HEAD.pack(_MAGIC, len(body), zlib.crc32(body)) + body
        try:
            descriptor = self._opened()
            os.pwrite(descriptor, record, slot * SLOT_BYTES)
            os.fdatasync(descriptor)
        except OSError as error:
            with self._lock:
                self._free.append(slot)
            raise self._refusal(error) from error
        return slot

    def finish(self, slot: int) -> None:
        """The press of this slot is safe elsewhere; one that is repeated is recognised there."""
        try:
            os.pwrite(self._opened(), bytes(_HEAD.size), slot * SLOT_BYTES)
        except OSError as error:
            raise self._refusal(error) from error
        with self._lock:
            self._free.append(slot)

    def _opened(self) -> int:
        if self._descriptor is None:
            raise StorageError(f"{self._path} is not open; this is a fault of the program")
        return self._descriptor

    def _refusal(self, error: OSError) -> StorageError:
        return StorageError(f"{self._path} cannot be written ({error.strerror})")


def _body_of(record: bytes) -> bytes | None:
    """The body of a complete record; ``None`` for a free slot or one that was cut by a crash."""
    magic, length, checksum = _HEAD.unpack_from(record)
    body = record[_HEAD.size : _HEAD.size + length]
    is_whole = magic == _MAGIC and len(body) == length and zlib.crc32(body) == checksum
    return body if is_whole else None
