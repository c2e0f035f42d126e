"""One fact of two settings, and the one way to ring."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.fixtures.bus_ear import Ear

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.doorbell_map import doorbell_problems
from spyoncino.core.doorbell_settings import DoorbellSettings, GpioSettings
from spyoncino.core.doorbells import PRESS, REFUSED, Doorbells
from spyoncino.core.settings import CameraSettings, Settings
from spyoncino.core.source_settings import SimSource
from spyoncino.errors import StorageError, UsageError


def camera(doorbell: str | None = None) -> CameraSettings:
    return CameraSettings(source=SimSource(type="sim"), doorbell=doorbell)


def house(
    cameras: Mapping[str, CameraSettings], doorbells: Mapping[str, DoorbellSettings] | None = None
) -> Doorbells:
    return Doorbells(Bus(SystemClock()), cameras, doorbells or {})


def test_a_doorbell_that_only_a_camera_names_has_the_defaults() -> None:
    (found,) = house({"door": camera("front")})
    assert (found.doorbell_id, found.camera, found.settings) == (
        "front",
        "door",
        DoorbellSettings(),
    )


def test_a_doorbell_is_at_the_camera_that_its_own_settings_name() -> None:
    found = house({"door": camera()}, {"front": DoorbellSettings(camera="door", burst_count=2)})
    at_door = found.at_camera("door")
    assert at_door is not None
    assert (at_door.doorbell_id, at_door.settings.burst_count) == ("front", 2)
    assert found.at_camera("yard") is None
    assert found.settings_of("front").burst_count == 2
    assert found.settings_of("unheard of") == DoorbellSettings()


def test_settings_without_a_camera_belong_to_the_camera_that_names_the_doorbell() -> None:
    own = DoorbellSettings(before_s=2.0)
    (found,) = house({"yard": camera(), "door": camera("front")}, {"front": own})
    assert (found.camera, found.settings.before_s) == ("door", 2.0)


def test_who_names_no_doorbell_means_the_only_one() -> None:
    assert house({"door": camera("front")}).named(None).doorbell_id == "front"
    with pytest.raises(UsageError, match="say which doorbell; there is: back, front"):
        house({"door": camera("front"), "yard": camera("back")}).named(None)
    with pytest.raises(UsageError, match="there is no doorbell; set"):
        house({"door": camera()}).named(None)
    with pytest.raises(UsageError, match="there is no doorbell 'side'; there is: front"):
        house({"door": camera("front")}).named("side")


@pytest.mark.parametrize(
    ("doorbells", "place", "sentence"),
    [
        ({"back": DoorbellSettings()}, "doorbells.back", "set camera to the one"),
        ({"back": DoorbellSettings(camera="attic")}, "doorbells.back.camera", "no camera 'attic'"),
        ({"front": DoorbellSettings(camera="yard")}, "doorbells.front.camera", "remove one"),
        (
            {
                "front": DoorbellSettings(gpio=GpioSettings()),
                "back": DoorbellSettings(camera="yard", gpio=GpioSettings()),
            },
            "doorbells.back.gpio.pin",
            "pin 18 is the button of doorbell 'front' already",
        ),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(
    doorbells: dict[str, DoorbellSettings], place: str, sentence: str
) -> None:
    settings = Settings(cameras={"door": camera("front"), "yard": camera()}, doorbells=doorbells)
    ((where, told),) = doorbell_problems(settings)
    assert ".".join(map(str, where)) == place
    assert sentence in told


def test_what_fits_is_no_problem() -> None:
    both = {"front": DoorbellSettings(camera="door", gpio=GpioSettings(pin=4))}
    assert doorbell_problems(Settings(cameras={"door": camera("front")}, doorbells=both)) == []


def test_a_level_that_the_resistor_already_gives_is_refused() -> None:
    with pytest.raises(ValueError, match="level at rest is high already"):
        GpioSettings(pull="up", active="high")
    with pytest.raises(ValueError, match="say which level means pressed"):
        GpioSettings(pull="none")
    assert GpioSettings(pull="none", active="high").to_spec().active_high
    assert GpioSettings(pull="down").to_spec().active_high
    assert not GpioSettings().to_spec().active_high


def test_a_burst_that_never_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="it may be 20 s"):
        DoorbellSettings(burst_count=50, burst_interval_s=1.0)


async def test_a_press_with_the_same_id_counts_once(tmp_path: Path) -> None:
    ear = Ear()
    async with Bus(SystemClock(), outbox=tmp_path / "outbox.db") as bus:
        bus.subscribe("doorbell.*.pressed", ear, name="ear")
        bells = Doorbells(bus, {"door": camera("front")}, {})
        for _ in range(2):
            press = await bells.press("front", "http", "visitor-1")
        await bus.drain()
    assert [each.payload.event_id for each in ear.messages] == ["visitor-1"]
    assert (press.camera, press.method, press.correlation_id) == ("door", "http", "visitor-1")


@pytest.mark.parametrize("press_id", ["short", "x" * 65, "../../etc/passwd", ""])
async def test_an_id_that_is_none_is_refused(press_id: str) -> None:
    with pytest.raises(UsageError, match="the id of a press is"):
        await house({"door": camera("front")}).press(None, "http", press_id)


async def test_the_desk_rings_and_says_when_a_press_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = Ear()
    desk = ControlDesk(tmp_path / "desk")
    async with Bus(SystemClock()) as bus:
        bus.subscribe("doorbell.*.pressed", ear, name="ear")
        bells = Doorbells(bus, {"door": camera("front")}, {})
        bells.register(desk)
        await desk.open()
        try:
            rung = await ask_main(tmp_path / "desk", PRESS, doorbell=None, method="cli")
            await bus.drain()

            async def refuse(*_: object) -> None:
                raise StorageError("no disk")

            monkeypatch.setattr(bells, "press", refuse)
            assert await ask_main(tmp_path / "desk", PRESS) == {REFUSED: "no disk"}
        finally:
            await desk.close()
    (message,) = ear.messages
    assert rung == {
        "event_id": message.payload.event_id,
        "doorbell": "front",
        "camera": "door",
    }
