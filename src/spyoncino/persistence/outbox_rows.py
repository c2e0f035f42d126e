"""Rows of the outbox: messages, and the dead letters that some of them become.

The functions run inside a transaction of whoever owns the connection.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

_MESSAGES = """
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, event_id TEXT NOT NULL, body BLOB NOT NULL,
    only_for TEXT NOT NULL, UNIQUE (topic, event_id)
);
"""
"""One payload may be published on two topics, as a picture is on its own and on that of all media;
only the second one on the same topic is the same message."""

SCHEMA = f"""
{_MESSAGES}
CREATE TABLE IF NOT EXISTS cursors (subscriber TEXT PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, subscriber TEXT NOT NULL, event_id TEXT NOT NULL,
    body BLOB NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL, died_at TEXT NOT NULL
);
PRAGMA user_version = 2;
"""

FROM_VERSION_1 = (
    "BEGIN; ALTER TABLE messages RENAME TO messages_1;",
    _MESSAGES,
    "INSERT INTO messages SELECT * FROM messages_1; DROP TABLE messages_1; COMMIT;",
)

MAX_DEAD_LETTERS = 1_000
"""Dead letters that are kept; the oldest give way."""


@dataclass(slots=True)
class OutboxEntry:
    """One message as it lies in the file.

    Args:
        seq: Its number; rises with every message for the life of the file.
        topic: Full name of its topic.
        event_id: Unique id of the message; a second one on its topic with the same id is not taken.
        body: The payload as JSON.
        only_for: The one subscriber that it is for; empty for all that take the topic.
        is_duplicate: Set by the writer: the id is in the file already.
        is_written: Set by the writer: the file has it.
    """

    seq: int
    topic: str
    event_id: str
    body: bytes
    only_for: str = ""
    is_duplicate: bool = False
    is_written: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that one subscriber could not handle.

    Args:
        number: What it is called by.
        topic: Full name of its topic.
        subscriber: Who could not handle it.
        event_id: Id of the message.
        body: The payload as JSON.
        reason: Why, a sentence.
        attempts: How often it was tried.
        died_at: UTC time, ISO 8601.
    """

    number: int
    topic: str
    subscriber: str
    event_id: str
    body: bytes
    reason: str
    attempts: int
    died_at: str


def delete_handled(connection: sqlite3.Connection, kept: int) -> int:
    """Delete what everybody has handled but the newest, whose ids are still needed.

    Args:
        connection: The file.
        kept: How many of the newest stay.

    Returns:
        How many messages are in the file afterwards.
    """
    connection.execute(
        "DELETE FROM messages WHERE seq <= (SELECT max(seq) FROM messages) - ? "
        "AND NOT EXISTS (SELECT 1 FROM cursors WHERE cursors.seq < messages.seq)",
        (kept,),
    )
    return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


def empty_handled(connection: sqlite3.Connection) -> None:
    """Delete the bodies of what everybody has handled; nobody reads them.

    What was revived for one subscriber stays whole.
    """
    connection.execute(
        "UPDATE messages SET body = x'' WHERE length(body) > 0 AND only_for = '' "
        "AND seq <= coalesce((SELECT min(seq) FROM cursors), (SELECT max(seq) FROM messages))"
    )


def add_dead_letter(connection: sqlite3.Connection, letter: DeadLetter) -> None:
    """Keep a dead letter; its ``number`` is given by the file."""
    connection.execute(
        "INSERT INTO dead_letters VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
        (
            letter.topic,
            letter.subscriber,
            letter.event_id,
            letter.body,
            letter.reason,
            letter.attempts,
            letter.died_at,
        ),
    )
    connection.execute(
        "DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?",
        (MAX_DEAD_LETTERS,),
    )


def read_dead_letters(connection: sqlite3.Connection) -> list[DeadLetter]:
    """Every dead letter, oldest first."""
    select = (
        "SELECT id, topic, subscriber, event_id, body, reason, attempts, died_at "
        "FROM dead_letters ORDER BY id"
    )
    return [DeadLetter(*row) for row in connection.execute(select)]


def revive_dead_letter(connection: sqlite3.Connection, number: int, seq: int) -> OutboxEntry | None:
    """Make a dead letter a message of this number again; ``None`` when there is no such letter."""
    select = "SELECT topic, event_id, body, subscriber FROM dead_letters WHERE id = ?"
    row = connection.execute(select, (number,)).fetchone()
    if row is None:
        return None
    topic, event_id, body, subscriber = row
    again = f"{event_id}#{seq}"  # the message may still be there, and one that was retried before
    connection.execute(
        "INSERT INTO messages VALUES (?, ?, ?, ?, ?)", (seq, topic, again, body, subscriber)
    )
    connection.execute("DELETE FROM dead_letters WHERE id = ?", (number,))
    return OutboxEntry(seq, topic, event_id, body, subscriber, is_written=True)


def delete_dead_letters(connection: sqlite3.Connection, numbers: Sequence[int]) -> int:
    """Delete dead letters; how many there were."""
    rows = [(number,) for number in numbers]
    return connection.executemany("DELETE FROM dead_letters WHERE id = ?", rows).rowcount
