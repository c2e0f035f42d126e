"""The way back: settings and commands."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from spyoncino.schemas.base import EventType, Payload


class ConfigUpdate(Payload):
    """Somebody wants settings changed."""

    EVENT_TYPE: ClassVar[EventType] = EventType.CONFIG

    changes: dict[str, Any] = Field(description="Nested keys and their new values.")
    persist: bool = True
    author: str = "unknown"


class ConfigSnapshotPayload(Payload):
    """The settings in force; secrets are masked."""

    EVENT_TYPE: ClassVar[EventType] = EventType.CONFIG

    version: int
    settings: dict[str, Any]


class ConfigRejected(Payload):
    """An update was refused; nothing changed."""

    EVENT_TYPE: ClassVar[EventType] = EventType.CONFIG

    problems: tuple[str, ...]
    author: str = "unknown"


class ConfigRollback(Payload):
    """An update was valid but did not work; the settings from before are in force again."""

    EVENT_TYPE: ClassVar[EventType] = EventType.CONFIG

    version: int = Field(description="Number of the version that is in force again.")
    author: str = Field(default="unknown", description="Who wanted the update.")
    changes: tuple[str, ...] = Field(default=(), description="The keys it wanted to change.")
    part: str = Field(default="", description="Module or camera that did not bear it.")
    reason: str = Field(default="", description="One sentence: what went wrong.")
    diagnostics: tuple[str, ...] = Field(
        default=(), description="What was undone, in order, and what could not be."
    )
    is_complete: bool = Field(
        default=True, description="Whether every part took its old settings back in place."
    )


class ControlCommand(Payload):
    """An order to a module or camera."""

    EVENT_TYPE: ClassVar[EventType] = EventType.COMMAND

    target: str
    command: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class ZoneDefinition(BaseModel):
    """A named polygon of a camera's picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="Name of the zone.")
    kind: Literal["include", "exclude"] = Field(
        default="include",
        description="include: being here is told; exclude: what stands only here is ignored.",
    )
    polygon: tuple[tuple[float, float], ...] = Field(
        min_length=3, description="Corners as [x, y], each 0..1 of width and height."
    )
    labels: tuple[str, ...] = Field(default=(), description="Only these labels; empty: all.")
    inertia_frames: int = Field(
        default=3, ge=1, description="Frames inside before it counts as inside."
    )
    loiter_s: float = Field(default=0.0, ge=0, description="Seconds inside before it counts.")

    @field_validator("polygon")
    @classmethod
    def _inside_the_picture(
        cls, corners: tuple[tuple[float, float], ...]
    ) -> tuple[tuple[float, float], ...]:
        for x, y in corners:
            if not (0 <= x <= 1 and 0 <= y <= 1):
                message = (
                    f"corner [{x}, {y}] is outside the picture; "
                    "each number must be 0..1 of width and height"
                )
                raise ValueError(message)
        return corners


class ZoningSettings(BaseModel):
    """The zones of one camera."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zones: tuple[ZoneDefinition, ...] = ()
