"""Buttons at pins of this computer: each press goes onto the bus, once.

A driver's thread counts presses (``hardware.button``); the event loop publishes them. A button that
cannot be had, hangs or bounces like mad is told, and harms neither the others nor the program.
"""

import asyncio
from collections import deque
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import InputModule, ModuleSettings
from spyoncino.core.doorbell_map import Doorbell
from spyoncino.errors import BusClosedError, PinError, StorageError
from spyoncino.hardware.button import ButtonChange, ButtonNews
from spyoncino.hardware.pins import PinButton, PinDriver, open_factory
from spyoncino.modules.chores import Chores
from spyoncino.schemas import topics
from spyoncino.schemas.base import new_id
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.status import HealthState, HealthStatus, StatusNotice

LOOK_S = 0.25
"""How often a button is looked at: a long press is told a quarter of a second late."""

WAITING_MAX = 1024
"""Changes of one button that may wait for the event loop: a minute of a thousand presses."""


class GpioInputSettings(ModuleSettings):
    """Section ``gpio``: how pins are reached."""

    driver: PinDriver = Field(
        default="lgpio",
        description="lgpio for real pins; mock for tests, which has a button nobody can press.",
    )


class _Bell:
    """One button and what it has to tell.

    Args:
        doorbell: Whose button it is.
        loop: Where it is told.
    """

    def __init__(self, doorbell: Doorbell, loop: asyncio.AbstractEventLoop) -> None:
        self.doorbell = doorbell
        self.button: PinButton | None = None
        self.trouble = ""
        self.published = 0
        self.unsafe = 0
        self.lost = 0
        self.press_id = ""
        self.waiting: deque[ButtonChange] = deque()
        self.has_news = asyncio.Event()
        self._loop = loop

    def tell(self, changes: list[ButtonChange]) -> None:
        """In the driver's thread."""
        for change in changes:
            if len(self.waiting) >= WAITING_MAX:
                self.lost += change.news is ButtonNews.PRESSED
            else:
                self.waiting.append(change)
        self._loop.call_soon_threadsafe(self.has_news.set)


