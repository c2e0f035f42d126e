import pytest
from pydantic import ValidationError
from tests.fixtures.bus_ear import Ear
from tests.fixtures.fake_modules import (
    Bell,
    BellSettings,
    Photographer,
    PhotoSettings,
    fake_context,
)

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.settings import CameraSettings
from spyoncino.core.source_settings import SimSource
from spyoncino.errors import WiringError
from spyoncino.schemas import topics
from spyoncino.schemas.base import Payload
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.events import DoorbellEvent


async def photographer(clock: FakeClock, overrides: dict[str, object]) -> Photographer:
    context = fake_context(Bus(clock), clock)
    camera = CameraSettings(source=SimSource(type="sim"), overrides={"photo": overrides})
    context.cameras["door"] = camera
    module = Photographer(context)
    await module.configure(PhotoSettings(sensitivity=0.25))
    return module


async def test_a_camera_has_the_section_with_its_own_overrides(clock: FakeClock) -> None:
    module = await photographer(clock, {"mode": "off", "lens": {"focal_mm": 50.0, "colour": False}})
    door = module.camera_settings("door")
    assert (door.mode, door.sensitivity, door.lens.focal_mm) == ("off", 0.25, 50.0)
    assert module.camera_settings("back") is module.settings


async def test_an_override_of_a_wrong_value_is_refused(clock: FakeClock) -> None:
    module = await photographer(clock, {"sensitivity": 2})
    with pytest.raises(ValidationError):
        module.camera_settings("door")


async def test_a_module_of_the_whole_house_knows_no_cameras(clock: FakeClock) -> None:
    bell = Bell(fake_context(Bus(clock), clock))
    await bell.configure(BellSettings(loudness=1))
    assert bell.camera_settings("door") is bell.settings


async def test_a_module_answers_no_request_unless_it_says_so(clock: FakeClock) -> None:
    bell = Bell(fake_context(Bus(clock), clock))
    assert await bell.handle_request(Payload()) is None


async def test_configuring_twice_with_the_same_settings_changes_nothing(clock: FakeClock) -> None:
    bell = Bell(fake_context(Bus(clock), clock))
    settings = BellSettings(loudness=1)
    await bell.configure(settings)
    await bell.configure(settings)
    assert bell.settings == settings


async def test_a_module_publishes_only_what_it_declares_and_is_named_when_it_does_not(
    clock: FakeClock,
) -> None:
    notices = Ear()
    press = DoorbellEvent(doorbell="front", camera="door")
    async with Bus(clock) as bus:
        bus.subscribe(topics.STATUS_CONTRACT, notices, name="notices")
        bell = Bell(fake_context(bus, clock))
        for _ in range(2):
            await bell.publish(topics.DOORBELL_PRESSED.of("front"), press)
        with pytest.raises(WiringError, match=r"publishes dashboard\.control\.command, which it"):
            await bell.publish(topics.CONTROL_COMMAND, ControlCommand(target="*", command="x"))
        with pytest.raises(WiringError, match=r"publishes Payload on doorbell\.front\.pressed, wh"):
            await bell.publish(topics.DOORBELL_PRESSED.of("front"), Payload())
        await bus.drain()
    said = [each.payload for each in notices.messages]
    assert [(each.component, each.severity) for each in said] == [("input.bell", "error")] * 2
    assert said[0].message.startswith("input.bell publishes dashboard.control.command")
