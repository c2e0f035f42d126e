"""Tables of the database of people, as numbered steps.

Plain SQL with SQLite's own version number, as in the outbox, instead of the migrations of the event
database: those keep a copy of the file before they change it, and a copy would still hold the
faces of people who were forgotten. Each step is one transaction, which a kill cannot halve.
"""

import sqlite3
from pathlib import Path

from spyoncino.errors import StorageError

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE people (
            person_id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('known', 'blocked', 'ignored')),
            created_at TIMESTAMP NOT NULL,
            updated_at TIMESTAMP NOT NULL
        )""",
        """CREATE TABLE faces (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person_id TEXT NOT NULL REFERENCES people (person_id),
            encoding BLOB NOT NULL,
            metadata TEXT,
            created_at TIMESTAMP NOT NULL,
            updated_at TIMESTAMP NOT NULL,
            is_blacklisted BOOLEAN NOT NULL DEFAULT FALSE,
            model TEXT NOT NULL,
            crop BLOB NOT NULL,
            quality REAL
        )""",
        "CREATE INDEX idx_faces_person_id ON faces (person_id)",
        "CREATE INDEX idx_faces_blacklisted ON faces (is_blacklisted)",
        "CREATE INDEX idx_faces_model ON faces (model)",
        """CREATE TABLE strangers (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            person_id TEXT REFERENCES people (person_id),
            is_ignored BOOLEAN NOT NULL DEFAULT FALSE,
            first_seen TIMESTAMP NOT NULL
        )""",
        """CREATE TABLE sightings (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            stranger INTEGER REFERENCES strangers (number),
            camera TEXT NOT NULL,
            event_id TEXT NOT NULL,
            track_id INTEGER,
            seen_at TIMESTAMP NOT NULL,
            vector BLOB NOT NULL,
            crop BLOB NOT NULL,
            quality REAL NOT NULL,
            model TEXT NOT NULL
        )""",
        "CREATE INDEX idx_sightings_stranger ON sightings (stranger)",
        "CREATE INDEX idx_sightings_seen_at ON sightings (seen_at)",
        "CREATE TABLE properties (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    ),
)
"""Step number N brings a file of version N - 1 to version N; none is ever changed once released."""


def upgrade_people(connection: sqlite3.Connection, path: Path) -> None:
    """Run the steps that a file has not had.

    Args:
        connection: In autocommit mode.
        path: For the sentence.

    Raises:
        StorageError: The file is from a newer program.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise StorageError(
            f"{path} was written by a newer Spyoncino (version {version}, newest known here "
            f"{len(STEPS)}); upgrade the program or restore a backup"
        )
    for number in range(version + 1, len(STEPS) + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("PRAGMA user_version").fetchone() == (number - 1,):
                for statement in STEPS[number - 1]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
