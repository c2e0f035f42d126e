import pytest
from pydantic import ValidationError
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
from spyoncino.schemas.base import Payload


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
