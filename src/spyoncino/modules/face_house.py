"""Whether anything of faces happens in this run, and the database of people where it does."""

import threading
from pathlib import Path

from spyoncino.core.config_load import LoadedConfig
from spyoncino.core.paths import DataFolder
from spyoncino.core.registry import Registry
from spyoncino.modules.capture_specs import section_of
from spyoncino.modules.face_settings import FaceSettings, GallerySettings
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_cipher import read_key

NEEDED = frozenset({"process.face_detector", "process.face_recognizer"})


class FaceHouse:
    """Opens the database of people once; while faces are off, only when somebody asks for it.

    Args:
        loaded: The configuration of this start: what is switched on later waits for the next one.
        registry: The modules that run.
        data: The data folder.
    """

    def __init__(self, loaded: LoadedConfig, registry: Registry, data: DataFolder) -> None:
        self.settings = section_of(loaded, "faces", FaceSettings)
        self.key_file = section_of(loaded, "gallery", GallerySettings).key_file
        overrides = (
            camera.overrides.get("faces", {}).get("enabled", self.settings.enabled)
            for camera in loaded.settings.cameras.values()
        )
        is_wanted = self.settings.enabled or any(overrides)
        self.is_on = is_wanted and {kind.name for kind in registry.modules} >= NEEDED
        self.people: FaceDatabase | None = None
        self._path = data.face_database
        self._opening = threading.Lock()

    def start(self) -> None:
        """Open the database of people if faces are looked at.

        Raises:
            ConfigError: The key file is missing or wrong.
            StorageError: The key does not fit, the file is locked or damaged.
        """
        if self.is_on:
            self.open()

    def open(self) -> FaceDatabase:
        """The database of people, opened where it is not; may be called from any thread.

        Raises:
            ConfigError: The key file is missing or wrong.
            StorageError: The key does not fit, the file is locked or damaged.
        """
        with self._opening:
            if self.people is None:
                key = None if self.key_file is None else read_key(Path(self.key_file).expanduser())
                self.people = FaceDatabase(self._path, key)
            return self.people

    def close(self) -> None:
        """Close it; harmless when it is not open."""
        with self._opening:
            people, self.people = self.people, None
            if people is not None:
                people.close()