class DoorbellInput(InputModule[GpioInputSettings]):
    """Publishes ``doorbell.{id}.pressed`` for buttons at pins, and notices about bad buttons."""

    name = "input.doorbell"
    section = "gpio"
    settings_model = GpioInputSettings
    publishes = (topics.DOORBELL_PRESSED, topics.STATUS_NOTICE)
    fixed_at_start = frozenset({"driver"})

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._bells: list[_Bell] = []
        self._chores = Chores(context.log)
        self._factory: Any = None

    @property
    def factory(self) -> Any:
        """What the pins were made with; a test presses the mock's pins by it."""
        return self._factory

    async def start(self) -> None:
        """Take the pins of every doorbell that has a button; none in a lossless run."""
        if self.context.lossless:
            return
        loop = asyncio.get_running_loop()
        wired = [each for each in self.context.doorbells if each.settings.gpio is not None]
        self._bells = [_Bell(each, loop) for each in wired]
        for bell in self._bells:
            await self._open(bell)
            if bell.button is not None:
                self._chores.start(self._watch(bell), f"button of {bell.doorbell.doorbell_id}")

    async def stop(self) -> None:
        """Let go of the pins."""
        await self._chores.cancel()
        for bell in self._bells:
            if bell.button is not None:
                await asyncio.to_thread(bell.button.close)
        self._bells = []
        if self._factory is not None:
            await asyncio.to_thread(self._factory.close)
            self._factory = None

    async def health(self) -> HealthStatus:
        """Degraded while a button cannot be had, is stuck or has lost presses."""
        troubles = []
        numbers: dict[str, float] = {}
        for bell in self._bells:
            name = bell.doorbell.doorbell_id
            if (trouble := _trouble_of(bell)) != "":
                troubles.append(f"doorbell {name}: {trouble}")
            if bell.button is not None:
                numbers[f"{name}.presses"] = float(bell.button.presses)
                numbers[f"{name}.edges"] = float(bell.button.edges)
                numbers[f"{name}.published"] = float(bell.published)
        return HealthStatus(
            state=HealthState.DEGRADED if troubles else HealthState.OK,
            detail="; ".join(troubles),
            numbers=numbers,
        )

    async def _open(self, bell: _Bell) -> None:
        gpio = bell.doorbell.settings.gpio
        if gpio is None:
            return
        try:
            if self._factory is None:
                self._factory = await asyncio.to_thread(open_factory, self.settings.driver)
            make = partial(PinButton, gpio.to_spec(), self._factory, bell.tell)
            bell.button = await asyncio.to_thread(make)
        except PinError as error:
            bell.trouble = str(error)
            self.context.log.error(
                "button cannot be used", doorbell=bell.doorbell.doorbell_id, error=str(error)
            )

    async def _watch(self, bell: _Bell) -> None:
        """Tell what the button does, at once, and what time alone brings, soon after."""
        looking = asyncio.create_task(self._look_on(bell))
        try:
            while True:
                await bell.has_news.wait()
                bell.has_news.clear()
                while bell.waiting:
                    await self._tell(bell, bell.waiting.popleft())
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_on(self, bell: _Bell) -> None:
        while bell.button is not None:
            await self.context.clock.sleep(LOOK_S)
            bell.button.look()

    async def _tell(self, bell: _Bell, change: ButtonChange) -> None:
        doorbell = bell.doorbell
        match change.news:
            case ButtonNews.PRESSED:
                await self._publish_press(bell, change)
            case ButtonNews.HELD:
                await self._notice(
                    bell,
                    f"the button of doorbell {doorbell.doorbell_id} is held: a long press",
                    HealthState.OK,
                    {"long_press_s": round(change.held_s, 3)},
                )
            case ButtonNews.STUCK:
                await self._notice(
                    bell,
                    f"the button of doorbell {doorbell.doorbell_id} has been down for "
                    f"{change.held_s:.0f} s; it is stuck, or its wire is",
                    HealthState.DEGRADED,
                    {"held_s": round(change.held_s, 3)},
                )
            case ButtonNews.FREED:
                await self._notice(
                    bell,
                    f"the button of doorbell {doorbell.doorbell_id} is free again",
                    HealthState.OK,
                    {"held_s": round(change.held_s, 3)},
                )

    async def _publish_press(self, bell: _Bell, change: ButtonChange) -> None:
        doorbell = bell.doorbell
        press_id = bell.press_id = new_id()
        late_s = 0.0
        if self._factory is not None:
            late_s = max(0.0, float(self._factory.ticks()) - change.at_s)
        press = DoorbellEvent(
            event_id=press_id,
            correlation_id=press_id,
            timestamp=self.context.clock.utc_now() - timedelta(seconds=late_s),
            source=self.name,
            doorbell=doorbell.doorbell_id,
            camera=doorbell.camera,
            method="gpio",
            metadata={"pin": bell.button.spec.pin if bell.button else None},
        )
        try:
            await self.publish(topics.DOORBELL_PRESSED.of(doorbell.doorbell_id), press)
        except StorageError as error:  # it is on its way all the same
            bell.unsafe += 1
            self.context.log.error("a press is not safe", doorbell=press.doorbell, error=str(error))
        except BusClosedError:
            bell.lost += 1
            return
        bell.published += 1

    async def _notice(
        self, bell: _Bell, sentence: str, state: HealthState, facts: dict[str, Any]
    ) -> None:
        metadata = {"doorbell": bell.doorbell.doorbell_id, "press": bell.press_id, **facts}
        notice = StatusNotice(
            source=self.name,
            correlation_id=bell.press_id or None,
            component=self.name,
            message=sentence,
            severity="info" if state is HealthState.OK else "warning",
            state=state,
            metadata=metadata,
        )
        await self.publish(topics.STATUS_NOTICE, notice)


def _trouble_of(bell: _Bell) -> str:
    if bell.trouble or bell.button is None:
        return bell.trouble
    if bell.button.is_stuck:
        return "the button is stuck"
    if bell.lost:
        return f"{bell.lost} presses came too fast and are lost"
    return f"{bell.unsafe} presses could not be kept" if bell.unsafe else ""
