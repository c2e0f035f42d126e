"""A main that only tells: alert engine, all channels, database and outbox, and visits to tell.

Started, killed and started again by ``telling_faults.py``. It notes each step of each visit when
its publish has returned, goes on after a kill with the first that is not noted, and ends when
nothing is owed any more.
"""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from telling_far import EVERY_CHANNEL, ROOT, ScaledClock

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.fixtures.payloads import event, known

from spyoncino.core.bus import Bus
from spyoncino.core.contracts import BaseModule
from spyoncino.core.logs import configure_logging
from spyoncino.core.wiring import subscribe_module
from spyoncino.modules.output.alert_engine import AlertEngine
from spyoncino.modules.output.apprise import AppriseModule
from spyoncino.modules.output.email import EmailModule
from spyoncino.modules.output.mqtt import MqttModule
from spyoncino.modules.output.telegram import TelegramModule
from spyoncino.modules.output.web_push import WebPushModule
from spyoncino.modules.output.webhook import WebhookModule
from spyoncino.modules.page_push import PagePush
from spyoncino.persistence.database import Database
from spyoncino.persistence.deliveries import DeliveryStore
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.events import (
    Event,
    EventCompleted,
    EventCreated,
    EventState,
    EventUpdate,
)
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.topics import (
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    MEDIA_READY,
)
from spyoncino.testing.harness import ModuleHarness
from spyoncino.web.views import PushOrder

STEPS = 5
PUBLISHERS = 4
LOOK_S = 0.05
RULES = ({"name": "visits", "text": "{story}"},)
KINDS: tuple[type[BaseModule[Any]], ...] = (
    AlertEngine,
    WebhookModule,
    EmailModule,
    TelegramModule,
    MqttModule,
    WebPushModule,
    AppriseModule,
)


class SystemTime(ScaledClock):
    """The clock of the whole program."""

    def monotonic_ns(self) -> int:
        """Nanoseconds; of wall time here, so that it goes on over a restart."""
        return int(self.now_s() * 1e9)

    def utc_now(self) -> datetime:
        """Wall time."""
        return datetime.fromtimestamp(self.now_s(), UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait for so long by this clock."""
        await asyncio.sleep(seconds / self.scale)


class Visits:
    """Publishes every step of every visit, over any number of lives.

    Args:
        harness: Bus and database.
        folder: For the notes.
        options: As ``telling_faults`` wrote them.
    """

    def __init__(self, harness: ModuleHarness, folder: Path, options: dict[str, Any]) -> None:
        self._harness = harness
        self._folder = folder
        self._count = int(options["events"])
        self._pause_s = float(options["pause_s"])
        self._media = MediaStore(harness.context.database)

    async def publish_all(self) -> None:
        """What is left."""
        await asyncio.gather(*(self._publish(number) for number in range(PUBLISHERS)))

    async def _publish(self, publisher: int) -> None:
        path = self._folder / f"noted-{publisher}"
        done = path.read_text().count("\n") if path.exists() else 0
        notes = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        mine = range(publisher, self._count, PUBLISHERS)
        for place in range(done, len(mine) * STEPS):
            await self._step(mine[place // STEPS], place % STEPS)
            os.write(notes, b"x\n")
            await asyncio.sleep(self._pause_s)
        os.close(notes)

    async def _step(self, number: int, step: int) -> None:
        bus = self._harness.bus
        match step:
            case 0:
                first = EventCreated(event=self._event(number, EventState.CREATED, "begins"))
                await bus.publish(EVENT_CREATED, first)
            case 1:
                await self._file(number, MediaKind.SNAPSHOT, "jpg")
            case 2:
                named = EventUpdate(event=self._event(number, EventState.PROCESSING, "named"))
                await bus.publish(EVENT_UPDATED, named)
            case 3:
                last = EventCompleted(event=self._event(number, EventState.COMPLETED, "over"))
                await bus.publish(EVENT_COMPLETED, last)
            case _:
                await self._file(number, MediaKind.CLIP, "mp4")

    def _event(self, number: int, state: EventState, what: str) -> Event:
        is_seen_first = number % 2 == 1  # of every second visit the message begins before it rings
        return event(
            state,
            event_id=f"visit-{number}",
            presses=() if is_seen_first and what == "begins" else (10.0,),
            identities=() if what == "begins" else (known("Ann"),),
            story=f"visit {number} {what}",
        )

    async def _file(self, number: int, kind: MediaKind, ending: str) -> None:
        path = self._harness.context.data.root / "media" / f"{number}.{ending}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(100 + number % 7))
        artifact = MediaArtifact(
            kind=kind,
            event_ref=f"visit-{number}",
            camera="door",
            path=f"media/{number}.{ending}",
            content_type="image/jpeg",
            size_bytes=100,
        )
        await self._media.add(artifact)
        await self._harness.bus.publish(MEDIA_READY, artifact)


async def live(folder: Path) -> None:
    """One life."""
    options = json.loads((folder / "options.json").read_text())
    clock = SystemTime(options["scale"], options["origin_s"])
    data = folder / "data"
    data.mkdir(exist_ok=True)
    database = Database(data / "spyoncino.db")
    await database.open()
    harness = ModuleHarness(data, clock)  # type: ignore[arg-type]  # any clock will do here
    harness.bus = harness.context.bus = Bus(clock, outbox=data / "outbox.db")
    harness.context.database = database
    harness.context.channels = lambda: EVERY_CHANNEL
    harness.set_camera()
    async with harness.bus:
        order = PushOrder.model_validate(options["browser"])
        await PagePush(harness.context).add(order, "Firefox on Android")
        modules = [kind(harness.context) for kind in KINDS]
        for kind, module in zip(KINDS, modules, strict=True):
            facts = {"rules": RULES} if kind is AlertEngine else options["channels"][kind.section]
            await module.configure(kind.settings_model.model_validate(facts))
            await module.start()
            subscribe_module(harness.bus, module)
        print("running", flush=True)
        await Visits(harness, folder, options).publish_all()
        store = DeliveryStore(database)
        owed = True
        while owed:
            await harness.bus.drain()
            owed = any([await store.owed(channel, 1) for channel in EVERY_CHANNEL])
            await asyncio.sleep(LOOK_S)
        failed = sum(n for (_, state), n in (await store.counts()).items() if state == "failed")
        print(f"failed {failed}", flush=True)
        for module in reversed(modules):
            await module.stop()
    await database.close()


if __name__ == "__main__":
    configure_logging("error")
    asyncio.run(live(Path(sys.argv[1])))
