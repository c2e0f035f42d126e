"""The live view's own way to main, so that compressed video never holds up anything else.

A thread sends from a bounded queue over a socket of its own. While main is behind, what waits is
dropped and the way goes on with the next key frame.
"""

import contextlib
import socket
import threading
from collections import deque

from spyoncino.runtime.capture.messages import LiveFragment, LiveMessage
from spyoncino.runtime.message_pipe import packed

MAX_WAITING_BYTES = 16_000_000
"""A group of pictures of 10 s at 12 Mbit/s: it is sent at once when somebody begins to watch."""

CLOSE_S = 2.0
"""How long the thread may take to notice that its socket is closed."""


class LiveWay:
    """A bounded queue and the thread that empties it; ``send`` never waits.

    Args:
        end: A connected socket of a socket pair.
        max_waiting_bytes: Bytes of fragments that may wait.
    """

    def __init__(self, end: socket.socket, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._socket = end
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting: deque[LiveMessage] = deque()
        self._waiting_bytes = 0
        self._needs_key = False
        self._news = threading.Condition()
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self.sent = 0
        self.dropped = 0

    def send(self, message: LiveMessage) -> None:
        """Take a message; a fragment that main has no room for is dropped and counted."""
        with self._news:
            if self._is_closed:
                return
            if isinstance(message, LiveFragment):
                if not self._has_room_for(message):
                    self.dropped += 1
                    return
                self._waiting_bytes += len(message.data)
            else:
                self._needs_key = False
            self._waiting.append(message)
            self._news.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="live view", daemon=True)
            self._thread.start()

    def clear(self) -> None:
        """Forget what waits: nobody watches any more."""
        with self._news:
            self._waiting.clear()
            self._waiting_bytes = 0

    def close(self) -> None:
        """Stop, also in the middle of a message; may be called twice."""
        with self._news:
            self._is_closed = True
            self._news.notify()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(CLOSE_S)
        self._socket.close()

    def _has_room_for(self, fragment: LiveFragment) -> bool:
        """Whether a fragment may wait; a queue that overflows is emptied down to its headers."""
        if self._needs_key and not fragment.is_key:
            return False
        if self._waiting_bytes + len(fragment.data) > self._max_waiting_bytes:
            headers = [item for item in self._waiting if not isinstance(item, LiveFragment)]
            self.dropped += len(self._waiting) - len(headers)
            self._waiting = deque(headers[-1:])
            self._waiting_bytes = 0
            self._needs_key = True
            if not fragment.is_key or len(fragment.data) > self._max_waiting_bytes:
                return False
        self._needs_key = False
        return True

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # main is gone, which its own pipe tells
            while (message := self._next()) is not None:
                self._socket.sendall(packed(message))
                self.sent += isinstance(message, LiveFragment)

    def _next(self) -> LiveMessage | None:
        with self._news:
            while not self._waiting:
                if self._is_closed:
                    return None
                self._news.wait()
            message = self._waiting.popleft()
            if isinstance(message, LiveFragment):
                self._waiting_bytes -= len(message.data)
            return None if self._is_closed else message
