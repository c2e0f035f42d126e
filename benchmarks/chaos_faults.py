"""What may break in the chaos run: processes, modules, the database, the disk, cameras, time.

Each fault breaks something for real and says how to see that it works again, and since when it
could: from the moment at which the fault ended (room on the disk, pictures from the camera) or,
where it does not end by itself, began.
"""

import random
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field

from chaos_house import House

FULL_FOR_S = LOCKED_FOR_S = LOST_FOR_S = 6.0

JUMPS_S = (3600, -3600, 90, -90, 0)
"""Where the wall clock may jump, from the machine's: a summer time that somebody set by hand, a
correction of a clock that ran wrong, and back."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault that is done.

    Args:
        works: Whether what it hit works again.
        since_s: Monotonic time from which recovery counts.
    """

    works: Callable[[], bool]
    since_s: float = field(default_factory=time.monotonic)


Fault = Callable[[], Broken]


class Faults:
    """Each method breaks something."""

    def __init__(self, house: House, chance: random.Random) -> None:
        self._house = house
        self._chance = chance

    def kinds(self, *, has_disk: bool) -> Mapping[str, Fault]:
        """Name to fault, as far as this machine can do them."""
        kinds: dict[str, Fault] = {
            "capture process killed": lambda: self._child("captures", signal.SIGKILL),
            "capture process frozen": lambda: self._child("captures", signal.SIGSTOP),
            "worker killed": lambda: self._child("workers", signal.SIGKILL),
            "worker frozen": lambda: self._child("workers", signal.SIGSTOP),
            "module raises in its handler": lambda: self._order("raise"),
            "module hangs in health": lambda: self._order("hang"),
            "module breaks its contract": lambda: self._order("lie"),
            "event loop blocked": self._block,
            "database locked": self._lock,
            "camera without pictures": self._lose_pictures,
            "main killed": self._kill_main,
        }
        if self._house.outside.rtsp is not None:
            kinds["RTSP server killed"] = self._kill_server
        if self._house.clock.can_jump:
            kinds["wall clock jumps"] = self._jump
        if has_disk:
            kinds["disk full"] = self._fill
        return kinds

    def _child(self, kind: str, number: signal.Signals) -> Broken:
        children = getattr(self._house.running, kind)()
        if not children:
            return Broken(lambda: False)
        victim = self._chance.choice(sorted(children, key=lambda child: child.pid))
        victim.send_signal(number)

        def is_replaced() -> bool:
            now = {child.pid for child in getattr(self._house.running, kind)()}
            return victim.pid not in now and len(now) >= len(children) and self._house.all_live()

        return Broken(is_replaced)

    def _order(self, order: str) -> Broken:
        return self._told(order, "recovery: module is well again")

    def _block(self) -> Broken:
        return self._told("block", "recovery: the main process goes on")

    def _told(self, order: str, sign: str) -> Broken:
        offset = self._house.log.stat().st_size
        (self._house.orders / "order").write_text(order)
        return Broken(lambda: sign in self._house.said_since(offset))

    def _lock(self) -> Broken:
        with closing(sqlite3.connect(self._house.records.database, timeout=10)) as connection:
            connection.execute("begin exclusive")
            time.sleep(LOCKED_FOR_S)
            connection.rollback()
        return self._stores_again()

    def _fill(self) -> Broken:
        ballast = self._house.data.parent / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1_000_000))
        time.sleep(FULL_FOR_S)
        ballast.unlink()
        return self._stores_again()

    def _lose_pictures(self) -> Broken:
        outside = self._house.outside
        outside.http.fps = 0.01
        time.sleep(LOST_FOR_S)
        outside.http.fps = outside.http_fps
        return Broken(self._house.all_live)

    def _kill_server(self) -> Broken:
        server = self._house.outside.rtsp
        assert server is not None  # noqa: S101 - else it is no kind of fault
        server.kill()
        time.sleep(LOST_FOR_S)
        server.start()
        return Broken(self._house.all_live)

    def _kill_main(self) -> Broken:
        self._house.running.children()
        self._house.running.process.kill()
        began_s = time.monotonic()
        self._house.restart()
        return Broken(self._house.all_live, began_s)

    def _jump(self) -> Broken:
        self._house.clock.jump_to(self._chance.choice(JUMPS_S))
        return self._stores_again()

    def _stores_again(self) -> Broken:
        """A press after this moment lies in an event that the database has, and all see."""
        since_s = time.monotonic()

        def does() -> bool:
            later = {key for key, at_s in self._house.accepted().items() if at_s > since_s}
            return not later.isdisjoint(self._house.in_events()) and self._house.all_live()

        return Broken(does, since_s)
