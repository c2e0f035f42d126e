"""The people that are known: reference faces, several for each person, of one or more models.

Everything blocks; the main process calls it in threads. Vectors of different models never meet:
whoever searches or fills a gallery says which model is meant.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import UsageError
from spyoncino.persistence.people_file import PeopleFile, mark_scrub_due
from spyoncino.persistence.people_names import nobody, person_id_of
from spyoncino.persistence.people_rows import (
    NO_METADATA,
    FaceMatch,
    NewFace,
    Person,
    PersonKind,
    Receipt,
    StoredFace,
    StoredReference,
)
from spyoncino.persistence.people_search import FaceSearch, checked_vector
from spyoncino.persistence.people_strangers import Strangers

DEFAULT_TOLERANCE = 0.6
"""Of dlib's 128 numbers, as the specification has it; other models have limits of their own."""

_FACE = "id, person_id, encoding, model, metadata, crop, quality, is_blacklisted, created_at"


class FaceDatabase:
    """The database of people, ``<data>/faces/faces.db``.

    Args:
        db_path: The SQLite file; it and its folder are made where missing, for this user only.
        key: Of an encrypted one, see ``people_cipher.read_key``.
        is_reader: Another process owns it; nothing is written.

    Raises:
        DamagedFileError: The file is damaged.
        StorageError: The key does not fit, the file is locked, or the disk refuses.
    """

    def __init__(self, db_path: Path, key: bytes | None = None, *, is_reader: bool = False) -> None:
        self.file = PeopleFile(Path(db_path), key, is_reader=is_reader)
        self.strangers = Strangers(self.file)
        self._search = FaceSearch()
        self._changes = 0

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    # people -----------------------------------------------------------------------------------

    def people(self) -> list[Person]:
        """Everybody, by name."""
        query = """
            SELECT people.person_id, name, kind, people.created_at, count(faces.id)
            FROM people LEFT JOIN faces USING (person_id)
            GROUP BY people.person_id ORDER BY name COLLATE NOCASE
        """
        with self.file.read() as connection:
            rows = connection.execute(query).fetchall()
        return [
            Person(person_id, name, PersonKind(kind), datetime.fromisoformat(created), faces)
            for person_id, name, kind, created, faces in rows
        ]

    def person(self, name_or_id: str) -> Person | None:
        """Somebody by the key or the shown name; capitals do not matter."""
        wanted = name_or_id.casefold()
        for each in self.people():
            if wanted in (each.person_id.casefold(), each.name.casefold()):
                return each
        return None

    def add_person(self, name: str, kind: PersonKind = PersonKind.KNOWN) -> Person:
        """The person of this name, made where missing; one who is there keeps their kind.

        Raises:
            UsageError: The name has no letter or digit, or only differs in signs from another's.
        """
        person_id = person_id_of(name)
        with self.file.write() as connection:
            self._ensure_person(connection, person_id, " ".join(name.split()), kind)
        found = self.person(person_id)
        if found is None:
            raise UsageError(f"{name} was forgotten at this very moment; try again")
        if person_id_of(found.name) != person_id:
            raise UsageError(f"{name!r} and {found.name!r} would be the same; add a second name")
        return found

    def flag(self, person_id: str, kind: PersonKind) -> None:
        """Block somebody, or make them known or an ignored anchor again; all faces follow.

        Raises:
            UsageError: There is nobody of this key.
        """
        now = _now()
        with self.file.write() as connection:
            update = "UPDATE people SET kind = ?, updated_at = ? WHERE person_id = ?"
            if connection.execute(update, (kind.value, now, person_id)).rowcount == 0:
                raise UsageError(nobody(person_id))
            connection.execute(
                "UPDATE faces SET is_blacklisted = ?, updated_at = ? WHERE person_id = ?",
                (kind is PersonKind.BLOCKED, now, person_id),
            )
        self._changes += 1

    def forget(self, person_id: str) -> Receipt:
        """Erase a person: every vector and every crop, also of their time as a stranger.

        The bytes are gone from the file afterwards, not only from its tables.

        Raises:
            UsageError: There is nobody of this key.
            StorageError: The disk refused; nobody is forgotten.
        """
        with self.file.write() as connection:
            select = "SELECT name FROM people WHERE person_id = ?"
            row = connection.execute(select, (person_id,)).fetchone()
            if row is None:
                raise UsageError(nobody(person_id))
            select = "SELECT count(*), total(length(crop) > 0) FROM faces WHERE person_id = ?"
            faces, face_crops = connection.execute(select, (person_id,)).fetchone()
            connection.execute("DELETE FROM faces WHERE person_id = ?", (person_id,))
            sightings, sighting_crops = self.strangers.erase_of_person(connection, person_id)
            connection.execute("DELETE FROM people WHERE person_id = ?", (person_id,))
            mark_scrub_due(connection)
        self._changes += 1
        return Receipt(
            person_id,
            row[0],
            faces=faces,
            crops=int(face_crops) + sighting_crops,
            sightings=sightings,
            is_scrubbed=self.file.scrub(),
        )

    # faces ------------------------------------------------------------------------------------

    def add_face(
        self,
        person_id: str,
        encoding: NDArray[np.floating[Any]],
        metadata: Mapping[str, Any] | None = None,
        *,
        model: str | None = None,
        crop: bytes = b"",
        quality: float | None = None,
    ) -> str:
        """Keep a reference face; a person who is not there yet is made, with the key as name.

        Args:
            person_id: Key of the person.
            encoding: Vector, shape ``(d,)``; kept as float64, in full.
            metadata: What JSON can say about it.
            model: Model that made it; ``None``: that of the newest face.
            crop: JPEG of the aligned face.
            quality: 0..1.

        Returns:
            Number of the face, as text.

        Raises:
            UsageError: The vector is empty, not finite or of another length than the model's.
            StorageError: The disk refused.
        """
        face = NewFace(encoding, metadata or NO_METADATA, crop, quality)
        return self.add_faces(person_id, [face], model=model)[0]

    def add_faces(
        self, person_id: str, faces: Iterable[NewFace], *, model: str | None = None
    ) -> list[str]:
        """Keep many reference faces of a person, all of them or none; see ``add_face``."""
        meant = self.newest_model() if model is None else model
        now = _now()
        numbers = []
        with self.file.write() as connection:
            kind = self._ensure_person(connection, person_id, person_id, PersonKind.KNOWN)
            select = "SELECT encoding FROM faces WHERE model = ? ORDER BY id DESC LIMIT 1"
            row = connection.execute(select, (meant,)).fetchone()
            length = None if row is None else len(self._vector(row[0]))
            for face in faces:
                vector = checked_vector(face.encoding, meant, length)
                length = len(vector)
                cursor = connection.execute(
                    "INSERT INTO faces (person_id, encoding, metadata, created_at, updated_at, "
                    "is_blacklisted, model, crop, quality) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        person_id,
                        self.file.cipher.seal(vector.tobytes(), "faces.encoding"),
                        self._sealed_metadata(face.metadata),
                        now,
                        now,
                        kind is PersonKind.BLOCKED,
                        meant,
                        self.file.cipher.seal(face.crop, "faces.crop"),
                        face.quality,
                    ),
                )
                numbers.append(str(cursor.lastrowid))
        self._changes += 1
        return numbers

    def list_faces(
        self, person_id: str | None = None, *, model: str | None = None
    ) -> list[StoredFace]:
        """Reference faces in the order they came; of one person or model, or all."""
        query = f"SELECT {_FACE} FROM faces WHERE (?1 IS NULL OR person_id = ?1) "  # noqa: S608
        query += "AND (?2 IS NULL OR model = ?2) ORDER BY id"
        with self.file.read() as connection:
            rows = connection.execute(query, (person_id, model)).fetchall()
            return [self._face_of(row) for row in rows]

    def add_vector_of(self, face_id: str, encoding: NDArray[np.floating[Any]], model: str) -> bool:
        """Keep what another model makes of the crop of a reference face, beside that face.

        Args:
            face_id: Of the face.
            encoding: See ``add_face``.
            model: Model that made it.

        Returns:
            Whether the face was still there; nothing is kept of one that was removed meanwhile.

        Raises:
            UsageError: The vector is empty or not finite.
            StorageError: The disk refused.
        """
        sealed = self.file.cipher.seal(
            checked_vector(encoding, model, None).tobytes(), "faces.encoding"
        )
        with self.file.write() as connection:
            count = connection.execute(
                "INSERT INTO faces (person_id, encoding, metadata, created_at, updated_at, "
                "is_blacklisted, model, crop, quality) SELECT person_id, ?1, metadata, ?2, ?2, "
                "is_blacklisted, ?3, crop, quality FROM faces WHERE id = ?4",
                (sealed, _now(), model, face_id),
            ).rowcount
        self._changes += 1
        return count == 1

    def remove_faces(self, face_ids: Iterable[str]) -> int:
        """Erase reference faces, also what other models made of the same pictures.

        Their person stays.

        Returns:
            How many of those that are named were there.
        """
        wanted = set(face_ids)
        with self.file.write() as connection:
            rows = connection.execute("SELECT id, person_id, model, crop FROM faces").fetchall()
            faces = [
                (str(number), (person_id, self.file.opened(crop, "faces.crop")), model)
                for number, person_id, model, crop in rows
            ]
            named = [face for face in faces if face[0] in wanted]
            pictures = {picture: model for _, picture, model in named if picture[1]}
            gone = [
                (number,)
                for number, picture, model in faces
                if number in wanted or pictures.get(picture, model) != model
            ]
            connection.executemany("DELETE FROM faces WHERE id = ?", gone)
            mark_scrub_due(connection)
        self._changes += 1
        self.file.scrub()
        return len(named)

    def newest_model(self) -> str:
        """Model of the newest face; empty in an empty database."""
        with self.file.read() as connection:
            row = connection.execute("SELECT model FROM faces ORDER BY id DESC LIMIT 1").fetchone()
        return "" if row is None else str(row[0])

    # searching --------------------------------------------------------------------------------

    def find_matches(
        self,
        encoding: NDArray[np.floating[Any]],
        tolerance: float = DEFAULT_TOLERANCE,
        *,
        model: str | None = None,
    ) -> list[FaceMatch]:
        """Every reference within a distance, nearest first.

        One exact pass over a matrix that is kept in memory until the database changes.

        Args:
            encoding: Shape ``(d,)``.
            tolerance: Largest Euclidean distance that counts.
            model: Whose references are meant; ``None``: those of the newest face's model.

        Raises:
            UsageError: The vector is of another length than the model's.
        """
        meant = self.newest_model() if model is None else model
        with self.file.read() as connection:
            (others,) = connection.execute("PRAGMA data_version").fetchone()  # foreign writes
        state = (others, self._changes)
        return self._search.find(
            encoding, tolerance, meant, state, lambda: self.list_faces(model=meant)
        )

    def references(self, model: str | None = None) -> list[StoredReference]:
        """What a gallery in memory is made of: the references of one model.

        Args:
            model: ``None``: that of the newest face.
        """
        meant = self.newest_model() if model is None else model
        query = (
            "SELECT faces.id, person_id, kind, encoding FROM faces JOIN people USING (person_id) "
            "WHERE model = ? ORDER BY faces.id"
        )
        with self.file.read() as connection:
            rows = connection.execute(query, (meant,)).fetchall()
        return [
            StoredReference(str(number), person_id, kind, self._vector(sealed).astype(np.float32))
            for number, person_id, kind, sealed in rows
        ]

    # inside -----------------------------------------------------------------------------------

    def _face_of(self, row: tuple[Any, ...]) -> StoredFace:
        number, person_id, encoding, model, metadata, crop, quality, is_blacklisted, created = row
        return StoredFace(
            face_id=str(number),
            person_id=person_id,
            encoding=self._vector(encoding),
            model=model,
            metadata=json.loads(self.file.opened(metadata or "{}", "faces.metadata")),
            crop=self.file.opened(crop, "faces.crop"),
            quality=quality,
            is_blacklisted=bool(is_blacklisted),
            created_at=datetime.fromisoformat(created),
        )

    def _vector(self, sealed: bytes) -> NDArray[np.float64]:
        return np.frombuffer(self.file.opened(sealed, "faces.encoding"), dtype="<f8")

    def _sealed_metadata(self, metadata: Mapping[str, Any]) -> bytes | str:
        text = json.dumps(dict(metadata), ensure_ascii=False)
        if not self.file.is_encrypted:
            return text
        return self.file.cipher.seal(text.encode(), "faces.metadata")

    def _ensure_person(
        self, connection: sqlite3.Connection, person_id: str, name: str, kind: PersonKind
    ) -> PersonKind:
        """Make a person where missing; returns the kind that holds."""
        if not person_id:
            raise UsageError("a person needs a key, such as ann-lee")
        now = _now()
        connection.execute(
            "INSERT OR IGNORE INTO people VALUES (?, ?, ?, ?, ?)",
            (person_id, name, kind.value, now, now),
        )
        select = "SELECT kind FROM people WHERE person_id = ?"
        return PersonKind(connection.execute(select, (person_id,)).fetchone()[0])


def _now() -> str:
    return datetime.now(UTC).isoformat()
