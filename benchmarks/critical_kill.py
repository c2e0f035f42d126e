"""Kills the bus with ``kill -9`` in the middle of critical messages, again and again, and counts.

A child process runs a bus with an outbox, eight publishers and three durable subscribers. Each
publisher notes a message as acknowledged when its publish has returned, and after a restart goes on
with the first one that it has not noted. Each subscriber notes what it handles, in order, and has
one effect per message: a row whose key is the message's id. The parent kills the child at random
moments, then lets it finish and compares the notes. The cost of durability is measured apart.

    python benchmarks/critical_kill.py --messages 50000 --kills 50
"""

import argparse
import asyncio
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.topics import CONTROL_COMMAND, DOORBELL_PRESSED

PUBLISHERS = 8
SUBSCRIBERS = 3
DOOR = DOORBELL_PRESSED.of("door")


PRESS_EVERY = 4
"""Every fourth message of the drill is a press, which goes through the journal, too."""


async def publish(bus: Bus, event_id: str, *, is_press: bool) -> None:
    """A press, or an ordinary critical message."""
    if is_press:
        press = DoorbellEvent(doorbell="door", camera="door", event_id=event_id)
        await bus.publish(DOOR, press)
    else:
        command = ControlCommand(target="drill", command="note", event_id=event_id)
        await bus.publish(CONTROL_COMMAND, command)


class Notes:
    """Lines of a file that survive ``kill -9``: each is one write to the kernel."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def add(self, text: str) -> None:
        """One line."""
        os.write(self._descriptor, f"{text}\n".encode())


def noted(path: Path) -> list[str]:
    """Complete lines."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


class Subscriber:
    """Notes what it hears and has its effect once per message."""

    def __init__(self, folder: Path, number: int) -> None:
        self._notes = Notes(folder / f"heard-{number}")
        self._effects = sqlite3.connect(folder / f"effects-{number}.db", isolation_level=None)
        self._effects.execute("PRAGMA journal_mode=WAL")
        self._effects.execute("PRAGMA synchronous=NORMAL")
        self._effects.execute("CREATE TABLE IF NOT EXISTS effects (event_id TEXT PRIMARY KEY)")

    async def handle(self, message: Message) -> None:
        """Note it, and have the effect unless it was had before."""
        event_id = message.payload.event_id
        self._notes.add(event_id)
        self._effects.execute("INSERT OR IGNORE INTO effects VALUES (?)", (event_id,))


