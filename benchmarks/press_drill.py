"""Presses: counted right at a bouncing pin, never lost once acknowledged, quick to show something.

Three drills. *Pin*: a mock pin is pressed many times with bounce, in real time, through the module
and a bus with an outbox. *Loss*: the whole program is rung over HTTP, at the control desk and by
``spyoncino ring`` while main is killed, the databases are locked and the disk is full; afterwards
every acknowledged press must be in exactly one event row. Who gets no answer
rings again, with the same id. *Quick*: the program in this process,
a full-HD camera awake and asleep; from the press to its first picture, event and row.

    python benchmarks/press_drill.py
    python benchmarks/press_drill.py --pin-presses 200 --pin-s 12 --presses 300 --quick 5
"""

import argparse
import asyncio
import http.client
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from gpiozero.pins import mock

from press_times import quick_rows
from report import ROOT, Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ask_main
from spyoncino.core.doorbell_settings import DoorbellSettings, GpioSettings
from spyoncino.core.doorbells import PRESS, REFUSED, Doorbells
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.core.settings import CameraSettings
from spyoncino.core.source_settings import SimSource
from spyoncino.errors import SpyoncinoError
from spyoncino.modules.input.doorbell import DoorbellInput, GpioInputSettings
from spyoncino.schemas.topics import DOORBELL_PRESSED
from spyoncino.testing.harness import ModuleHarness

sys.path.insert(0, str(ROOT))

from tests.fixtures.programs import Records, Running, command, sim, write_config

DISK_MB = 300
FAULT_S = 5.0
FIND_S = 120.0
"""So long after the last press its row is waited for."""

BOUNCE_S = 0.006
"""As long as the worst ordinary contact of Ganssle's measurements bounces."""

WAYS = ("http", "http", "http", "desk", "desk", "command")
"""Who rings at the same time."""


# --- pin ------------------------------------------------------------------------------------------


class ContactTime:
    """The time that the kernel would stamp edges with.

    A thread that sleeps for a millisecond on a busy computer sleeps for thirty; a contact does not.
    """

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


def bounce(pin: Any, contact: ContactTime, chance: random.Random, *, is_down: bool) -> None:
    """One closing or opening of a contact."""
    first, second = (pin.drive_low, pin.drive_high)[:: 1 if is_down else -1]
    end_s = contact.now_s + chance.uniform(0, BOUNCE_S)
    first()
    while contact.now_s < end_s:
        contact.now_s += chance.uniform(0, 0.001)
        second()
        contact.now_s += chance.uniform(0, 0.0005)
        first()


def press_pin(pin: Any, contact: ContactTime, presses: int, seconds: float) -> None:
    """So many presses in so long a time; a third of each period the button is down."""
    chance = random.Random(1)  # noqa: S311 - bounce, no secret
    begun_s = time.monotonic()
    for number in range(presses):
        since_s = number * seconds / presses
        time.sleep(max(0.0, begun_s + since_s - time.monotonic()))
        contact.now_s = 1000.0 + since_s
        bounce(pin, contact, chance, is_down=True)
        contact.now_s += seconds / presses / 3
        bounce(pin, contact, chance, is_down=False)


async def pin_drill(folder: Path, presses: int, seconds: float) -> list[Row]:
    """Press a mock pin and count what comes out of the bus."""
    heard: list[str] = []

    async def hear(message: Message) -> None:
        heard.append(message.payload.event_id)

    async with Bus(SystemClock(), outbox=folder / "outbox.db") as bus:
        bus.subscribe(
            DOORBELL_PRESSED, hear, name="ear", policy=Policy.BLOCK, capacity=4096, durable=True
        )
        context = ModuleHarness(folder, SystemClock()).context  # type: ignore[arg-type]
        context.bus = bus
        cameras = {"door": CameraSettings(source=SimSource(type="sim"))}
        bell = DoorbellSettings(camera="door", gpio=GpioSettings())
        context.doorbells = Doorbells(bus, cameras, {"front": bell})
        module = DoorbellInput(context)
        contact = ContactTime()
        mock.monotonic = contact
        mock.MockFactory.ticks = staticmethod(contact)
        await module.configure(GpioInputSettings(driver="mock"))
        await module.start()
        await asyncio.to_thread(press_pin, module.factory.pin(18), contact, presses, seconds)
        await asyncio.sleep(1.0)
        await bus.drain()
        numbers = (await module.health()).numbers
        await module.stop()
    return [
        Row("pin: presses made", presses, "presses", note=f"in {seconds:g} s, with bounce"),
        Row("pin: edges", numbers["front.edges"], "edges"),
        Row("pin: counted", numbers["front.presses"], "presses", presses, "equal"),
        Row("pin: on the bus", len(set(heard)), "presses", presses, "equal"),
        Row("pin: on the bus twice", len(heard) - len(set(heard)), "presses", 0),
    ]


