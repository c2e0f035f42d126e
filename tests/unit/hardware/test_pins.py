"""A button at gpiozero's mock pins: the library for real, the pin without a board."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spyoncino.errors import PinError
from spyoncino.hardware import pins
from spyoncino.hardware.button import ButtonChange, ButtonNews, ButtonSpec
from spyoncino.hardware.pins import EdgeClock, PinButton, gpio_chips, open_factory

QUICK = ButtonSpec(debounce_s=0.0)


@pytest.fixture
def factory() -> Iterator[Any]:
    made = open_factory("mock")
    yield made
    made.close()


def heard(factory: Any, spec: ButtonSpec) -> tuple[PinButton, list[ButtonNews]]:
    told: list[ButtonNews] = []

    def listen(changes: list[ButtonChange]) -> None:
        told.extend(each.news for each in changes)

    return PinButton(spec, factory, listen), told


def test_a_button_to_ground_is_pressed_by_a_low_level(factory: Any) -> None:
    button, told = heard(factory, QUICK)
    pin = factory.pin(18)
    assert pin.pull == "up"
    pin.drive_low()
    pin.drive_high()
    pin.drive_low()
    assert told == [ButtonNews.PRESSED, ButtonNews.RELEASED, ButtonNews.PRESSED]
    assert (button.presses, button.edges) == (2, 3)


def test_a_button_to_the_supply_is_pressed_by_a_high_level(factory: Any) -> None:
    button, told = heard(factory, ButtonSpec(pin=4, pull="down", active_high=True, debounce_s=0))
    factory.pin(4).drive_high()
    assert told == [ButtonNews.PRESSED]
    button.close()
    factory.pin(4).drive_low()
    factory.pin(4).drive_high()
    assert told == [ButtonNews.PRESSED]


def test_looking_tells_a_button_that_is_stuck(factory: Any) -> None:
    spec = ButtonSpec(debounce_s=0.0, long_press_s=1e-9, stuck_s=1e-9)
    button, told = heard(factory, spec)
    factory.pin(18).drive_low()
    button.look()
    assert told == [ButtonNews.PRESSED, ButtonNews.HELD, ButtonNews.STUCK]
    assert button.is_stuck


def test_a_pin_that_is_not_there_is_a_sentence(factory: Any) -> None:
    with pytest.raises(PinError, match="Pin 77 cannot be used"):
        heard(factory, ButtonSpec(pin=77))


def test_a_missing_library_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero.pins.mock", None)
    with pytest.raises(PinError, match=r"pip install 'spyoncino\[gpio\]'"):
        open_factory("mock")


def test_a_computer_without_pins_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "gpio_chips", list)
    monkeypatch.setitem(pins._FACTORIES, "mock", f"{__name__}:broken")
    with pytest.raises(PinError, match="This computer has no pins"):
        open_factory("mock")


def test_pins_that_somebody_else_holds_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "gpio_chips", lambda: [Path("/dev/gpiochip0")])
    monkeypatch.setitem(pins._FACTORIES, "mock", f"{__name__}:broken")
    with pytest.raises(PinError, match="in the group gpio"):
        open_factory("mock")


def broken() -> None:
    raise OSError("busy")


def test_controllers_are_found_by_their_device_files(tmp_path: Path) -> None:
    assert gpio_chips(tmp_path) == []
    (tmp_path / "dev").mkdir()
    chip = tmp_path / "dev" / "gpiochip0"
    chip.touch()
    assert gpio_chips(tmp_path) == [chip]


def test_stamps_of_another_clock_keep_their_distances() -> None:
    """A stamp is told late, once by 30 ms: the distance of the edges is that of the stamps."""
    clock = EdgeClock()
    epoch_s = 1.7e9
    first_s = clock.at_s(epoch_s + 1.0, 101.03)
    second_s = clock.at_s(epoch_s + 1.2, 101.2)
    third_s = clock.at_s(epoch_s + 1.3, 101.35)
    assert first_s == pytest.approx(101.03)
    assert [second_s, third_s] == pytest.approx([101.2, 101.3])


def test_a_clock_that_was_set_is_learned_again() -> None:
    clock = EdgeClock()
    clock.at_s(1000.0, 100.0)
    assert clock.at_s(500.0, 101.0) == pytest.approx(101.0)
