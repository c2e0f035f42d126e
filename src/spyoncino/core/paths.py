"""Where things lie: the data folder, its lock, and the rule that finds it.

Nothing else in the program joins path names below the data folder by itself.
"""

import fcntl
import os
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from platformdirs import user_data_path

from spyoncino.errors import StorageError

APPLICATION = "spyoncino"
PRIVATE_FOLDER_MODE = 0o700


def resolve_data_dir(configured: Path | None, config_file: Path | None) -> Path:
    """The data folder: what is configured, else ``./data``, else the platform's.

    Args:
        configured: From ``--data``, ``SPYONCINO_DATA_DIR`` or ``data_dir``.
        config_file: The user's configuration file; ``./data`` beside it (beside the working
            directory without one) is taken when it exists.

    Returns:
        An absolute path, which need not exist yet.
    """
    if configured is not None:
        return configured.expanduser().absolute()
    beside = (config_file.absolute().parent if config_file else Path.cwd()) / "data"
    return beside if beside.is_dir() else user_data_path(APPLICATION, appauthor=False)


class DataFolder:
    """The folder with everything that outlives the program. One running main owns it.

    Args:
        root: The folder; ``prepare`` creates it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._lock_descriptor: int | None = None

    @property
    def database(self) -> Path:
        """The event database (SQLite)."""
        return self.root / "spyoncino.db"

    @property
    def outbox(self) -> Path:
        """Critical messages that somebody has not handled yet (SQLite)."""
        return self.root / "outbox.db"

    @property
    def config_versions(self) -> Path:
        """The folder of numbered versions of the settings."""
        return self.root / "config"

    @property
    def views(self) -> Path:
        """The folder of what each camera usually shows, one small file each."""
        return self.root / "views"

    @property
    def media_root(self) -> Path:
        """The folder that holds the files of all events."""
        return self.root / "media"

    @property
    def logs(self) -> Path:
        """The folder of log files."""
        return self.root / "logs"

    @property
    def log(self) -> Path:
        """The rotating log file."""
        return self.logs / "doorbell.log"

    @property
    def lock_file(self) -> Path:
        """Locked while a main runs; holds its process id."""
        return self.root / "spyoncino.lock"

    @property
    def socket(self) -> Path:
        """Where commands of the same user talk to the running main."""
        return self.root / "control.sock"

    @property
    def mode(self) -> Path:
        """Remembers the mode of the house."""
        return self.root / "mode.json"

    @property
    def detector_choices(self) -> Path:
        """What the detector ``auto`` has measured and chosen."""
        return self.root / "detector-choices.json"

    @property
    def faces(self) -> Path:
        """The folder of everything that makes a face recognisable."""
        return self.root / "faces"

    @property
    def face_database(self) -> Path:
        """The database of people (SQLite); vectors and pictures of faces are nowhere else."""
        return self.faces / "faces.db"

    @property
    def mqtt_topics(self) -> Path:
        """Which topics hold something at the MQTT broker."""
        return self.root / "mqtt-topics.json"

    @property
    def access_token(self) -> Path:
        """The secret that other machines show to see the page; readable by this user only."""
        return self.root / "access-token"

    @property
    def push_key(self) -> Path:
        """The private key that shows push services who sends; readable by this user only."""
        return self.root / "web-push-key"

    def media(self, day: date, event_id: str, name: str = "") -> Path:
        """``media/<YYYY-MM-DD>/<event_id>/<name>``; the folder when no name is given."""
        folder = self.media_root / day.isoformat() / event_id
        return folder / name if name else folder

    def relative(self, path: Path) -> str:
        """A path inside the folder as rows and messages have it: relative, forward slashes.

        Raises:
            StorageError: The path lies outside.
        """
        try:
            return path.absolute().relative_to(self.root).as_posix()
        except ValueError as error:
            raise StorageError(f"{path} lies outside the data folder {self.root}") from error

    def prepare(self) -> None:
        """Create the folder and its sub-folders, readable by this user only.

        Raises:
            StorageError: It cannot be created or written.
        """
        try:
            for folder in (self.root, self.media_root, self.logs):
                folder.mkdir(mode=PRIVATE_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"the data folder {self.root} cannot be created ({error.strerror}); "
                "choose another with --data DIR"
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise StorageError(
                f"the data folder {self.root} cannot be written by this user; "
                "change its owner or choose another with --data DIR"
            )

    def lock(self) -> None:
        """Make this process the one main of the folder, until ``unlock`` or the process's end.

        Raises:
            StorageError: Another running program has it.
        """
        try:
            descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(
                f"{self.lock_file} cannot be written ({error.strerror}); "
                "check the permissions of the data folder"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise StorageError(
                f"Spyoncino is already running on {self.root} (process {owner}); "
                "stop it first or choose another folder with --data DIR"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._lock_descriptor = descriptor

    def unlock(self) -> None:
        """Give the folder free; harmless when it is not locked by this object."""
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None

    @property
    def running_process(self) -> int | None:
        """Id of the main that has the folder locked; ``None`` when none runs."""
        try:
            descriptor = os.open(self.lock_file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(descriptor, 32).decode(errors="replace").strip()
            return int(owner) if owner.isdigit() else 0
        else:
            return None
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        """Prepare and lock."""
        self.prepare()
        self.lock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Unlock."""
        self.unlock()