# --- loss -----------------------------------------------------------------------------------------


class House:
    """The program over several lives."""

    def __init__(self, folder: Path) -> None:
        self.disk = folder
        self.data = folder / "data"
        self.records = Records(self.data)
        self.log = Path(f"{folder}.log")
        camera = sim(width_px=320, height_px=180, press_at_s=-1)
        self.config = write_config(
            Path(f"{folder}.yaml"),
            cameras={"door": {**camera, "analysis_fps": 2}},
            events={"linger_s": 3},
            clip={"min_free_bytes": 30_000_000},
            media={"max_bytes": 100_000_000, "min_free_bytes": 40_000_000},
            health={"disk_free_bytes": 20_000_000, "disk_free_percent": 0},
            pool={"workers": 1},
        )
        self.running = self._start()

    def _start(self) -> Running:
        running = Running(
            self.log, *("--data", self.data, "run", "--config", self.config, "--show", "off")
        )
        running.__enter__()
        return running

    def kill(self) -> None:
        """``kill -9``, and start again, as systemd does."""
        self.running.children()
        self.running.process.kill()
        self.running.process.wait(10)
        self.running = self._start()

    def port(self) -> str:
        """Where the page is now; empty before it is known."""
        said = self.log.read_text(errors="replace")
        return next(iter(re.findall(r"The page: http://127\.0\.0\.1:(\d+)", said)[::-1]), "")

    def rows_of_presses(self) -> Counter[str]:
        """Press to the number of event rows that have it."""
        found: Counter[str] = Counter()
        for (text,) in self.records.query("select data from events"):
            found.update(json.loads(text)["press_ids"])
        return found


class Ringer:
    """Rings in several ways at once and notes what was acknowledged."""

    def __init__(self, house: House, presses: int, seconds: float) -> None:
        self._house = house
        self._presses, self._seconds = presses, seconds
        self._next = 0
        self._lock = threading.Lock()
        self.acknowledged: dict[str, str] = {}
        self.unanswered: Counter[str] = Counter()
        self.slowest_s: dict[str, float] = dict.fromkeys(WAYS, 0.0)
        self.fault = "nothing"
        self.by_fault: dict[str, list[str]] = {}

    def run(self, way: str) -> None:
        """Ring until all presses are made; each has its moment, late ones follow at once."""
        begun_s = time.monotonic()
        while (number := self._take()) is not None:
            due_s = begun_s + number * self._seconds / self._presses
            time.sleep(max(0.0, due_s - time.monotonic()))
            press_id = f"drill-{number:06d}"
            asked_s, fault = time.monotonic(), self.fault
            while (acknowledged := self._ring(way, press_id)) is None:
                self.unanswered[way] += 1
                if time.monotonic() - asked_s > FIND_S:
                    break
            took_s = time.monotonic() - asked_s
            with self._lock:
                if acknowledged is not None:
                    self.acknowledged[acknowledged] = way
                    self.by_fault.setdefault(fault, []).append(acknowledged)
                    self.slowest_s[way] = max(self.slowest_s[way], took_s)

    @property
    def share_done(self) -> float:
        """0..1."""
        return self._next / self._presses

    def _take(self) -> int | None:
        with self._lock:
            if self._next >= self._presses:
                return None
            self._next += 1
            return self._next - 1

    def _ring(self, way: str, press_id: str) -> str | None:
        if way == "http":
            return self._ring_http(press_id)
        if way == "command":
            done = command("--data", self._house.data, "ring", "front", "--json")
            return str(json.loads(done.out)["event_id"]) if done.code == 0 else None
        try:
            socket = self._house.data / "control.sock"
            socket = next(iter(self._house.data.glob("*.sock")), socket)
            answer = asyncio.run(ask_main(socket, PRESS, doorbell="front", id=press_id))
        except SpyoncinoError:
            time.sleep(0.1)
            return None
        return None if REFUSED in answer else press_id

    def _ring_http(self, press_id: str) -> str | None:
        body = json.dumps({"press_id": press_id}).encode()
        try:
            request = urllib.request.Request(
                f"http://127.0.0.1:{self._house.port()}/api/v1/doorbells/front/press",
                body,
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return str(json.load(answer)["event_id"]) if answer.status == 202 else None
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.1)
            return None


