"""Runs Alembic's migrations on a database file; imported only when there is one to run."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool


def run_migrations(path: Path, scripts: Path) -> None:
    """Run every migration that the file has not had; blocking.

    Args:
        path: The SQLite file; created when it is not there.
        scripts: Folder with ``env.py`` and ``versions``.
    """
    config = Config()
    config.set_main_option("script_location", str(scripts))
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
