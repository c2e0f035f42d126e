"""Which doorbells there are, and the one way in which everybody but a button rings one.

A press made here is on disk when the call returns; see ``core.critical``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk
from spyoncino.core.doorbell_map import Doorbell, doorbells_of
from spyoncino.core.doorbell_settings import DoorbellSettings
from spyoncino.core.settings import CameraSettings
from spyoncino.errors import StorageError, UsageError
from spyoncino.schemas.base import new_id
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.topics import DOORBELL_PRESSED

PRESS = "doorbells.press"
"""The order at the control desk."""

REFUSED = "refused"
"""In the desk's answer: why the press cannot be kept. The caller's words were right."""

PRESS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{7,63}")
"""What a caller may call its press, so that it can ring again without ringing twice."""


class Doorbells:
    """The doorbells of the house; cameras may change while it runs.

    Args:
        bus: Where presses go.
        cameras: Camera id to its settings as they are now.
        settings: Section ``doorbells``.
    """

    def __init__(
        self,
        bus: Bus,
        cameras: Mapping[str, CameraSettings],
        settings: Mapping[str, DoorbellSettings],
    ) -> None:
        self._bus = bus
        self._cameras = cameras
        self._settings = settings

    def __iter__(self) -> Iterator[Doorbell]:
        return iter(doorbells_of(self._cameras, self._settings).values())

    def at_camera(self, camera: str) -> Doorbell | None:
        """The doorbell at whose door a camera looks; ``None`` where there is none."""
        return next((each for each in self if each.camera == camera), None)

    def named(self, doorbell_id: str | None) -> Doorbell:
        """The doorbell of this id, or the only one there is.

        Raises:
            UsageError: There is none of that id, none at all, or more than one to choose from.
        """
        known = {each.doorbell_id: each for each in self}
        there_is = ", ".join(sorted(known)) or "none"
        if doorbell_id is not None:
            if doorbell_id not in known:
                raise UsageError(f"there is no doorbell {doorbell_id[:80]!r}; there is: {there_is}")
            return known[doorbell_id]
        if len(known) != 1:
            raise UsageError(
                f"say which doorbell; there is: {there_is}"
                if known
                else "there is no doorbell; set cameras.<id>.doorbell or doorbells.<id>.camera"
            )
        return next(iter(known.values()))

    def settings_of(self, doorbell_id: str) -> DoorbellSettings:
        """The settings of a doorbell; the defaults for one that is in no settings."""
        return self._settings.get(doorbell_id) or DoorbellSettings()

    async def press(
        self,
        doorbell_id: str | None,
        method: str,
        press_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> DoorbellEvent:
        """Ring a doorbell; when this returns, the press survives whatever comes.

        Args:
            doorbell_id: Which; ``None`` for the only one.
            method: gpio, http, mqtt, cli.
            press_id: Becomes the ``event_id``: a press that is made again with the same one counts
                once. Empty: a new one.
            metadata: Facts to note with the press.

        Raises:
            UsageError: There is no such doorbell, or the id is none.
            StorageError: It was passed on, but could not be kept: it does not survive a crash.
            BusClosedError: The system is not running.
        """
        found = self.named(doorbell_id)
        if press_id is not None and not PRESS_ID.fullmatch(press_id):
            raise UsageError("the id of a press is 8 to 64 letters, digits, '_', '.' and '-'")
        made_id = press_id or new_id()
        press = DoorbellEvent(
            event_id=made_id,
            correlation_id=made_id,
            source=method,
            doorbell=found.doorbell_id,
            camera=found.camera,
            method=method,
            metadata=dict(metadata or {}),
        )
        await self._bus.publish(DOORBELL_PRESSED.of(found.doorbell_id), press)
        return press

    def register(self, desk: ControlDesk) -> None:
        """Have the running main ring when a command asks it to."""

        async def press(arguments: dict[str, Any]) -> dict[str, str]:
            method = str(arguments.get("method", "cli"))
            try:
                rung = await self.press(arguments.get("doorbell"), method, arguments.get("id"))
            except StorageError as error:
                return {REFUSED: str(error)}
            return {"event_id": rung.event_id, "doorbell": rung.doorbell, "camera": rung.camera}

        desk.register(PRESS, press)
