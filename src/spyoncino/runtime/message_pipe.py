"""Whole Python values over a socket pair, so that neither side can stall the other's loop.

A message is four bytes of length and a pickle. A standard pipe's ``recv`` blocks when a message has
only half arrived, for instance from a process that was stopped while it wrote; here the reader
keeps the half and goes on.
"""

import pickle
import select
import socket
import struct
import threading
from typing import Any

_LENGTH = struct.Struct("!I")
_READ_BYTES = 65536
SEND_TIMEOUT_S = 30.0
"""A child that cannot get rid of a message for this long has lost its main."""


class PipeClosedError(Exception):
    """The other side is gone."""


class Unpacker:
    """Turns pieces of a byte stream into messages."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, piece: bytes) -> list[Any]:
        """Messages that are complete with this piece, in order."""
        self._data += piece
        messages: list[Any] = []
        start = 0
        while len(self._data) - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._data, start)
            end = start + _LENGTH.size + size
            if end > len(self._data):
                break
            # Only this program's own processes hold the other end of the socket pair.
            body = bytes(self._data[start + _LENGTH.size : end])
            messages.append(pickle.loads(body))  # noqa: S301
            start = end
        del self._data[:start]
        return messages


def packed(message: object) -> bytes:
    """A message as it travels."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


class ChildPipe:
    """The child's end: sends from any thread, reads in the thread of its loop.

    Args:
        end: A connected socket of a socket pair.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._socket.settimeout(SEND_TIMEOUT_S)
        self._unpacker = Unpacker()
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        """Send one message; waits while main is behind.

        Raises:
            PipeClosedError: Main is gone, or did not read for ``SEND_TIMEOUT_S``.
        """
        try:
            with self._lock:
                self._socket.sendall(packed(message))
        except OSError as error:
            raise PipeClosedError from error

    def receive(self, timeout_s: float) -> list[Any]:
        """Messages that have arrived; waits up to ``timeout_s`` for the first.

        Raises:
            PipeClosedError: Main is gone.
        """
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return []
        try:
            piece = self._socket.recv(_READ_BYTES)
        except OSError as error:
            raise PipeClosedError from error
        if not piece:
            raise PipeClosedError
        return self._unpacker.feed(piece)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


class MainPipe:
    """Main's end: never blocks.

    Args:
        end: A connected socket of a socket pair.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._socket.setblocking(False)
        self._unpacker = Unpacker()
        self._unsent = bytearray()

    def fileno(self) -> int:
        """The descriptor an event loop waits on."""
        return self._socket.fileno()

    @property
    def has_unsent(self) -> bool:
        """Whether the child is behind with reading."""
        return bool(self._unsent)

    def send(self, message: object) -> None:
        """Send one message, or keep what the child does not take yet for the next call.

        Raises:
            PipeClosedError: The child is gone.
        """
        self._unsent += packed(message)
        self.flush()

    def flush(self) -> None:
        """Send as much of the unsent as the child takes.

        Raises:
            PipeClosedError: The child is gone.
        """
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError as error:
            raise PipeClosedError from error

    def receive(self) -> list[Any]:
        """Messages that have arrived; none when there is nothing to read.

        Raises:
            PipeClosedError: The child is gone and everything it sent was read.
        """
        try:
            piece = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            raise PipeClosedError from error
        if not piece:
            raise PipeClosedError
        return self._unpacker.feed(piece)

    def close(self) -> None:
        """Close this end; the child notices."""
        self._socket.close()


def socket_pair() -> tuple[MainPipe, socket.socket]:
    """Main's end, and the raw end to hand to a child process."""
    main_end, child_end = socket.socketpair()
    return MainPipe(main_end), child_end
