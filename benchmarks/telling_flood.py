"""A stuck sensor makes thousands of events in a minute: what is told, kept, and said afterwards.

Alert engine and webhook run on a real bus with outbox and database; the webhook's receiver is a
stand-in on this machine. The minute is one of a clock that the drill moves, the work is real.

    python benchmarks/telling_flood.py --events 10000
"""

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr

from report import ROOT, Row, write_report

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.fixtures.payloads import event
from tests.fixtures.webhook_stand_in import receiver

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.wiring import subscribe_module
from spyoncino.modules.output.alert_engine import TICK_S, AlertEngine
from spyoncino.modules.output.webhook import WebhookModule
from spyoncino.persistence.database import Database
from spyoncino.schemas.events import EventCompleted, EventCreated, EventState
from spyoncino.schemas.topics import EVENT_COMPLETED, EVENT_CREATED
from spyoncino.testing.harness import ModuleHarness

MINUTE_S = 60.0
STEPS = 100
BELL = "bell"
STEP_S = 0.001


@dataclass(frozen=True, slots=True)
class Flood:
    """What it did.

    Args:
        told: Events that were told in the minute.
        digest: What was said of the others.
        grown_bytes: Memory of this process, after one tenth of the events and at the end.
        sheets: Events that are kept.
        press_s: From the press after it to the receiver.
        took_s: What the events took.
    """

    told: int
    digest: str
    grown_bytes: int
    sheets: int
    press_s: float
    took_s: float


async def flood(folder: Path, events: int) -> Flood:
    """All events, then a digest, then a press."""
    clock = FakeClock()
    database = Database(folder / "spyoncino.db")
    await database.open()
    harness = ModuleHarness(folder, clock)
    harness.bus = harness.context.bus = Bus(clock, outbox=folder / "outbox.db")
    harness.context.database = database
    harness.context.channels = lambda: ("webhook",)
    process = psutil.Process()
    async with receiver("", clock.utc_now().timestamp()) as far, harness.bus:
        engine = AlertEngine(harness.context)
        webhook = WebhookModule(harness.context)
        settings = {"rules": [{"name": "all"}], "digest_every_s": MINUTE_S}
        await engine.configure(AlertEngine.settings_model.model_validate(settings))
        address = {"enabled": True, "url": SecretStr(far.url)}
        await webhook.configure(WebhookModule.settings_model.model_validate(address))
        for module in (engine, webhook):
            await module.start()
            subscribe_module(harness.bus, module)
        began_s, early_bytes = time.perf_counter(), 0
        for number in range(events):
            name = f"stuck-{number}"
            await harness.bus.publish(EVENT_CREATED, EventCreated(event=event(event_id=name)))
            last = EventCompleted(event=event(EventState.COMPLETED, event_id=name))
            await harness.bus.publish(EVENT_COMPLETED, last)
            if number % max(1, events // STEPS) == 0:
                await harness.bus.drain()
                await clock.advance(MINUTE_S / STEPS * 0.99)
            if number == events // 10:
                gc.collect()
                early_bytes = process.memory_info().rss
        await harness.bus.drain()
        took_s = time.perf_counter() - began_s
        gc.collect()
        grown_bytes = process.memory_info().rss - early_bytes
        told = {each["event_ref"] for each in far.documents.values()}
        far.now_s = clock.utc_now().timestamp()
        began_s = time.perf_counter()
        press = EventCreated(event=event(event_id=BELL, presses=(10.0,)))
        await harness.bus.publish(EVENT_CREATED, press)
        while not any(  # noqa: ASYNC110 - the receiver is no part of the program
            each["event_ref"] == BELL for each in far.documents.values()
        ):
            await asyncio.sleep(STEP_S)
        press_s = time.perf_counter() - began_s
        digests: list[str] = []
        while not digests:
            await clock.advance(TICK_S)
            await asyncio.sleep(STEP_S)
            await harness.bus.drain()
            digests = [x["text"] for x in far.documents.values() if x["rule"] == "digest"]
        sheets = len(engine._book)  # noqa: SLF001 - a bound that nothing else shows
        for module in (webhook, engine):
            await module.stop()
    await database.close()
    return Flood(len(told), digests[0], grown_bytes, sheets, press_s, took_s)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--name", default="telling-flood", help="of the result")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(flood(Path(name), options.events))
    print(found.digest)
    write_report(
        options.name,
        [
            Row("events in a minute", options.events, "events"),
            Row("told one by one", found.told, "events", 7, "at most, six a minute and camera"),
            Row("kept in memory", found.sheets, "events", 256, "at most"),
            Row("memory grown after the first tenth", found.grown_bytes / 1e6, "MB", 30, "at most"),
            Row("first press after it -> receiver", found.press_s * 1e3, "ms", 500, "at most"),
            Row("work of the events", found.took_s, "s"),
        ],
    )


if __name__ == "__main__":
    main()
