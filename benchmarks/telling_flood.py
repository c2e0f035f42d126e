"""A stuck sensor makes thousands of events in a minute: what is told, kept, and said afterwards.

Alert engine and all channels run on a real bus with outbox and database; their far sides are real
servers and stand-ins on this machine (mail and MQTT with TLS and login). The minute is one of a
clock that the drill moves, the work is real. The first messages of mail and Telegram do not wait
for a picture here: what they wait by choice is no answer to whether the flood holds them up.

    python benchmarks/telling_flood.py --events 10000
"""

import argparse
import asyncio
import gc
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from report import ROOT, Row, write_report

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.fixtures.payloads import event

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.contracts import BaseModule
from spyoncino.core.wiring import subscribe_module
from spyoncino.modules.output.alert_engine import TICK_S, AlertEngine
from spyoncino.modules.output.email import EmailModule
from spyoncino.modules.output.mqtt import MqttModule
from spyoncino.modules.output.telegram import TelegramModule
from spyoncino.modules.output.webhook import WebhookModule
from spyoncino.persistence.database import Database
from spyoncino.schemas.events import EventCompleted, EventCreated, EventState
from spyoncino.schemas.topics import EVENT_COMPLETED, EVENT_CREATED
from spyoncino.testing.harness import ModuleHarness
from telling_far import CHANNELS, FarSides

MINUTE_S = 60.0
STEPS = 50
STEP_S = 0.001
PATIENCE_S = 30.0
BETWEEN_PRESSES_S = 10.0
"""By the drill's clock: a bell is not pressed more often, and Telegram has its own limits."""

KINDS: tuple[type[BaseModule[Any]], ...] = (
    AlertEngine,
    WebhookModule,
    EmailModule,
    TelegramModule,
    MqttModule,
)
ENGINE = {"rules": [{"name": "all", "text": "{story}"}], "digest_every_s": MINUTE_S}
STUCK, DIGEST = re.compile(r"stuck (\d+)"), re.compile(r"\d+ events? w[^\n]*not told[^\n]*")


@dataclass(frozen=True, slots=True)
class Flood:
    """What it did.

    Args:
        told: Events that were told in the minute, by channel.
        messages: Of those, messages or edits that arrived, by channel.
        digests: What was said of the others, by channel.
        grown_bytes: Memory of this process, after one tenth of the events and at the end.
        sheets: Events that are kept.
        owed: Messages that any channel keeps in memory at the end.
        presses_s: From each press after it to the far side, by channel.
        took_s: What the events took.
    """

    told: dict[str, int]
    messages: dict[str, int]
    digests: dict[str, str]
    grown_bytes: int
    sheets: int
    owed: int
    presses_s: dict[str, list[float]]
    took_s: float


