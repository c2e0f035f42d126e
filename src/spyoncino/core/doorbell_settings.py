"""The settings of one doorbell: its door, its button on a pin, the pictures of a press."""

from typing import Literal, Self

from pydantic import Field, model_validator

from spyoncino.core.entity_id import EntityId
from spyoncino.core.settings_group import SettingsGroup
from spyoncino.hardware.button import ButtonSpec

BURST_MAX_S = 20.0
"""Longest burst: packets are kept for about that long, and a visit is over soon after."""

_DEFAULTS = ButtonSpec()


class GpioSettings(SettingsGroup):
    """A button at a pin of this computer (Raspberry Pi)."""

    pin: int = Field(
        default=_DEFAULTS.pin,
        ge=0,
        le=27,
        description="Number of the pin as the chip counts (BCM).",
    )
    pull: Literal["up", "down", "none"] = Field(
        default="up",
        description="The chip's own resistor: up for a button to ground, down for one to 3.3 V, "
        "none where there is one outside.",
    )
    active: Literal["low", "high"] | None = Field(
        default=None,
        description="Level while the button is pressed. Empty: low with pull up, high with pull "
        "down.",
    )
    debounce_s: float = Field(
        default=_DEFAULTS.debounce_s,
        ge=0,
        le=1,
        description="A press counts when the button was quiet for so long before it; contacts "
        "bounce for 1 to 10 ms.",
    )
    long_press_s: float = Field(
        default=_DEFAULTS.long_press_s,
        gt=0,
        description="A button held for so long is told as a long press (still one press).",
    )
    stuck_s: float = Field(
        default=_DEFAULTS.stuck_s,
        gt=0,
        description="A button held for so long is stuck, which is told and shown in health.",
    )

    @model_validator(mode="after")
    def _level_fits_resistor(self) -> Self:
        against = {("up", "high"), ("down", "low")}
        if (self.pull, self.active) in against:
            raise ValueError(
                f"with pull: {self.pull} the level at rest is {self.active} already; "
                "leave active out, or set pull: none"
            )
        if self.pull == "none" and self.active is None:
            raise ValueError("with pull: none say which level means pressed: active: low or high")
        return self

    def to_spec(self) -> ButtonSpec:
        """The same as the button wants it."""
        return ButtonSpec(
            pin=self.pin,
            pull=self.pull,
            active_high=self.active == "high" or self.pull == "down",
            debounce_s=self.debounce_s,
            long_press_s=self.long_press_s,
            stuck_s=self.stuck_s,
        )


class DoorbellSettings(SettingsGroup):
    """One doorbell."""

    camera: EntityId | None = Field(
        default=None,
        description="Camera that looks at its door. Empty: the one whose doorbell key names it.",
    )
    gpio: GpioSettings | None = Field(
        default=None, description="Its button, where one is wired to this computer; {} for pin 18."
    )
    burst_count: int = Field(
        default=5, ge=0, le=50, description="Full-size pictures from a press on."
    )
    burst_interval_s: float = Field(
        default=0.2, ge=0.03, le=5, description="Seconds from one of these pictures to the next."
    )
    before_s: float = Field(
        default=0.6,
        ge=0,
        le=10,
        description="The pictures begin so long before the press, at the same distance.",
    )

    @model_validator(mode="after")
    def _burst_is_short(self) -> Self:
        if self.burst_count * self.burst_interval_s > BURST_MAX_S:
            raise ValueError(
                f"burst_count × burst_interval_s is "
                f"{self.burst_count * self.burst_interval_s:g} s; it may be {BURST_MAX_S:g} s"
            )
        return self
