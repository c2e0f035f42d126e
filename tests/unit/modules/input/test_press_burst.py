"""Pictures of a press on the bus: whose they are, how they are numbered, who lets them go."""

import asyncio
from typing import Any

import pytest
from tests.fixtures.payloads import CAMERA

from spyoncino.core.doorbell_settings import DoorbellSettings
from spyoncino.errors import MediaError
from spyoncino.modules.input.press_burst import PressBurst
from spyoncino.runtime.capture.messages import BurstOrder, BurstPicture
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.topics import CAMERA_BURST, CAMERA_FRAME, DOORBELL_PRESSED
from spyoncino.testing.harness import ModuleHarness

FRONT = DOORBELL_PRESSED.of("front")


def press(press_id: str = "press-1", **more: Any) -> DoorbellEvent:
    return DoorbellEvent(event_id=press_id, doorbell="front", camera=CAMERA, **more)


def picture(number: int) -> BurstPicture:
    handle = FrameHandle("burst", number, 1, 1920, 1080)
    return BurstPicture(1, number, handle, 9.8 + number * 0.2, 5_000 + number, 1000.0 + number)


def burst_of(harness: ModuleHarness) -> list[Frame]:
    return [each.payload for each in harness.messages if each.topic == f"camera.{CAMERA}.burst"]


async def taking(harness: ModuleHarness, **settings: Any) -> PressBurst:
    harness.set_camera()
    return await harness.add(PressBurst, **settings)


async def test_each_picture_names_its_press_and_its_place_in_the_burst(
    module_harness: ModuleHarness,
) -> None:
    capture = module_harness.captures[CAMERA]
    capture.burst_pictures = [picture(0), picture(1), picture(2)]
    module = await taking(module_harness)
    await module_harness.feed(FRONT, press(correlation_id="story-1"))
    await module_harness.settle()
    frames = burst_of(module_harness)
    assert [each.sequence_number for each in frames] == [0, 1, 2]
    assert {each.trigger_id for each in frames} == {"press-1"}
    assert {each.correlation_id for each in frames} == {"story-1"}
    assert [each.frame.pts_s for each in frames] == pytest.approx([9.8, 10.0, 10.2])
    assert [each.timestamp for each in frames] == [each.frame.utc for each in frames]
    assert {(each.source_width_px, each.frame.width_px) for each in frames} == {(1920, 1920)}
    assert not module_harness.received(CAMERA_FRAME.of(CAMERA))
    assert module_harness.captures.held == 0, "every picture is released when all are done with it"
    numbers = (await module.health()).numbers
    assert (numbers["bursts"], numbers["pictures"], numbers["bursts_without"]) == (1, 3, 0)


async def test_a_picture_is_held_for_as_long_as_somebody_reads_it(
    module_harness: ModuleHarness,
) -> None:
    reading = asyncio.Event()

    async def read(_: Any) -> None:
        await reading.wait()

    module_harness.bus.subscribe(CAMERA_BURST, read, name="faces")
    module_harness.captures[CAMERA].burst_pictures = [picture(0)]
    await taking(module_harness)
    await module_harness.publish(FRONT, press())
    for _ in range(50):
        await asyncio.sleep(0)
    assert module_harness.captures.held == 1
    reading.set()
    await module_harness.settle()
    assert module_harness.captures.held == 0


async def test_the_doorbell_says_which_pictures(module_harness: ModuleHarness) -> None:
    own = DoorbellSettings(camera=CAMERA, before_s=1.0, burst_count=3, burst_interval_s=0.5)
    module_harness.doorbells["front"] = own
    await taking(module_harness)
    await module_harness.feed(FRONT, press(pts_s=12.5))
    await module_harness.settle()
    await module_harness.feed(
        DOORBELL_PRESSED.of("else"), press("p2").model_copy(update={"doorbell": "else"})
    )
    await module_harness.settle()
    assert module_harness.captures[CAMERA].bursts_asked == [
        BurstOrder(12.5, 1.0, 3, 0.5),
        BurstOrder(None, 0.6, 5, 0.2),
    ]


async def test_a_press_during_a_burst_is_served_by_it(module_harness: ModuleHarness) -> None:
    capture = module_harness.captures[CAMERA]
    capture.burst_pictures = [picture(0)]
    capture.burst_goes_on = asyncio.Event()
    module = await taking(module_harness)
    await module_harness.publish(FRONT, press())
    await module_harness.publish(FRONT, press("press-2"))
    for _ in range(50):
        await asyncio.sleep(0)
    capture.burst_goes_on.set()
    await module_harness.settle()
    assert (await module.health()).numbers["joined"] == 1
    ((passed, why),) = module_harness.reasons("burst of press press-2")
    assert (passed, why) == (False, "the pictures of the press just before serve this one, too")
    await module_harness.feed(FRONT, press("press-3"))
    await module_harness.settle()
    assert len(capture.bursts_asked) == 2


async def test_a_camera_without_pictures_is_a_recorded_reason(
    module_harness: ModuleHarness,
) -> None:
    capture = module_harness.captures[CAMERA]
    capture.burst_error = MediaError("Camera 'door' is not running at the moment.")
    module = await taking(module_harness)
    await module_harness.feed(FRONT, press())
    await module_harness.settle()
    assert module_harness.reasons("burst of press press-1") == [
        (False, "Camera 'door' is not running at the moment.")
    ]
    assert (await module.health()).numbers["bursts_without"] == 1


async def test_no_picture_is_taken_when_it_is_off_or_everything_is_looked_at_anyway(
    module_harness: ModuleHarness, lossless_harness: ModuleHarness
) -> None:
    await taking(module_harness, enabled=False)
    await taking(lossless_harness)
    for harness in (module_harness, lossless_harness):
        await harness.feed(FRONT, press())
        assert harness.captures[CAMERA].bursts_asked == []
