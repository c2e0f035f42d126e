"""Which doorbell is at which camera: one fact made of two settings. Pure.

``doorbells.<id>.camera`` is its home; ``cameras.<id>.doorbell`` is the short form for a doorbell
that needs no settings of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spyoncino.core.config_layers import Location
from spyoncino.core.doorbell_settings import DoorbellSettings
from spyoncino.core.settings import CameraSettings, Settings


@dataclass(frozen=True, slots=True)
class Doorbell:
    """One doorbell and the camera that looks at its door."""

    doorbell_id: str
    camera: str
    settings: DoorbellSettings


def doorbell_problems(settings: Settings) -> list[tuple[Location, str]]:
    """What does not fit between cameras and doorbells: where it is written, and a sentence."""
    problems: list[tuple[Location, str]] = []
    named = _named_by_cameras(settings.cameras)
    there_is = ", ".join(settings.cameras) or "none"
    for doorbell_id, each in settings.doorbells.items():
        place: Location = ("doorbells", doorbell_id)
        others = [camera for camera in named.get(doorbell_id, ()) if camera != each.camera]
        if each.camera is None and doorbell_id not in named:
            problems.append((place, f"set camera to the one at this door; there is: {there_is}"))
        elif each.camera is not None and each.camera not in settings.cameras:
            sentence = f"there is no camera {each.camera!r}; there is: {there_is}"
            problems.append(((*place, "camera"), sentence))
        elif each.camera is not None and others:
            sentence = (
                f"it is at camera {each.camera!r}, but cameras.{others[0]}.doorbell says it is "
                f"at {others[0]!r}; remove one of the two"
            )
            problems.append(((*place, "camera"), sentence))
    pins: dict[int, str] = {}
    for doorbell_id, each in settings.doorbells.items():
        if each.gpio is None:
            continue
        other = pins.setdefault(each.gpio.pin, doorbell_id)
        if other != doorbell_id:
            sentence = f"pin {each.gpio.pin} is the button of doorbell {other!r} already"
            problems.append((("doorbells", doorbell_id, "gpio", "pin"), sentence))
    return problems


def _named_by_cameras(cameras: Mapping[str, CameraSettings]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for name, camera in cameras.items():
        if camera.doorbell is not None:
            named.setdefault(camera.doorbell, []).append(name)
    return named


def doorbells_of(
    cameras: Mapping[str, CameraSettings], settings: Mapping[str, DoorbellSettings]
) -> dict[str, Doorbell]:
    """Doorbell id to what both settings say of it; one without a camera is left out."""
    named = _named_by_cameras(cameras)
    found: dict[str, Doorbell] = {}
    for doorbell_id in dict.fromkeys((*settings, *named)):
        own = settings.get(doorbell_id) or DoorbellSettings()
        camera = own.camera or next(iter(named.get(doorbell_id, ())), None)
        if camera is not None:
            found[doorbell_id] = Doorbell(doorbell_id, camera, own)
    return found