def lock(database: Path) -> None:
    """Hold it exclusively for a while."""
    with closing(sqlite3.connect(database, timeout=10)) as connection, suppress(sqlite3.Error):
        connection.execute("begin exclusive")
        time.sleep(FAULT_S)
        connection.rollback()


def fill(disk: Path) -> None:
    """Leave no byte on the disk for a while."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(100_000))
    time.sleep(FAULT_S)
    ballast.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A tmpfs at the folder, where this user may make one; whether it is there."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


def wait_until(what: Callable[[], bool], within_s: float) -> bool:
    """Whether it came to be so in time."""
    until_s = time.monotonic() + within_s
    while not (is_so := what()) and time.monotonic() < until_s:
        time.sleep(0.2)
    return is_so


def loss_drill(folder: Path, presses: int, seconds: float) -> list[Row]:
    """Ring while everything breaks, then look for every acknowledged press."""
    with small_disk(folder / "disk") as has_disk:
        house = House(folder / "disk")
        try:
            return _loss_rows(house, presses, seconds, has_disk=has_disk)
        finally:
            house.running.__exit__()


def _loss_rows(house: House, presses: int, seconds: float, *, has_disk: bool) -> list[Row]:
    house.running.wait_for(lambda: house.port() != "", 60)
    ringer = Ringer(house, presses, seconds)
    threads = [threading.Thread(target=ringer.run, args=(way,)) for way in WAYS]
    faults: list[tuple[float, str, Callable[[], None]]] = [
        (0.15, "events locked", lambda: lock(house.data / "spyoncino.db")),
        (0.4, "main killed", house.kill),
        (0.6, "outbox locked", lambda: lock(house.data / "outbox.db")),
    ]
    if has_disk:
        faults.append((0.8, "disk full", lambda: fill(house.disk)))
    for thread in threads:
        thread.start()
    for share, name, do in faults:
        wait_until(lambda share=share: ringer.share_done >= share, 10 * seconds + 60)  # type: ignore[misc]
        ringer.fault = name
        do()
        ringer.fault = "nothing"
    for thread in threads:
        thread.join()
    wanted = set(ringer.acknowledged)
    wait_until(lambda: wanted <= house.rows_of_presses().keys(), FIND_S)
    house.running.interrupt()
    house.running.process.wait(60)
    found = house.rows_of_presses()
    rows = [Row("loss: presses tried", presses, "presses", note=f"over {seconds:g} s")]
    for way in dict.fromkeys(WAYS):
        count = sum(each == way for each in ringer.acknowledged.values())
        note = f"{ringer.unanswered[way]} tries unanswered; slowest {ringer.slowest_s[way]:.1f} s"
        rows.append(Row(f"loss: acknowledged by {way}", count, "presses", note=note))
    for fault, ids in ringer.by_fault.items():
        rows.append(Row(f"loss: acknowledged during {fault}", len(ids), "presses"))
    return [
        *rows,
        Row("loss: acknowledged", len(wanted), "presses"),
        Row("loss: in exactly one row", sum(found[each] == 1 for each in wanted), "presses"),
        Row("loss: in no row", sum(found[each] == 0 for each in wanted), "presses", 0),
        Row("loss: in several rows", sum(found[each] > 1 for each in wanted), "presses", 0),
        Row("loss: not acknowledged, yet kept", len(found.keys() - wanted), "presses"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pin-presses", type=int, default=1000)
    parser.add_argument("--pin-s", type=float, default=60.0)
    parser.add_argument("--presses", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the drill of losses")
    parser.add_argument("--quick", type=int, default=20, help="presses that are timed; 0: none")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="press-drill-") as name:
        folder = Path(name)
        (folder / "pin").mkdir()
        if options.pin_presses:
            rows += asyncio.run(pin_drill(folder / "pin", options.pin_presses, options.pin_s))
        if options.presses:
            rows += loss_drill(folder, options.presses, options.seconds)
        if options.quick:
            rows += asyncio.run(quick_rows(folder, options.quick))
    write_report("press-drill", rows)
    bad = [
        row.name
        for row in rows
        if row.budget is not None and row.unit == "presses" and row.value != row.budget
    ]
    if bad:
        raise SystemExit(f"presses were miscounted or lost: {', '.join(bad)}")


if __name__ == "__main__":
    main()
