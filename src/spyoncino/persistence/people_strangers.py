"""Sightings of people without a name, and the strangers they make."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from spyoncino.errors import UsageError
from spyoncino.persistence.people_file import PeopleFile, mark_scrub_due
from spyoncino.persistence.people_rows import NewSighting, Sighting, Stranger

_SIGHTING = "id, camera, event_id, seen_at, vector, model, track_id, crop, quality, stranger"


class Strangers:
    """The part of the database of people that is about those without a name.

    Args:
        file: The open file.
    """

    def __init__(self, file: PeopleFile) -> None:
        self._file = file

    def add_sighting(self, sighting: NewSighting) -> int:
        """Keep a sighting; a known stranger's is counted with the others.

        Returns:
            Its number.
        """
        vector = np.ascontiguousarray(sighting.vector, dtype="<f4").tobytes()
        seal = self._file.cipher.seal
        with self._file.write() as connection:
            cursor = connection.execute(
                "INSERT INTO sightings (stranger, camera, event_id, track_id, seen_at, vector, "
                "crop, quality, model) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    sighting.stranger,
                    sighting.camera,
                    sighting.event_id,
                    sighting.track_id,
                    _text(sighting.seen_at),
                    seal(vector, "sightings.vector"),
                    seal(sighting.crop, "sightings.crop"),
                    sighting.quality,
                    sighting.model,
                ),
            )
        return int(cursor.lastrowid or 0)

    def sightings(
        self,
        *,
        stranger: int | None = None,
        only_unassigned: bool = False,
        model: str | None = None,
        since: datetime | None = None,
        event_id: str | None = None,
        sighting: int | None = None,
    ) -> list[Sighting]:
        """Sightings in the order of time; every condition may be left out."""
        query = (
            f"SELECT {_SIGHTING} FROM sightings WHERE (?1 IS NULL OR stranger = ?1) "  # noqa: S608
            "AND (NOT ?2 OR stranger IS NULL) AND (?3 IS NULL OR model = ?3) "
            "AND (?4 IS NULL OR seen_at >= ?4) AND (?5 IS NULL OR event_id = ?5) "
            "AND (?6 IS NULL OR id = ?6) ORDER BY seen_at, id"
        )
        oldest = None if since is None else _text(since)
        with self._file.read() as connection:
            wanted = (stranger, only_unassigned, model, oldest, event_id, sighting)
            rows = connection.execute(query, wanted).fetchall()
        return [self._sighting_of(row) for row in rows]

    def next_number(self) -> int:
        """The number that the next stranger gets: one that none ever had."""
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'strangers'"
        with self._file.read() as connection:
            row = connection.execute(query).fetchone()
        return 1 if row is None else int(row[0]) + 1

    def new_stranger(self, first_seen: datetime, number: int | None = None) -> int:
        """Begin a stranger; one who is there already stays.

        Args:
            first_seen: When.
            number: Where the caller gives numbers, from ``next_number`` on.

        Returns:
            The number.
        """
        with self._file.write() as connection:
            insert = "INSERT OR IGNORE INTO strangers (number, first_seen) VALUES (?, ?)"
            cursor = connection.execute(insert, (number, _text(first_seen)))
            return int(cursor.lastrowid or 0) if number is None else number

    def merge(self, numbers: Iterable[int], into: int) -> None:
        """Strangers who turned out to be one: all their sightings are of ``into`` from now on.

        Those of them who have a name or are ignored are left as they are.
        """
        with self._file.write() as connection:
            for number in numbers:
                is_free = "SELECT 1 FROM strangers WHERE number = ? AND person_id IS NULL"
                if number == into or connection.execute(is_free, (number,)).fetchone() is None:
                    continue
                connection.execute(
                    "UPDATE strangers SET first_seen = min(first_seen, "
                    "(SELECT first_seen FROM strangers WHERE number = ?)) WHERE number = ?",
                    (number, into),
                )
                move = "UPDATE sightings SET stranger = ? WHERE stranger = ?"
                connection.execute(move, (into, number))
                connection.execute("DELETE FROM strangers WHERE number = ?", (number,))

    def assign(self, sighting_ids: Iterable[int], stranger: int | None) -> None:
        """Have sightings belong to a stranger, or to none again.

        Raises:
            UsageError: There is no such stranger.
        """
        if stranger is not None:
            self.get(stranger)
        with self._file.write() as connection:
            connection.executemany(
                "UPDATE sightings SET stranger = ? WHERE id = ?",
                [(stranger, each) for each in sighting_ids],
            )

    def all(self) -> list[Stranger]:
        """Every stranger, by number."""
        return self._select("", ())

    def get(self, number: int) -> Stranger:
        """One stranger.

        Raises:
            UsageError: There is none of this number.
        """
        found = self._select("WHERE number = ?", (number,))
        if not found:
            raise UsageError(f"there is no stranger {number}; see `spyoncino faces list`")
        return found[0]

    def name(self, number: int, person_id: str) -> None:
        """Say who a stranger is; the person must be there.

        Raises:
            UsageError: There is no such stranger, or no such person.
        """
        with self._file.write() as connection:
            select = "SELECT 1 FROM people WHERE person_id = ?"
            if connection.execute(select, (person_id,)).fetchone() is None:
                raise UsageError(f"there is nobody with the key {person_id!r}")
            update = "UPDATE strangers SET person_id = ? WHERE number = ?"
            if connection.execute(update, (person_id, number)).rowcount == 0:
                raise UsageError(f"there is no stranger {number}; see `spyoncino faces list`")

    def ignore(self, number: int, *, is_ignored: bool = True) -> None:
        """Have a stranger not mentioned any more.

        Raises:
            UsageError: There is none of this number.
        """
        with self._file.write() as connection:
            update = "UPDATE strangers SET is_ignored = ? WHERE number = ?"
            if connection.execute(update, (is_ignored, number)).rowcount == 0:
                raise UsageError(f"there is no stranger {number}; see `spyoncino faces list`")

    def purge(self, older_than: datetime) -> int:
        """Erase sightings of before a moment, and strangers of whom nothing is left.

        A stranger who got a name or is ignored keeps the number, without pictures.

        Returns:
            How many sightings were erased.
        """
        with self._file.write() as connection:
            delete = "DELETE FROM sightings WHERE seen_at < ?"
            count = connection.execute(delete, (_text(older_than),)).rowcount
            connection.execute(
                "DELETE FROM strangers WHERE person_id IS NULL AND NOT is_ignored AND "
                "first_seen < ? AND number NOT IN "
                "(SELECT stranger FROM sightings WHERE stranger IS NOT NULL)",
                (_text(older_than),),
            )
            if count:
                mark_scrub_due(connection)
        if count:
            self._file.scrub()
        return count

    def erase_of_person(self, connection: sqlite3.Connection, person_id: str) -> tuple[int, int]:
        """Within a transaction: erase what was seen of a person before they had a name.

        Returns:
            Sightings, and how many of them had a crop.
        """
        whose = "stranger IN (SELECT number FROM strangers WHERE person_id = ?)"
        select = f"SELECT count(*), total(length(crop) > 0) FROM sightings WHERE {whose}"  # noqa: S608
        count, crops = connection.execute(select, (person_id,)).fetchone()
        connection.execute(f"DELETE FROM sightings WHERE {whose}", (person_id,))  # noqa: S608
        connection.execute("DELETE FROM strangers WHERE person_id = ?", (person_id,))
        return count, int(crops)

    def _select(self, where: str, arguments: tuple[Any, ...]) -> list[Stranger]:
        query = (
            "SELECT number, person_id, is_ignored, first_seen, max(seen_at), count(sightings.id), "  # noqa: S608
            "count(DISTINCT event_id) FROM strangers "
            f"LEFT JOIN sightings ON stranger = number {where} GROUP BY number ORDER BY number"
        )
        with self._file.read() as connection:
            rows = connection.execute(query, arguments).fetchall()
        return [
            Stranger(
                number,
                person_id,
                bool(is_ignored),
                first_seen=datetime.fromisoformat(first),
                last_seen=datetime.fromisoformat(last or first),
                sightings=sightings,
                events=events,
            )
            for number, person_id, is_ignored, first, last, sightings, events in rows
        ]

    def _sighting_of(self, row: tuple[Any, ...]) -> Sighting:
        number, camera, event_id, seen_at, vector, model, track_id, crop, quality, stranger = row
        return Sighting(
            sighting_id=number,
            camera=camera,
            event_id=event_id,
            seen_at=datetime.fromisoformat(seen_at),
            vector=np.frombuffer(self._file.opened(vector, "sightings.vector"), dtype="<f4"),
            model=model,
            track_id=track_id,
            crop=self._file.opened(crop, "sightings.crop"),
            quality=quality,
            stranger=stranger,
        )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