async def child(folder: Path, messages: int) -> None:
    """Publish what is left, then wait until everything is handled."""
    async with Bus(SystemClock(), outbox=folder / "outbox.db") as bus:
        for number in range(SUBSCRIBERS):
            bus.subscribe(
                f"{DOORBELL_PRESSED.pattern}|{CONTROL_COMMAND.pattern}",
                Subscriber(folder, number).handle,
                name=f"subscriber {number}",
                policy=Policy.BLOCK,
                durable=True,
            )
        print("running", flush=True)

        async def publish_all(publisher: int) -> None:
            path = folder / f"acknowledged-{publisher}"
            begin = len(noted(path))
            notes = Notes(path)
            for number in range(begin, messages // PUBLISHERS):
                event_id = f"{publisher}-{number}"
                await publish(bus, event_id, is_press=number % PRESS_EVERY == 0)
                notes.add(event_id)

        await asyncio.gather(*(publish_all(number) for number in range(PUBLISHERS)))
        await bus.drain()


def run_child(folder: Path, messages: int, kill_after_s: float | None) -> bool:
    """One life; whether it was killed before its end."""
    command = [sys.executable, __file__, "--child", str(folder), "--messages", str(messages)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        if process.stdout is None or process.stdout.readline().strip() != b"running":
            raise SystemExit("the child did not start")
        try:
            process.wait(kill_after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    if process.returncode != 0:
        raise SystemExit(f"the child ended with {process.returncode}")
    return False


def judged(folder: Path, messages: int) -> dict[str, int]:
    """What the notes say; every message was acknowledged by now."""
    wanted = {f"{p}-{n}" for p in range(PUBLISHERS) for n in range(messages // PUBLISHERS)}
    lost = repeated = disorder = effects = 0
    for number in range(SUBSCRIBERS):
        heard = noted(folder / f"heard-{number}")
        lost += len(wanted - set(heard))
        repeated += len(heard) - len(set(heard))
        newest = [-1] * PUBLISHERS
        for event_id in dict.fromkeys(heard):
            publisher, place = map(int, event_id.split("-"))
            disorder += place != newest[publisher] + 1
            newest[publisher] = place
        with sqlite3.connect(folder / f"effects-{number}.db") as connection:
            effects += connection.execute("SELECT count(*) FROM effects").fetchone()[0]
    return {
        "lost": lost,
        "out of order": disorder,
        "handled again after a kill": repeated,
        "effects missing or doubled": effects - len(wanted) * SUBSCRIBERS,
    }


async def rate(
    outbox: Path | None, publishers: int, count: int, *, is_press: bool
) -> tuple[float, float]:
    """Messages per second through one subscriber, and median seconds of one publish."""
    took: list[float] = []

    async def handle(_: Message) -> None:
        pass

    async with Bus(SystemClock(), outbox=outbox) as bus:
        pattern = f"{DOORBELL_PRESSED.pattern}|{CONTROL_COMMAND.pattern}"
        bus.subscribe(pattern, handle, name="one", policy=Policy.BLOCK, durable=outbox is not None)

        async def publish_some(publisher: int) -> None:
            for number in range(count // publishers):
                begin = time.perf_counter()
                await publish(bus, f"{publisher}-{number}", is_press=is_press)
                took.append(time.perf_counter() - begin)

        begin = time.perf_counter()
        await asyncio.gather(*(publish_some(number) for number in range(publishers)))
        await bus.drain()
        return count / (time.perf_counter() - begin), statistics.median(took)


def costs(folder: Path) -> list[Row]:
    """Rates with and without the outbox, and what it adds to one press."""
    rows = []
    for publishers, count, is_press in (
        (1, 5_000, False),
        (64, 40_000, False),
        (1, 2_000, True),
        (64, 10_000, True),
    ):
        bare, bare_s = asyncio.run(rate(None, publishers, count, is_press=is_press))
        kind = "presses" if is_press else "messages"
        path = folder / f"rate-{kind}-{publishers}" / "outbox.db"
        path.parent.mkdir()
        safe, safe_s = asyncio.run(rate(path, publishers, count, is_press=is_press))
        who = "one publisher" if publishers == 1 else f"{publishers} publishers"
        rows.append(Row(f"durable {kind}, {who}", safe, f"{kind}/s", bare, "best effort"))
        if publishers == 1:
            name = "one press, durable and synced" if is_press else "one message, durable"
            rows.append(Row(name, safe_s * 1e3, "ms", bare_s * 1e3, "best effort"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        asyncio.run(child(options.child, options.messages))
        return
    chance = random.Random(options.seed)  # noqa: S311 - moments of kills, no secret
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        rows = costs(home)
        kills = 0
        begin = time.monotonic()
        while kills < options.kills and run_child(
            home, options.messages, chance.uniform(0.02, 0.25)
        ):
            kills += 1
        acknowledged = sum(len(noted(home / f"acknowledged-{p}")) for p in range(PUBLISHERS))
        while run_child(home, options.messages, None):
            pass
        took_s = time.monotonic() - begin
        verdict = judged(home, options.messages)
    rows += [
        Row("messages acknowledged", float(options.messages), "messages"),
        Row("acknowledged before the last kill", float(acknowledged), "messages"),
        Row("kills", float(kills), "kills"),
        Row("whole drill", took_s, "s"),
        *(Row(name, float(count), "") for name, count in verdict.items()),
    ]
    write_report("critical-kill", rows)
    bad = verdict["lost"] + verdict["out of order"] + abs(verdict["effects missing or doubled"])
    if bad:
        raise SystemExit("critical messages were lost, doubled or out of order")


if __name__ == "__main__":
    main()
