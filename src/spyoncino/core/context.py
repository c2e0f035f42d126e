"""What a module is given to work with, instead of globals."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spyoncino.core.meters import Meters

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from spyoncino.clock import Clock
    from spyoncino.core.bus import Bus
    from spyoncino.core.decisions import DecisionLog
    from spyoncino.core.doorbells import Doorbells
    from spyoncino.core.paths import DataFolder
    from spyoncino.core.settings import CameraSettings
    from spyoncino.persistence.database import Database
    from spyoncino.persistence.people import FaceDatabase
    from spyoncino.runtime.captures import Captures
    from spyoncino.runtime.pool import WorkerPool


@dataclass(slots=True)
class ModuleContext:
    """Everything from outside that modules may touch; built once by the composition root.

    Args:
        bus: The only way to other modules.
        clock: The only source of time.
        log: Bound with the module's name.
        decisions: Where a module says why it let something pass or stopped it.
        data: Paths inside the data folder.
        cameras: Camera id to its settings.
        doorbells: The doorbells, and how one is rung.
        pool: Worker processes for models and encoding.
        captures: One handle for each camera's capture process.
        database: The event database.
        lossless: Nothing may be dropped and no wall-clock deadline holds (``analyze``).
        config_hash: Hash of the settings that influence results; part of deterministic event ids.
        meters: What the system counts about itself.
        faces: Workers can look for faces: it was switched on before the start.
        embedder: What makes vectors of faces, as ``detectors.embedders`` reads it.
        people: Who is known; ``None`` while nothing of faces happens.
        channels: Names of the channels that are to tell somebody, as the settings stand now.
    """

    bus: "Bus"
    clock: "Clock"
    log: "FilteringBoundLogger"
    decisions: "DecisionLog"
    data: "DataFolder"
    cameras: "dict[str, CameraSettings]"
    doorbells: "Doorbells"
    pool: "WorkerPool"
    captures: "Captures"
    database: "Database"
    lossless: bool = False
    config_hash: str = ""
    meters: Meters = field(default_factory=Meters)
    faces: bool = False
    embedder: dict[str, Any] = field(default_factory=dict)
    people: "FaceDatabase | None" = None
    channels: Callable[[], tuple[str, ...]] = tuple

    def section_override(self, camera: str, section: str) -> dict[str, Any]:
        """What ``cameras.<camera>.<section>`` sets, or an empty dictionary."""
        settings = self.cameras.get(camera)
        return dict(settings.overrides.get(section, {})) if settings else {}
