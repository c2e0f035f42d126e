"""A plug-in for the chaos run: rings the bell, keeps what it heard, and misbehaves on order.

The ringer writes down each press after ``publish`` has returned, which is when it counts as
accepted; the ear hears every press durably. The monkey does what the file ``order`` says, until it
is restarted: a restart mends it. It refuses settings, or falls ill with them, where they say so.
"""

import asyncio
import os
import random
import time
from pathlib import Path
from typing import Literal

from pydantic import Field

from spyoncino.core.contracts import (
    AnalyticsModule,
    Consume,
    InputModule,
    ModuleSettings,
    ProcessModule,
)
from spyoncino.core.queues import Policy
from spyoncino.errors import SpyoncinoError
from spyoncino.schemas import topics
from spyoncino.schemas.events import DoorbellEvent, EventUpdate
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.status import HealthState, HealthStatus

LEAST_PAUSE_S, MOST_PAUSE_S = 0.5, 2.5
"""Between two presses: a bored child at three doors."""

BLOCK_S = 1.6


class ChaosSettings(ModuleSettings):
    """Where the parts of the chaos run meet."""

    folder: str = Field(default="", description="Folder of orders and records.")
    seed: int = Field(default=1, description="Of the moments of presses.")


class MonkeySettings(ModuleSettings):
    """What the monkey bears."""

    folder: str = Field(default="", description="Folder of orders and records.")
    mood: Literal["calm", "refuse", "ill"] = Field(
        default="calm", description="Whether it takes settings, and stays well with them."
    )


def note(path: Path, line: str) -> None:
    """Append a line in one write, so that a kill cannot cut it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


class Ringer(InputModule[ChaosSettings]):
    """Rings at random doors."""

    name = "input.chaos_ringer"
    section = "chaosringer"
    settings_model = ChaosSettings
    publishes = (topics.DOORBELL_PRESSED,)

    async def start(self) -> None:
        """Begin to ring."""
        self._ringing = asyncio.create_task(self._ring(), name=self.name)

    async def drain(self) -> None:
        """Ring no more: what is accepted from here on would wait in the outbox for a new start."""
        await self.stop()

    async def stop(self) -> None:
        """Ring no more; may be called twice."""
        ringing: asyncio.Task[None] | None = getattr(self, "_ringing", None)
        if ringing is not None:
            ringing.cancel()
            await asyncio.gather(ringing, return_exceptions=True)

    async def health(self) -> HealthStatus:
        """Always well."""
        return HealthStatus()

    async def _ring(self) -> None:
        chance = random.Random(self.settings.seed)  # noqa: S311 - moments, not secrets
        folder = Path(self.settings.folder)
        while True:
            await self.context.clock.sleep(chance.uniform(LEAST_PAUSE_S, MOST_PAUSE_S))
            camera = chance.choice(sorted(self.context.cameras))
            press = DoorbellEvent(doorbell=camera, camera=camera, method="chaos")
            press = press.model_copy(update={"correlation_id": press.event_id})
            try:
                await self.publish(topics.DOORBELL_PRESSED.of(camera), press)
            except SpyoncinoError as error:
                note(folder / "refused", f"{press.event_id} {error}")
                continue
            note(folder / "accepted", f"{press.event_id} {time.monotonic()}")


class Ear(AnalyticsModule[ChaosSettings]):
    """Hears every press at least once, and which event it came into."""

    name = "analytics.chaos_ear"
    section = "chaosear"
    settings_model = ChaosSettings
    consumes = (
        Consume(topics.DOORBELL_PRESSED, "on_press", Policy.BLOCK, durable=True),
        Consume(topics.EVENT_CREATED, "on_event", Policy.BLOCK, durable=True),
        Consume(topics.EVENT_UPDATED, "on_event", Policy.BLOCK, durable=True),
    )

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Nothing to release."""

    async def health(self) -> HealthStatus:
        """Always well."""
        return HealthStatus()

    async def on_press(self, press: DoorbellEvent) -> None:
        """Write it down."""
        note(Path(self.settings.folder) / "heard", press.event_id)

    async def on_event(self, update: EventUpdate) -> None:
        """Write down which press has changed it; the press's correlation id is its own id."""
        if cause := update.metadata.get("born_of"):
            note(Path(self.settings.folder) / "told", f"{cause} {update.event.event_id}")


class Monkey(ProcessModule[MonkeySettings]):
    """Misbehaves on order."""

    name = "process.chaos_monkey"
    section = "chaosmonkey"
    settings_model = MonkeySettings
    consumes = (Consume(topics.CAMERA_FRAME, "on_frame"),)

    async def configure(self, settings: MonkeySettings) -> None:
        """Refuse what it is told to refuse, after half of it is done."""
        await super().configure(settings)
        if settings.mood == "refuse":
            raise ZeroDivisionError(settings.mood)

    async def start(self) -> None:
        """A new life: no order is in force."""
        self._order_file.unlink(missing_ok=True)

    async def stop(self) -> None:
        """Nothing to release."""

    async def health(self) -> HealthStatus:
        """Hangs on order."""
        if self._order == "hang":
            await asyncio.Event().wait()
        if self.settings.mood == "ill":
            return HealthStatus(state=HealthState.FAILED, detail="is ill, as the settings want it")
        return HealthStatus()

    async def on_frame(self, frame: Frame) -> None:
        """Raises, lies or blocks on order."""
        match self._order:
            case "raise":
                raise ZeroDivisionError(frame.frame.camera)
            case "lie":
                await self.publish(topics.MEDIA_READY, frame)
            case "block":
                self._order_file.unlink(missing_ok=True)
                time.sleep(BLOCK_S)  # noqa: ASYNC251 - that is the fault

    @property
    def _order_file(self) -> Path:
        return Path(self.settings.folder) / "order"

    @property
    def _order(self) -> str:
        try:
            return self._order_file.read_text().strip()
        except OSError:
            return ""
