"""Stands in for the doorbell's old main class ``DoorbellSecuritySystem``.

Four attributes and five methods over ``OrchestratorManager``; new code uses that.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from spyoncino.app import Application
from spyoncino.core.settings import Settings
from spyoncino.errors import BusClosedError
from spyoncino.integration.manager import OrchestratorManager
from spyoncino.integration.pressing import PressResult, camera_at_the_door
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore

PRESS_CHANNEL = 18
"""The pin that the old code listened to."""


class LegacyCamera:
    """The camera at the door, as the old code asks for it.

    Args:
        manager: Whose camera.
        name: Which; empty when none is configured.
    """

    def __init__(self, manager: OrchestratorManager, name: str) -> None:
        self._manager = manager
        self.name = name

    @property
    def is_initialized(self) -> bool:
        """Whether it shows pictures."""
        return self.state == "live"

    @property
    def state(self) -> str:
        """connecting, live, stalled, retrying, ended or off."""
        application = self._manager.application
        return "off" if application is None else self._manager.call(self._state_in(application))

    async def _state_in(self, application: Application) -> str:
        captures = application.captures
        return captures[self.name].stats().state if self.name in captures else "off"


class LegacyButton:
    """The doorbell's button.

    Args:
        adapter: Who rings.
    """

    def __init__(self, adapter: "LegacyAdapter") -> None:
        self._adapter = adapter
        self.channel = PRESS_CHANNEL

    def press(self) -> PressResult:
        """Ring as if it had been pressed."""
        return self._adapter.on_doorbell_pressed(self.channel)


class LegacyFaces:
    """The place of the faces that are known; empty before faces are looked for.

    Whatever else the old code asks of it is an ``AttributeError`` with a sentence.
    """

    is_available = False

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"face_manager.{name} is not there: this version does not recognise faces yet"
        )


class LegacyAdapter:
    """The old class's attributes and methods.

    Args:
        manager: The system; one is made of ``config`` when it is not given.
        config: Settings, as ``OrchestratorManager`` takes them.

    Attributes:
        settings: The settings in force.
        face_manager: See ``LegacyFaces``.
        camera: The camera that looks at the door.
        gpio: The button.
    """

    def __init__(
        self,
        manager: OrchestratorManager | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self._manager = manager or OrchestratorManager(config)
        self.settings: Settings = self._manager.settings
        self.face_manager = LegacyFaces()
        self.camera = LegacyCamera(self._manager, camera_at_the_door(self.settings))
        self.gpio = LegacyButton(self)

    def start(self) -> None:
        """Start the system; returns when it is ready."""
        self._manager.start()

    def stop(self) -> None:
        """Finish what is open and stop."""
        self._manager.stop()

    def on_doorbell_pressed(self, channel: int = PRESS_CHANNEL) -> PressResult:
        """Somebody pressed the button.

        Args:
            channel: The pin of the button; noted with the press.
        """
        return self._manager.trigger_doorbell(channel=channel)

    def get_recent_captures(self, limit: int = 10) -> list[dict[str, Any]]:
        """The latest events with their files, newest first.

        Args:
            limit: At most so many.

        Returns:
            ``event_id``, ``timestamp``, ``type``, ``camera``, ``state``, ``presses`` and ``files``:
            kind (snapshot, gif, webp, clip) to absolute path; ``image`` is the snapshot's or
            ``None``.

        Raises:
            BusClosedError: The system does not run.
        """
        return self._manager.call(self._recent_captures(limit))

    def get_system_status(self) -> dict[str, Any]:
        """The state, the score, the last error, the camera and the pipeline's metrics."""
        health = self._manager.get_health_status()
        return {
            "status": health.state.value,
            "is_running": self._manager.application is not None,
            "uptime": health.uptime,
            "performance_score": health.performance_score,
            "last_error": health.last_error,
            "camera": {"name": self.camera.name, "state": self.camera.state},
            "pipeline": health.pipeline_status,
        }

    async def _recent_captures(self, limit: int) -> list[dict[str, Any]]:
        application = self._manager.application
        if application is None:
            raise BusClosedError("The system does not run; call start() first.")
        events = await EventStore(application.database).find(limit=limit)
        rows = await MediaStore(application.database).of_events([each.event_id for each in events])
        found = []
        for event in events:
            root = application.data.root
            files = {row.kind.value: str(root / row.path) for row in rows.get(event.event_id, ())}
            found.append(
                {
                    "event_id": event.event_id,
                    "timestamp": event.started_at,
                    "type": event.type,
                    "camera": event.camera,
                    "state": event.state.value,
                    "presses": len(event.presses),
                    "image": files.get("snapshot"),
                    "files": files,
                }
            )
        return found
