"""Folders for the files of events."""

import asyncio
from pathlib import Path

from spyoncino.errors import StorageError


async def make_folder(folder: Path) -> None:
    """Create a folder and its parents, readable by this user only; fine when it is there.

    Raises:
        StorageError: The disk is full or read-only, or the rights do not allow it.
    """
    try:
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"the folder {folder} cannot be created ({error.strerror}); "
            "free some space or check the rights of the data folder"
        ) from error