class Drill:
    """Engine, channels and their far sides.

    Args:
        folder: For the database, the outbox and the far sides.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clock = FakeClock()
        self.modules: list[BaseModule[Any]] = []
        self._database = Database(folder / "spyoncino.db")
        self.harness = ModuleHarness(folder, self.clock)
        self.bus = self.harness.bus = self.harness.context.bus = Bus(
            self.clock, outbox=folder / "outbox.db"
        )
        self.harness.context.database = self._database
        self.harness.context.channels = lambda: CHANNELS
        self.harness.set_camera()
        self._process = psutil.Process()
        self._read: dict[str, list[str]] = {channel: [] for channel in CHANNELS}
        self._heard = 0

    async def run(self, events: int, presses: int) -> Flood:
        """All events, then presses, then a digest."""
        await self._database.open()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._database.close)
            self.far = FarSides(self._folder, lambda: self.clock.utc_now().timestamp())
            await asyncio.to_thread(self.far.__enter__)
            stack.push_async_callback(asyncio.to_thread, self.far.__exit__)
            await stack.enter_async_context(self.bus)
            await self._start(stack)
            await self._until(lambda: self.far.ear.last("spyoncino/status") == b"online")
            began_s = time.perf_counter()
            early_bytes = await self._flood(events)
            took_s = time.perf_counter() - began_s
            grown_bytes = self._memory_bytes() - early_bytes
            stuck = {
                channel: [number for text in texts for number in STUCK.findall(text)]
                for channel, texts in self._texts().items()
            }
            presses_s = await self._press(presses)
            digests = await self._digests()
            owed = await self._owed_at_last()
            engine = self.modules[0]
            return Flood(
                told={channel: len(set(each)) for channel, each in stuck.items()},
                messages={channel: len(each) for channel, each in stuck.items()},
                digests=digests,
                grown_bytes=grown_bytes,
                sheets=len(engine._book),  # type: ignore[attr-defined]  # noqa: SLF001 - a bound
                owed=owed,
                presses_s=presses_s,
                took_s=took_s,
            )

    async def _start(self, stack: AsyncExitStack) -> None:
        sections: dict[str, dict[str, Any]] = {**self.far.settings(20.0), "alerts": ENGINE}
        for channel in ("email", "telegram"):
            sections[channel]["picture_wait_s"] = 0.0
        for kind in KINDS:
            module = kind(self.harness.context)
            await module.configure(kind.settings_model.model_validate(sections[kind.section]))
            await module.start()
            stack.push_async_callback(module.stop)
            subscribe_module(self.bus, module)
            self.modules.append(module)

    async def _flood(self, events: int) -> int:
        """The minute.

        Returns:
            Bytes of memory after its first tenth.
        """
        early_bytes = 0
        for number in range(events):
            facts: dict[str, Any] = {"event_id": f"stuck-{number}", "story": f"stuck {number}"}
            await self.bus.publish(EVENT_CREATED, EventCreated(event=event(**facts)))
            last = EventCompleted(event=event(EventState.COMPLETED, **facts))
            await self.bus.publish(EVENT_COMPLETED, last)
            if number % max(1, events // STEPS) == 0:
                await self.bus.drain()
                await self.clock.advance(MINUTE_S / STEPS * 0.99)
            if number == events // 10:
                early_bytes = self._memory_bytes()
        await self.bus.drain()
        return early_bytes

    async def _press(self, presses: int) -> dict[str, list[float]]:
        """Ring, and wait for everybody to hear it."""
        took_s: dict[str, list[float]] = {channel: [] for channel in CHANNELS}
        for number in range(presses):
            story = f"press {number}."
            facts: dict[str, Any] = {"event_id": f"bell-{number}", "story": story}
            began_s = time.perf_counter()
            press = EventCreated(event=event(presses=(10.0,), **facts))
            await self.bus.publish(EVENT_CREATED, press)
            waiting = set(CHANNELS)
            while waiting:
                if time.perf_counter() - began_s > PATIENCE_S:
                    raise SystemExit(f"press {number} did not reach {', '.join(sorted(waiting))}")
                for channel, texts in self._texts().items():
                    if channel in waiting and any(story in text for text in texts):
                        took_s[channel].append(time.perf_counter() - began_s)
                        waiting.discard(channel)
                await asyncio.sleep(STEP_S)
                await self.clock.advance(STEP_S)
            over = EventCompleted(event=event(EventState.COMPLETED, presses=(10.0,), **facts))
            await self.bus.publish(EVENT_COMPLETED, over)
            await self.bus.drain()
            await self._pass_s(BETWEEN_PRESSES_S)
        return took_s

    async def _digests(self) -> dict[str, str]:
        said: dict[str, str] = {}
        began_s = time.perf_counter()
        while len(said) < len(CHANNELS):
            if time.perf_counter() - began_s > PATIENCE_S:
                raise SystemExit(f"the digest reached only {', '.join(said) or 'nobody'}")
            await self._pass_s(TICK_S)
            for channel, texts in self._texts().items():
                for found in (DIGEST.search(text) for text in texts):
                    if found is not None:
                        said.setdefault(channel, found.group())
        return said

    async def _owed_at_last(self) -> int:
        """Messages that are still owed when there was time for them; none should."""
        began_s = time.perf_counter()
        while True:
            healths = [await module.health() for module in self.modules[1:]]
            owed = int(sum(health.numbers["owed"] for health in healths))
            if not owed or time.perf_counter() - began_s > PATIENCE_S:
                return owed
            await self._pass_s(1.0)

    def _texts(self) -> dict[str, list[str]]:
        """What each far side was told so far; of the broker only messages, no facts.

        Only what is new is read: the presses are timed while this looks.
        """
        far, texts = self.far, self._read
        texts["telegram"] = [each.text for each in far.bot.messages()]
        documents = list(far.webhook.documents.values())
        texts["webhook"] += [each["text"] for each in documents[len(texts["webhook"]) :]]
        bodies = [mail.get_body(("plain",)) for mail in far.post.mails[len(texts["email"]) :]]
        texts["email"] += ["" if body is None else str(body.get_content()) for body in bodies]
        heard = far.ear.heard[self._heard :]
        self._heard += len(heard)
        texts["mqtt"] += [
            json.loads(payload)["text"]
            for topic, payload in heard
            if payload and topic.startswith(("spyoncino/events/", "spyoncino/notices"))
        ]
        return texts

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self._pass_s(STEP_S)

    async def _pass_s(self, seconds: float) -> None:
        """Let time go by, in steps that leave the channels room to work."""
        for _ in range(10):
            await self.clock.advance(seconds / 10)
            await asyncio.sleep(STEP_S)

    def _memory_bytes(self) -> int:
        """Of this process, without what the ear at the broker has kept: all facts of the flood."""
        self._texts()
        self._heard = 0
        self.far.ear.heard.clear()
        gc.collect()
        return int(self._process.memory_info().rss)


def flood(events: int, presses: int) -> Flood:
    """Run the drill in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(Drill(Path(name)).run(events, presses))


def rows_of(found: Flood, events: int) -> list[Row]:
    """The figures."""
    rows = [
        Row("events in a minute", events, "events"),
        Row("kept in memory", found.sheets, "events", 256, "at most"),
        Row("owed at the end", found.owed, "messages", 0, "at most"),
        Row("memory grown after the first tenth", found.grown_bytes / 1e6, "MB", 30, "at most"),
        Row("work of the events", found.took_s, "s"),
    ]
    for channel in CHANNELS:
        in_order_ms = [each * 1e3 for each in found.presses_s[channel]]
        times_ms = sorted(in_order_ms)
        p95_ms = times_ms[min(len(times_ms) - 1, round(0.95 * len(times_ms)))]
        rows += [
            Row(
                f"{channel}: told one by one",
                found.told[channel],
                "events",
                7,
                "at most, six a minute and camera",
            ),
            Row(f"{channel}: messages and edits of those", found.messages[channel], "messages"),
            Row(f"{channel}: first press after it", in_order_ms[0], "ms", 500, "at most"),
            Row(f"{channel}: press, p50", statistics.median(times_ms), "ms"),
            Row(f"{channel}: press, p95", p95_ms, "ms", 500, "at most"),
        ]
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--presses", type=int, default=20, help="after the flood")
    parser.add_argument("--name", default="telling-flood", help="of the result")
    options = parser.parse_args()
    found = flood(options.events, options.presses)
    for channel, digest in found.digests.items():
        print(f"{channel}: {digest}")
    write_report(options.name, rows_of(found, options.events))


if __name__ == "__main__":
    main()
