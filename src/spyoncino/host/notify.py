"""Tells the service manager how the program is doing: ready, alive, stopping (sd_notify(3)).

One datagram on a local socket for each message; no library is needed. Without a service manager
nothing is sent.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Self

BEATS_PER_WATCHDOG = 3
"""sd_watchdog_enabled(3) advises every half of the time; three leave room for one late beat."""


class ServiceManager:
    """The one who started this process, if that was a service manager.

    Args:
        address: Its socket: a path, or an abstract name that begins with ``@``; empty: nobody.
        watchdog_s: It expects a sign of life this often; 0: it does not.
    """

    def __init__(self, address: str = "", watchdog_s: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = watchdog_s

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Self:
        """As ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` say.

        Args:
            variables: The process's own when not given.
        """
        known = os.environ if variables is None else variables
        expected = known.get("WATCHDOG_USEC", "")
        is_ours = known.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog_s = int(expected) / 1e6 if expected.isdigit() and is_ours else 0.0
        return cls(known.get("NOTIFY_SOCKET", ""), watchdog_s)

    def tell(self, *messages: str) -> bool:
        """Send messages such as ``READY=1``.

        Returns:
            Whether they were sent; a socket that is full or gone is no reason to stop working.
        """
        if not self._address:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setblocking(False)
            try:
                line.sendto("\n".join(messages).encode(), self._address)
            except OSError:
                return False
        return True

    async def keep_alive(self) -> None:
        """Send signs of life from the event loop until cancelled; a loop that hangs sends none.

        Returns at once where nobody expects them.
        """
        while self.watchdog_s > 0:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / BEATS_PER_WATCHDOG)
