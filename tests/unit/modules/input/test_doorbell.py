"""Buttons at mock pins, through the module, onto the bus."""

import asyncio
import threading
from typing import Any

import pytest
from tests.fixtures.payloads import CAMERA

from spyoncino.core.doorbell_settings import DoorbellSettings, GpioSettings
from spyoncino.errors import PinError, StorageError
from spyoncino.modules.input import doorbell as module_file
from spyoncino.modules.input.doorbell import LOOK_S, DoorbellInput
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import STATUS_NOTICE
from spyoncino.testing.harness import ModuleHarness

QUICK = GpioSettings(debounce_s=0.0)


async def front(
    harness: ModuleHarness, gpio: GpioSettings | None = QUICK, **settings: Any
) -> DoorbellInput:
    harness.set_camera()
    harness.doorbells["front"] = DoorbellSettings(camera=CAMERA, gpio=gpio)
    return await harness.add(DoorbellInput, **{"driver": "mock", **settings})


async def in_thread(work: Any) -> None:
    """As the driver does: edges come from a thread of their own."""
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def run() -> None:
        work()
        loop.call_soon_threadsafe(done.set)

    thread = threading.Thread(target=run)
    thread.start()
    await done.wait()
    thread.join()


async def test_a_button_that_is_pressed_rings_at_its_camera(module_harness: ModuleHarness) -> None:
    module = await front(module_harness)
    await in_thread(module.factory.pin(18).drive_low)
    await module_harness.settle()
    messages = [each for each in module_harness.messages if each.topic == "doorbell.front.pressed"]
    (press,) = [each.payload for each in messages]
    assert (press.doorbell, press.camera, press.method) == ("front", CAMERA, "gpio")
    assert press.correlation_id == press.event_id
    assert (await module.health()).numbers == {
        "front.presses": 1.0,
        "front.edges": 1.0,
        "front.published": 1.0,
    }


async def test_each_press_of_many_is_published_once(module_harness: ModuleHarness) -> None:
    module = await front(module_harness)
    pin = module.factory.pin(18)

    def ring() -> None:
        for _ in range(200):
            pin.drive_low()
            pin.drive_high()

    await in_thread(ring)
    for _ in range(20):
        await module_harness.settle()
    ids = [
        each.payload.event_id
        for each in module_harness.messages
        if each.topic == "doorbell.front.pressed"
    ]
    assert len(ids) == len(set(ids)) == 200


async def test_a_button_that_hangs_is_told_once_and_degrades_health(
    module_harness: ModuleHarness,
) -> None:
    held = GpioSettings(debounce_s=0.0, long_press_s=1e-6, stuck_s=2e-6)
    module = await front(module_harness, held)
    pin = module.factory.pin(18)
    await in_thread(pin.drive_low)
    for _ in range(3):
        await module_harness.clock.advance(LOOK_S)
        await module_harness.settle()
    long, stuck = module_harness.received(STATUS_NOTICE)
    press_id = next(
        each.payload.event_id
        for each in module_harness.messages
        if each.topic == "doorbell.front.pressed"
    )
    assert long.metadata["press"] == stuck.metadata["press"] == press_id
    assert long.metadata["long_press_s"] >= 0
    assert (stuck.state, stuck.severity) == (HealthState.DEGRADED, "warning")
    health = await module.health()
    assert (health.state, health.detail) == (
        HealthState.DEGRADED,
        "doorbell front: the button is stuck",
    )
    await in_thread(pin.drive_high)
    await module_harness.clock.advance(LOOK_S)
    await module_harness.settle()
    assert "free again" in module_harness.received(STATUS_NOTICE)[-1].message
    assert (await module.health()).state is HealthState.OK


async def test_a_computer_without_pins_degrades_the_module_and_nothing_else(
    module_harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_here(_: str) -> None:
        raise PinError("This computer has no pins.")

    monkeypatch.setattr(module_file, "open_factory", nothing_here)
    module = await front(module_harness, driver="lgpio")
    health = await module.health()
    assert (health.state, health.detail) == (
        HealthState.DEGRADED,
        "doorbell front: This computer has no pins.",
    )


async def test_a_press_that_no_disk_keeps_is_counted_and_the_next_one_rings(
    module_harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = await front(module_harness)
    publish = module_harness.bus.publish
    failures = [StorageError("no disk")]

    async def fail_once(topic: Any, payload: Any, **more: Any) -> None:
        if failures and isinstance(payload, DoorbellEvent):
            raise failures.pop()
        await publish(topic, payload, **more)

    monkeypatch.setattr(module_harness.bus, "publish", fail_once)
    pin = module.factory.pin(18)

    def ring_twice() -> None:
        for _ in range(2):
            pin.drive_low()
            pin.drive_high()

    await in_thread(ring_twice)
    await module_harness.settle()
    health = await module.health()
    assert health.detail == "doorbell front: 1 presses could not be kept"
    assert health.numbers["front.published"] == 2.0
    rung = [each for each in module_harness.messages if each.topic == "doorbell.front.pressed"]
    assert len(rung) == 1


async def test_presses_that_come_faster_than_the_loop_takes_them_are_bounded_and_counted(
    module_harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_file, "WAITING_MAX", 4)
    module = await front(module_harness)
    pin = module.factory.pin(18)
    for _ in range(10):  # in the loop's own thread: nothing is taken meanwhile
        pin.drive_low()
        pin.drive_high()
    await module_harness.settle()
    assert "presses came too fast and are lost" in (await module.health()).detail


async def test_no_pin_is_touched_without_a_button_or_in_a_lossless_run(
    module_harness: ModuleHarness, lossless_harness: ModuleHarness
) -> None:
    for harness, gpio in ((module_harness, None), (lossless_harness, QUICK)):
        module = await front(harness, gpio)
        assert module.factory is None
        assert (await module.health()).state is HealthState.OK
