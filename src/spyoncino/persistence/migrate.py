"""Brings a database file to the newest numbered migration, keeping a copy before it changes one.

Nearly every start finds the newest version already; Alembic, a tenth of a second of imports, is
loaded only when a migration is to be run.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from spyoncino.errors import StorageError

MIGRATIONS = Path(__file__).parent / "migrations"

BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for somebody else's lock before it is an error."""


def known_versions() -> list[str]:
    """Numbers of the migrations this program knows, oldest first: their files begin with them."""
    return sorted(
        path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    )


def newest_version() -> str:
    """Number of the newest migration this program knows."""
    return known_versions()[-1]


def upgrade(path: Path) -> str:
    """Run what is missing; blocking, so call it in a thread.

    Args:
        path: The SQLite file; created when it is not there.

    Returns:
        The version the file has now.

    Raises:
        StorageError: The file is from a newer program, corrupt, locked or cannot be written.
    """
    present = _version_of(path)
    newest = newest_version()
    if present == newest:
        return newest
    if present is not None:
        if present not in known_versions():
            raise StorageError(
                f"{path} was written by a newer Spyoncino (database version {present}, newest "
                f"known here {newest}); upgrade the program or restore a backup"
            )
        _copy(path, path.with_suffix(f".before-{newest}.db"))
    from spyoncino.persistence.migration_run import run_migrations  # noqa: PLC0415 - see above

    run_migrations(path, MIGRATIONS)
    return newest


def _version_of(path: Path) -> str | None:
    """The number that Alembic left in the file; ``None`` in one without tables."""
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
        table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
        if connection.execute(table).fetchone() is None:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as copy:
        old.backup(copy)
