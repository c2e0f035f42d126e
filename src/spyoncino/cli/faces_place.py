"""Where the people of a house are kept, opened for a command, and orders to change them."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spyoncino.cli.options import GlobalOptions, stderr
from spyoncino.core.config_load import load_config
from spyoncino.core.gallery_orders import order_gallery
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.core.registry import Registry
from spyoncino.errors import UsageError
from spyoncino.modules.builtin import BUILTIN
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_cipher import read_key
from spyoncino.persistence.people_names import nobody
from spyoncino.persistence.people_rows import Person

FACES, GALLERY, RECOGNITION = "faces", "gallery", "recognition"
"""Sections of the configuration."""

HOW_TO_TURN_ON = (
    "recognition is off, so nobody will be recognised at the door; turn it on with\n"
    "  faces:\n    enabled: true\nin spyoncino.yaml, then start `spyoncino run` again"
)


@dataclass(frozen=True, slots=True)
class FacesPlace:
    """What a command about faces needs to know.

    Args:
        folder: The data folder.
        key_file: From the settings; ``None``: faces are not encrypted.
        faces: The section ``faces``, with its defaults.
        recognition: The section ``recognition``, with its defaults.
    """

    folder: DataFolder
    key_file: Path | None = None
    faces: Mapping[str, Any] = field(default_factory=dict)
    recognition: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> bytes | None:
        """The key, read from its file.

        Raises:
            ConfigError: The file is missing or wrong.
        """
        return None if self.key_file is None else read_key(self.key_file)

    @property
    def is_on(self) -> bool:
        """Whether faces are looked at, at the door."""
        return bool(self.faces.get("enabled", False))


def faces_place(options: GlobalOptions) -> FacesPlace:
    """The place that the options and the configuration mean.

    Raises:
        ConfigError: The configuration is wrong.
    """
    loaded = load_config(Registry.discover(BUILTIN), file=options.config, measure=False)
    sections = {
        name: loaded.sections[name].model_dump() if name in loaded.sections else {}
        for name in (FACES, GALLERY, RECOGNITION)
    }
    root = resolve_data_dir(options.data or loaded.settings.data_dir, loaded.user_file)
    folder = DataFolder(root)
    key_file = sections[GALLERY].get("key_file")
    return FacesPlace(
        folder,
        None if key_file is None else Path(key_file).expanduser(),
        faces=sections[FACES],
        recognition=sections[RECOGNITION],
    )


@contextmanager
def open_people(place: FacesPlace) -> Iterator[FaceDatabase | None]:
    """The database of people to read from; ``None`` when nobody was ever enrolled.

    Raises:
        StorageError: It is locked, damaged, or the key does not fit.
    """
    path = place.folder.face_database
    if not path.exists():
        yield None
        return
    is_reader = place.folder.running_process is not None
    with FaceDatabase(path, place.key, is_reader=is_reader) as people:
        yield people


def known_person(people: FaceDatabase | None, name: str) -> Person:
    """Somebody by name.

    Raises:
        UsageError: There is nobody of this name.
    """
    person = None if people is None else people.person(name)
    if person is None:
        raise UsageError(nobody(name))
    return person


def order(place: FacesPlace, order_name: str, /, **arguments: Any) -> dict[str, Any]:
    """Have something about people changed, by main where it runs.

    Raises:
        UsageError: It cannot be; nothing has changed.
        StorageError: Main does not answer, or the disk refused.
    """
    return asyncio.run(order_gallery(place.folder, order_name, key=place.key, **arguments))


def remind_that_faces_are_off(place: FacesPlace) -> None:
    """Say how to turn recognition on, where it is off."""
    if not place.is_on:
        stderr().print(HOW_TO_TURN_ON, style="yellow", markup=False, soft_wrap=True)
