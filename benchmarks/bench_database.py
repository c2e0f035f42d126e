"""What a row costs through ``Database``, against SQLAlchemy called where it stands.

A message is wanted and noted as sent (two transactions), and read; once in a process that does
nothing else, and once beside threads that compute in Python, as a main process has when much
happens at once: each way to a thread and back then waits until the others let it.

Usage: ``python benchmarks/bench_database.py [--rounds 300] [--busy 2]``
"""

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, create_engine, select, update
from sqlalchemy.dialects.sqlite import insert

from report import Row, write_report
from spyoncino.persistence.database import Database
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.persistence.tables import DELIVERIES
from spyoncino.schemas.alerts import AlertNotification

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BUSY_SHARE = 0.5


def alert(number: int) -> AlertNotification:
    ref, title = f"event-{number}", "Ann rang"
    return AlertNotification(
        source="bench", timestamp=NOW, event_ref=ref, channel="mail", title=title, text=""
    )


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many threads that compute half of the time, a hundredth of a second each time."""
    over = threading.Event()

    def compute() -> None:
        while not over.wait(0.01 * (1 - BUSY_SHARE) / BUSY_SHARE):
            until_s = time.perf_counter() + 0.01
            while time.perf_counter() < until_s:
                pass

    threads = [threading.Thread(target=compute) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


async def spent_ms(
    work: Callable[[int], Awaitable[object]], rounds: int, first: int
) -> list[float]:
    times = []
    for number in range(first, first + rounds):
        began = time.perf_counter()
        await work(number)
        times.append(1000 * (time.perf_counter() - began))
    return sorted(times)


def bare_writes(engine: Engine) -> Callable[[int], Awaitable[None]]:
    async def write(number: int) -> None:
        wanted = alert(number)
        values = {
            "event_id": wanted.event_ref, "channel": "mail", "target": "bare", "state": "queued",
            "wanted_revision": 1, "sent_revision": 0, "remote_id": "", "attempts": 0,
            "retry_at": None, "queued_at": NOW, "reason": "",
            "alert": wanted.model_dump(mode="json"),
        }  # fmt: skip
        with engine.begin() as connection:
            connection.execute(insert(DELIVERIES).values(values))
        is_it = (DELIVERIES.c.event_id == wanted.event_ref, DELIVERIES.c.target == "bare")
        with engine.begin() as connection:
            connection.execute(update(DELIVERIES).where(*is_it).values(sent_revision=1))

    return write


def bare_reads(engine: Engine) -> Callable[[int], Awaitable[None]]:
    async def read(number: int) -> None:
        query = select(DELIVERIES).where(DELIVERIES.c.event_id == f"event-{number}")
        with engine.connect() as connection:
            for row in connection.execute(query).all():
                AlertNotification.model_validate(row.alert)

    return read


async def measure(path: Path, rounds: int, threads: int) -> list[Row]:
    database = Database(path)
    await database.open()
    store = DeliveryStore(database)
    engine = create_engine(f"sqlite:///{path}")

    async def write(number: int) -> None:
        key = DeliveryKey(f"event-{number}", "mail", "ann")
        await store.want(key, alert(number), NOW)
        await store.sent(key, 1, "remote", confirmed=True)

    async def read(number: int) -> None:
        await store.of_event(f"event-{number}")

    rows = []
    for count in (0, threads):
        first = count * rounds
        beside = f"beside {count} busy threads" if count else "alone"
        with busy(count):
            for what, ours, bare in (
                ("two transactions", write, bare_writes(engine)),
                ("a read", read, bare_reads(engine)),
            ):
                spent = await spent_ms(ours, rounds, first)
                against = statistics.median(await spent_ms(bare, rounds, first))
                median, p95 = statistics.median(spent), spent[int(0.95 * rounds)]
                rows += [
                    Row(f"{what}, {beside}, median", median, "ms", None, f"bare {against:.2f} ms"),
                    Row(f"{what}, {beside}, p95", p95, "ms"),
                    Row(f"{what}, {beside}, ratio to bare", median / against, "x"),
                ]
    engine.dispose()
    await database.close()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--busy", type=int, default=2, help="threads that compute meanwhile")
    parser.add_argument("--name", default="database", help="of the result")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spyoncino.db"
        write_report(options.name, asyncio.run(measure(path, options.rounds, options.busy)))


if __name__ == "__main__":
    main()
