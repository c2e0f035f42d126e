"""Brings a database file to the newest numbered migration, keeping a copy before it changes one."""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from spyoncino.errors import StorageError

MIGRATIONS = Path(__file__).parent / "migrations"


def newest_version() -> str:
    """Number of the newest migration this program knows."""
    head = _scripts(_alembic_config()).get_current_head()
    return head or ""


def upgrade(path: Path) -> str:
    """Run what is missing; blocking, so call it in a thread.

    Args:
        path: The SQLite file; created when it is not there.

    Returns:
        The version the file has now.

    Raises:
        StorageError: The file is from a newer program, corrupt, locked or cannot be written.
    """
    config = _alembic_config()
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in _scripts(config).walk_revisions()}
        if present is not None and present not in known:
            raise StorageError(
                f"{path} was written by a newer Spyoncino (database version {present}, newest "
                f"known here {newest_version()}); upgrade the program or restore a backup"
            )
        if present != newest_version():
            if present is not None:
                _copy(path, path.with_suffix(f".before-{newest_version()}.db"))
            _run(config, connection)
    return newest_version()


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _scripts(config: Config) -> ScriptDirectory:
    return ScriptDirectory.from_config(config)


def _run(config: Config, connection: Connection) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as copy:
        old.backup(copy)
