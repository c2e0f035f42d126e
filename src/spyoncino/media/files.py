"""Files that are either whole or not there: written beside their place, synced, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spyoncino.errors import MediaError

TEMPORARY_SUFFIX = ".tmp"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; sync and rename it at the end, remove it on any error.

    Args:
        path: Final place; its folder is made where missing, an old file is replaced.

    Raises:
        MediaError: The disk refused; the sentence says what the system said.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync_file(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        _remove(temporary)
        raise MediaError(f"{path} cannot be written: {error.strerror or error}.") from error
    except BaseException:
        _remove(temporary)
        raise


def _remove(temporary: Path) -> None:
    with suppress(OSError):
        temporary.unlink()


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that it is there completely, or as it was before, even after a power cut.

    Raises:
        MediaError: The disk refused.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def sync_file(path: Path) -> None:
    """Wait until the file's data is on the disk."""
    with path.open("rb") as opened:
        os.fsync(opened.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
