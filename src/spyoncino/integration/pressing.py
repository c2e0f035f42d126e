"""A press that the embedding program makes."""

from dataclasses import dataclass
from typing import Any

from spyoncino.core.doorbell_map import doorbells_of
from spyoncino.core.settings import Settings
from spyoncino.errors import UsageError
from spyoncino.schemas.events import DoorbellEvent


@dataclass(frozen=True, slots=True)
class PressResult:
    """What became of ``trigger_doorbell``.

    Args:
        success: Whether the press was accepted; then it survives a crash.
        event_id: Of the press; empty when it was not accepted.
        doorbell: Which doorbell.
        camera: The camera that looks at its door.
        detail: Why it was not accepted.
    """

    success: bool
    event_id: str = ""
    doorbell: str = ""
    camera: str = ""
    detail: str = ""


def camera_at_the_door(settings: Settings) -> str:
    """The first camera with a doorbell, else the first; empty when there is none."""
    cameras = {name: each for name, each in settings.cameras.items() if each.enabled}
    at = {each.camera for each in doorbells_of(settings.cameras, settings.doorbells).values()}
    with_bell = [name for name in cameras if name in at]
    return next(iter([*with_bell, *cameras]), "")


def press_at(settings: Settings, camera: str | None, metadata: dict[str, Any]) -> DoorbellEvent:
    """The press of a camera's doorbell, or of ``camera_at_the_door`` when none is named.

    Raises:
        UsageError: There is no such camera.
    """
    name = camera or camera_at_the_door(settings)
    if name not in settings.cameras or not settings.cameras[name].enabled:
        there_is = ", ".join(settings.cameras) or "none"
        raise UsageError(f"there is no camera {name!r} that runs; there is: {there_is}")
    bells = doorbells_of(settings.cameras, settings.doorbells).values()
    doorbell = next((each.doorbell_id for each in bells if each.camera == name), name)
    return DoorbellEvent(doorbell=doorbell, camera=name, source="manager", metadata=metadata)
