"""Keeps settings over the end of the program: the user's file, and numbered versions beside data.

A version is one file that appears whole or not at all. Secrets are not in it: where one stands, the
version has a mark, and going back takes the secret that is there now.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from spyoncino.clock import Clock
from spyoncino.core.config_changes import difference, leaves
from spyoncino.core.config_edit import edited
from spyoncino.core.config_errors import dotted
from spyoncino.core.config_layers import Location, has_part
from spyoncino.core.config_load import LoadedConfig
from spyoncino.core.config_model import document_model
from spyoncino.core.config_presets import ORIGIN as PRESET_ORIGIN
from spyoncino.core.config_schema import SchemaReader
from spyoncino.core.config_secrets import is_secret_key
from spyoncino.core.logs import MASK, mask_text
from spyoncino.core.registry import Registry
from spyoncino.errors import ConfigError, StorageError

ENDING = ".json"


@dataclass(frozen=True, slots=True)
class Version:
    """One kept version.

    Args:
        number: From 1, never used twice.
        at: UTC, ISO 8601.
        author: Who wanted it.
        keys: What it changed, dotted.
        document: The settings as they were written, secrets masked.
    """

    number: int
    at: str
    author: str
    keys: tuple[str, ...]
    document: Mapping[str, Any]


class ConfigKeeper:
    """The user's file and the versions; its calls touch the disk, so they belong into a thread.

    Args:
        folder: Of the versions.
        registry: The modules, which say what is secret.
        clock: Dates versions.
    """

    def __init__(self, folder: Path, registry: Registry, clock: Clock) -> None:
        self._folder = folder
        self._registry = registry
        self._clock = clock

    def check(self, loaded: LoadedConfig, changes: Mapping[str, Any]) -> None:
        """Refuse changes that could not be written, or that would not hold at the next start.

        Args:
            loaded: What is wanted at present.
            changes: Nested keys.

        Raises:
            ConfigError: One sentence for each that cannot be.
        """
        file = _file_of(loaded)
        problems = [
            problem
            for location, value in leaves(changes)
            if (problem := self._problem(loaded, location, value))
        ]
        if problems:
            raise ConfigError(*problems)
        edited(_read(file), changes, str(file))
        if not os.access(file.resolve().parent, os.W_OK):
            raise ConfigError(f"{file}: its folder cannot be written by this user")

    def write(self, loaded: LoadedConfig, changes: Mapping[str, Any]) -> None:
        """Write changes into the user's file; comments and order stay.

        Raises:
            ConfigError: They cannot be written.
            StorageError: The disk refuses.
        """
        file = _file_of(loaded)
        text = edited(_read(file), changes, str(file))
        _write_whole(file.resolve(), text.encode(), keep_mode_of=file.resolve())

    def record(self, document: Mapping[str, Any], author: str, keys: tuple[str, ...]) -> int:
        """Keep a version, unless the newest one says the same.

        Args:
            document: The settings as they are written.
            author: Who wanted them.
            keys: What changed, dotted.

        Returns:
            Its number.

        Raises:
            StorageError: The disk refuses.
        """
        masked = self._masked(document)
        numbers = self.numbers()
        if numbers and self._same(numbers[-1], masked):
            return numbers[-1]
        number = numbers[-1] + 1 if numbers else 1
        version = {
            "number": number,
            "at": self._clock.utc_now().isoformat(timespec="seconds"),
            "author": author,
            "keys": keys,
            "document": masked,
        }
        text = json.dumps(version, ensure_ascii=False, indent=1, default=str)
        _write_whole(self._path(number), text.encode())
        return number

    def prune(self, keep: int) -> None:
        """Remove the oldest versions.

        Args:
            keep: How many stay.
        """
        for number in self.numbers()[:-keep]:
            self._path(number).unlink(missing_ok=True)

    def numbers(self) -> list[int]:
        """Numbers of all versions, oldest first."""
        names = (path.stem for path in self._folder.glob(f"*{ENDING}"))
        return sorted(int(name) for name in names if name.isdigit())

    def version(self, number: int) -> Version:
        """One version.

        Raises:
            ConfigError: There is none of this number, or its file is damaged.
        """
        path = self._path(number)
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
            return Version(
                read["number"], read["at"], read["author"], tuple(read["keys"]), read["document"]
            )
        except FileNotFoundError:
            raise ConfigError(
                f"there is no version {number} of the settings; "
                "`spyoncino config history` lists those there are"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}: is damaged; take another version") from error

    def changes_to(self, number: int, document: Mapping[str, Any]) -> dict[str, Any]:
        """What makes a version of the present document.

        Args:
            number: Of the version.
            document: The settings as they are written now.

        Raises:
            ConfigError: There is no such version, or a secret of it is nowhere any more.
        """
        wanted = self.version(number).document
        changes = difference(self._masked(document), wanted)
        for location, value in leaves(changes):
            if value is not None and MASK in json.dumps(value, default=str):
                raise ConfigError(
                    f"version {number} has a secret at {dotted(location)} that is not kept and "
                    "differs from the present one; write it into the file and try again"
                )
        return changes

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}{ENDING}"

    def _same(self, number: int, masked: Mapping[str, Any]) -> bool:
        try:
            newest = self.version(number).document
        except ConfigError:
            return False
        return bool(newest == json.loads(json.dumps(masked, default=str)))

    def _masked(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document without secrets, in the types of JSON."""
        reader = SchemaReader(document_model(self._registry).model_json_schema())

        def shown(value: Any, location: Location) -> Any:
            if isinstance(value, Mapping):
                return {str(key): shown(inner, (*location, key)) for key, inner in value.items()}
            if isinstance(value, (list, tuple)):
                return [shown(inner, (*location, place)) for place, inner in enumerate(value)]
            if value not in (None, "") and _is_secret(reader, location, document):
                return MASK
            return mask_text(value) if isinstance(value, str) else value

        masked: dict[str, Any] = shown(document, ())
        return masked

    def _problem(self, loaded: LoadedConfig, location: Location, value: Any) -> str:
        """Why a change would not hold at the next start, or must not be written; else nothing."""
        for known, origin in loaded.origins.items():
            if known[: len(location)] == location and origin.place != str(loaded.user_file):
                if origin.place.startswith(("change by ", PRESET_ORIGIN)):
                    continue
                return (
                    f"{dotted(known)} is set by {origin}, which wins over {loaded.user_file}; "
                    "change it there"
                )
        reader = SchemaReader(document_model(self._registry).model_json_schema())
        is_secret = _is_secret(reader, location, loaded.document)
        if is_secret and value not in (None, "") and not _is_there(loaded.document, location):
            variable = "SPYONCINO_" + "__".join(str(part) for part in location).upper()
            return (
                f"{dotted(location)} is a secret and is not written into {loaded.user_file}; "
                f"write {variable}=… into the .env file beside it"
            )
        return ""


def _is_secret(reader: SchemaReader, location: Location, document: Mapping[str, Any]) -> bool:
    is_key = any(is_secret_key(part) for part in location if isinstance(part, str))
    return is_key or reader.is_secret(reader.at(location, document))


def _is_there(data: Any, location: Location) -> bool:
    for part in location:
        if not has_part(data, part):
            return False
        data = data[part]
    return True


def _file_of(loaded: LoadedConfig) -> Path:
    if loaded.user_file is None:
        raise ConfigError(
            "there is no configuration file that the change could be written to; "
            "write one with `spyoncino config init`, or change it for this run only"
        )
    return loaded.user_file


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as UTF-8 text; check it") from error


def _write_whole(path: Path, content: bytes, keep_mode_of: Path | None = None) -> None:
    """Write a file so that it is there whole or not at all, also after a loss of power."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as part:
            part.write(content)
            part.flush()
            os.fsync(part.fileno())
        try:
            if keep_mode_of is not None:
                shutil.copymode(keep_mode_of, part.name)
            Path(part.name).replace(path)
        except OSError:
            Path(part.name).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror})") from error
