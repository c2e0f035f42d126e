"""Opens the database of a data folder for a command that needs no running system."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from spyoncino.cli.options import GlobalOptions
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.errors import StorageError, UsageError
from spyoncino.persistence.database import Database
from spyoncino.persistence.events import EventStore
from spyoncino.schemas.events import Event


@asynccontextmanager
async def open_records(options: GlobalOptions) -> AsyncIterator[tuple[DataFolder, Database]]:
    """The data folder and its open database.

    Raises:
        StorageError: There is no database yet, or it cannot be opened.
    """
    folder = await asyncio.to_thread(_folder_with_records, options)
    database = Database(folder.database)
    await database.open()
    try:
        yield folder, database
    finally:
        await database.close()


def _folder_with_records(options: GlobalOptions) -> DataFolder:
    folder = DataFolder(resolve_data_dir(options.data, options.config))
    if not folder.database.exists():
        raise StorageError(
            f"no events yet: {folder.database} does not exist; "
            "start `spyoncino run` or `spyoncino demo`, or name another folder with --data"
        )
    return folder


async def find_event(database: Database, event_id: str) -> Event:
    """One event by its id or the beginning of its id.

    Raises:
        UsageError: No event, or more than one, begins so.
    """
    event = await EventStore(database).get(event_id)
    if event is None:
        raise UsageError(
            f"no single event begins with {event_id!r}; see `spyoncino events list` for the ids"
        )
    return event
