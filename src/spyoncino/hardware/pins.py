"""Pins of this computer: gpiozero over lgpio, or gpiozero's own mock for tests and drills.

The only file that imports gpiozero, and only when a doorbell has a button. Written against
gpiozero 2.0 and its mock pins; never run on a real Raspberry Pi so far.
"""

import contextlib
import importlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from spyoncino.errors import PinError
from spyoncino.hardware.button import Button, ButtonChange, ButtonSpec

PinDriver = Literal["lgpio", "mock"]

INSTALL = "install it with `pip install 'spyoncino[gpio]'`"

_FACTORIES: dict[PinDriver, str] = {
    "lgpio": "gpiozero.pins.lgpio:LGPIOFactory",
    "mock": "gpiozero.pins.mock:MockFactory",
}

CLOCK_STEP_S = 5.0
"""Edges are not told this late; the driver's clock was set."""

Listener = Callable[[list[ButtonChange]], None]
"""Told in the driver's thread; must not block."""


def gpio_chips(root: Path = Path("/")) -> list[Path]:
    """Device files of pin controllers, oldest first; none where the computer has no pins."""
    return sorted((root / "dev").glob("gpiochip*"))


def open_factory(driver: PinDriver = "lgpio") -> Any:
    """What pins are made with.

    Args:
        driver: ``lgpio`` for real ones.

    Raises:
        PinError: The library or the chip is not here; the sentence says what to do.
    """
    module, _, name = _FACTORIES[driver].partition(":")
    # lgpio makes a pipe in the working folder when it is loaded, unless it is told another one.
    os.environ.setdefault("LG_WD", tempfile.gettempdir())
    try:
        factory = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise PinError(f"The library {error.name} is missing or broken; {INSTALL}.") from error
    try:
        return factory()
    except _faults() as error:
        if not gpio_chips():
            raise PinError(
                "This computer has no pins (/dev/gpiochip*); a button needs a Raspberry Pi or the "
                "like. Ring over HTTP or with `spyoncino ring`, or remove gpio from the doorbell."
            ) from error
        raise PinError(
            f"The pins cannot be opened ({type(error).__name__}: {error}); is this user in the "
            "group gpio, and does no other program hold them?"
        ) from error


def _faults() -> tuple[type[Exception], ...]:
    """What gpiozero and lgpio raise; lgpio's own error is a plain ``Exception``."""
    faults: list[type[Exception]] = [OSError, ValueError, RuntimeError]  # GPIOZeroError: by kind
    faults.append(importlib.import_module("gpiozero").GPIOZeroError)
    with contextlib.suppress(ImportError):
        faults.append(importlib.import_module("lgpio").error)
    return tuple(faults)


class EdgeClock:
    """Brings the driver's time stamps to the clock that we look at.

    Which clock the kernel stamps edges with depends on its version. The smallest difference seen is
    the right one, because a stamp can only come late.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None

    def at_s(self, ticks: float, now_s: float) -> float:
        """When an edge happened.

        Args:
            ticks: The driver's stamp in seconds.
            now_s: Our clock while the edge is told.
        """
        offset_s = now_s - ticks
        is_other_clock = self._offset_s is None or offset_s - self._offset_s > CLOCK_STEP_S
        if self._offset_s is None or is_other_clock or offset_s < self._offset_s:
            self._offset_s = offset_s
        return ticks + self._offset_s


class PinButton:
    """A button at a real or mocked pin; its changes come from the driver's thread.

    Args:
        spec: How it is wired and judged.
        factory: From ``open_factory``.
        listener: Told what the button does, in the driver's thread and from ``look``.

    Raises:
        PinError: The pin does not exist, has no such resistor, or another program holds it.
    """

    def __init__(self, spec: ButtonSpec, factory: Any, listener: Listener) -> None:
        self.spec = spec
        self._factory = factory
        self._listener = listener
        self._lock = threading.Lock()
        self._clock = EdgeClock()
        faults = _faults()
        try:
            self._pin = factory.pin(spec.pin)
            self._pin.function = "input"
            self._pin.pull = {"up": "up", "down": "down", "none": "floating"}[spec.pull]
            self._pin.edges = "both"
            self._button = Button(spec, is_down=self._is_down(), now_s=factory.ticks())
            self._pin.when_changed = self._on_edge
        except faults as error:
            raise PinError(f"Pin {spec.pin} cannot be used ({error}).") from error

    @property
    def presses(self) -> int:
        """Presses since it was opened."""
        return self._button.presses

    @property
    def edges(self) -> int:
        """Edges since it was opened; many more than two a press mean a bad contact."""
        return self._button.edges

    @property
    def is_stuck(self) -> bool:
        """Whether it has been down for too long."""
        return self._button.is_stuck

    def look(self) -> None:
        """Tell what time alone brings; to be called a few times a second."""
        with self._lock:
            changes = self._button.look(self._factory.ticks(), is_down=self._is_down())
        if changes:
            self._listener(changes)

    def close(self) -> None:
        """Let go of the pin."""
        self._pin.when_changed = None
        self._pin.close()

    def _is_down(self) -> bool:
        return bool(self._pin.state) == self.spec.active_high

    def _on_edge(self, ticks: float, state: int) -> None:
        """In the driver's thread; ``ticks`` is when the kernel saw it."""
        with self._lock:
            at_s = self._clock.at_s(ticks, self._factory.ticks())
            changes = self._button.edge(at_s, is_down=bool(state) == self.spec.active_high)
        if changes:
            self._listener(changes)
