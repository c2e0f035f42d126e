"""Where models come from: the bundled ones by name, a user's own by path; both verified.

The manifest beside the bundled files is the one home of what is known about each of them.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spyoncino.errors import ModelError

BUNDLED_FOLDER: Final = Path(__file__).resolve().parent.parent / "assets" / "models"
MANIFEST_NAME: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One row of the manifest.

    Args:
        name: How settings call it.
        task: What it is for: ``objects``, ``faces`` or ``embedding``.
        type: Head that decodes it, see ``objects_onnx.HEADS`` and ``faces_model.HEADS``.
        file: File name inside the folder.
        sha256: Hash of the file, lower-case hex.
        size_bytes: Size of the file.
        labels: Class names in the model's order.
        licence: SPDX identifier.
        source: Where it was taken from, with version.
        conversion: How the file was made from the source.
        known_from: Of an embedder: cosine from which two faces are one person, 0..1.
        unsure_from: Of an embedder: cosine from which they may be one person, 0..1.
        margin: Of an embedder: lead in cosine over the second person that a name needs, 0..1.
        min_size_px: Of an embedder: smaller faces are not named.
    """

    name: str
    task: str
    type: str
    file: str
    sha256: str
    size_bytes: int
    labels: tuple[str, ...]
    licence: str
    source: str
    conversion: str
    known_from: float | None = None
    unsure_from: float | None = None
    margin: float | None = None
    min_size_px: int | None = None


class ModelStore:
    """The models of one folder.

    Args:
        folder: Has ``manifest.json`` and the files; the bundled one when not given.

    Raises:
        ModelError: The manifest is missing or damaged.
    """

    def __init__(self, folder: Path = BUNDLED_FOLDER) -> None:
        self.folder = folder
        manifest = folder / MANIFEST_NAME
        try:
            rows: list[dict[str, Any]] = json.loads(manifest.read_text("utf-8"))["models"]
            self._entries = {
                row["name"]: ModelEntry(**{**row, "labels": tuple(row["labels"])}) for row in rows
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"The list of models {manifest} cannot be read ({error}); install spyoncino again."
            ) from error

    def entries(self) -> Sequence[ModelEntry]:
        """Every model, in the manifest's order."""
        return tuple(self._entries.values())

    def names(self, task: str) -> tuple[str, ...]:
        """Names of the models for one task, in the manifest's order."""
        return tuple(entry.name for entry in self._entries.values() if entry.task == task)

    def entry(self, name: str) -> ModelEntry:
        """What is known about one model.

        Raises:
            ModelError: There is no such model.
        """
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(sorted(self._entries))
            raise ModelError(
                f"There is no bundled model {name!r}; there are: {known}. "
                "For a model of your own give its type and path."
            ) from None

    def read(self, name: str) -> bytes:
        """The verified bytes of one model.

        Raises:
            ModelError: There is no such model, its file is missing, or was altered.
        """
        entry = self.entry(name)
        return read_verified(self.folder / entry.file, entry.sha256)


def read_verified(path: Path, sha256: str | None) -> bytes:
    """Read a model file and compare its hash.

    Args:
        path: The file.
        sha256: Expected hash in hex; ``None`` trusts the file.

    Raises:
        ModelError: The file cannot be read or has another hash.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"Model file {path} cannot be read: {error.strerror or error}.") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise ModelError(
            f"Model file {path} was altered or damaged: its sha256 is {found}, expected "
            f"{sha256.lower()}; put the right file there or correct the expected hash."
        )
    return content
