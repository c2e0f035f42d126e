"""Rows of the outbox: messages, and the dead letters that some of them become.

The functions run inside a transaction of whoever owns the connection.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

MAX_DEAD_LETTERS = 1_000
"""Dead letters that are kept; the oldest give way."""


@dataclass(slots=True)
class OutboxEntry:
    """One message as it lies in the file.

    Args:
        seq: Its number; rises with every message for the life of the file.
        topic: Full name of its topic.
        event_id: Id of the message; a second one with the same id on its topic is not taken.
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
