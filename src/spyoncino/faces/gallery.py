"""The reference faces of people, and whom a face resembles most: exact, every reference counts.

Several references of one person are never averaged: a mean of a frontal and a turned face resembles
neither. It knows vectors and keys only, no names, no files and no limits.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spyoncino.errors import ModelError, UsageError

Kind = Literal["known", "blocked", "ignored"]
"""What a person is to this house; ``ignored``: looked like somebody but is nobody (a poster)."""

BLOCK_ROWS: Final = 1024
"""References that one pass compares with all faces of a batch: 0.8 MB of 192 floats stay in the
cache of a core, so that a second face of the batch costs no memory traffic."""

GROWTH: Final = 1.5
"""By which a full matrix grows: adding is O(1) amortised, and at most a third lies empty."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One face of one person.

    Args:
        face_id: Key of this face, unique in the gallery.
        person_id: Whose face it is.
        kind: What that person is here; the same for all of a person's faces.
        vector: Embedding, shape (d,), any length but zero.
        embedder: Model of the vector; empty trusts the caller.
    """

    face_id: str
    person_id: str
    kind: Kind
    vector: NDArray[np.float32]
    embedder: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """Whom one face resembles most, and who comes second.

    Args:
        person_id: The nearest person; ``None``: the gallery is empty.
        kind: What that person is here.
        face_id: The reference that is nearest.
        similarity: Cosine to it, -1..1; -1 in an empty gallery.
        runner_up_person_id: The nearest *other* person; ``None``: there is only one.
        runner_up: Cosine to the best reference of that other person; 0 where there is none, which
            is what unrelated faces have.
        margin: ``similarity - runner_up``, 0 or more (of one person alone: the similarity).
    """

    person_id: str | None
    kind: Kind | None
    face_id: str | None
    similarity: float
    runner_up_person_id: str | None
    runner_up: float
    margin: float


NOBODY: Final = Match(None, None, None, -1.0, None, 0.0, 0.0)
"""The answer of an empty gallery."""


class Gallery:
    """References of one embedding model in one matrix.

    A search compares a face with every reference by ``numpy.vecdot``, one dot product a row on one
    thread; the BLAS threads of ``matrix @ face`` wait for each other, and take ten times as long
    when other processes want the cores (``benchmarks/bench_gallery.py``). Single precision only
    narrows the choice down; references that are nearer to each other than its rounding error are
    compared in double.

    Args:
        embedder: Name of the model of all vectors.
        references: To begin with.

    Raises:
        ModelError: A vector is of another model or dimension, or no direction at all.
        UsageError: A face is there twice, or a person is of two kinds.
    """

    def __init__(self, embedder: str, references: Iterable[Reference] = ()) -> None:
        self.embedder = embedder
        self.version = 0
        """Rises with every change, so that answers can be kept until then."""
        self._matrix: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._codes: NDArray[np.int32] = np.zeros(0, np.int32)
        self._face_ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._code_of: dict[str, int] = {}
        self._people: list[str] = []
        self._kinds: list[Kind] = []
        self._counts: list[int] = []
        self._free_codes: list[int] = []
        self.add_all(references)

    def __len__(self) -> int:
        return len(self._face_ids)

    def __contains__(self, face_id: object) -> bool:
        return face_id in self._rows

    @property
    def dimensions(self) -> int:
        """Length of the vectors; 0 until there is one."""
        return int(self._matrix.shape[1])

    @property
    def person_count(self) -> int:
        """How many people have at least one reference."""
        return len(self._code_of)

    @property
    def nbytes(self) -> int:
        """Memory of the vectors, with what is kept free to grow, in bytes."""
        return self._matrix.nbytes + self._codes.nbytes

    def people(self) -> dict[str, Kind]:
        """Every person with at least one reference, by key."""
        codes = sorted((person, code) for person, code in self._code_of.items())
        return {person: self._kinds[code] for person, code in codes}

    def kind(self, person_id: str) -> Kind | None:
        """What a person is here; ``None``: nobody of that key."""
        code = self._code_of.get(person_id)
        return None if code is None else self._kinds[code]

    def references(self) -> list[Reference]:
        """A copy of everything, by face key; vectors have length 1."""
        return [
            Reference(
                face_id,
                self._people[self._codes[row]],
                self._kinds[self._codes[row]],
                self._matrix[row].copy(),
                self.embedder,
            )
            for face_id, row in sorted(self._rows.items())
        ]

    def vector(self, face_id: str) -> NDArray[np.float32]:
        """A copy of one reference's vector, length 1.

        Raises:
            KeyError: There is no such face.
        """
        found: NDArray[np.float32] = self._matrix[self._rows[face_id]].copy()
        return found

    def add(self, reference: Reference) -> None:
        """Put one more reference in; O(1) amortised.

        Raises:
            ModelError: Its vector is of another model or dimension, or no direction at all.
            UsageError: The face is there already, or its person is of another kind.
        """
        self.add_all([reference])

    def add_all(self, references: Iterable[Reference]) -> None:
        """Put many references in; those before a refused one stay.

        Raises:
            ModelError: A vector is of another model or dimension, or no direction at all.
            UsageError: A face is there already, or a person is of another kind.
        """
        rows = references if isinstance(references, Sequence) else list(references)
        for start in range(0, len(rows), BLOCK_ROWS):
            self._add_block(rows[start : start + BLOCK_ROWS], len(rows) - start)

    def _add_block(self, references: Sequence[Reference], to_come: int) -> None:
        """Add some; there is room for all that are to come after the first."""
        for reference in references:
            if reference.embedder and reference.embedder != self.embedder:
                self._refuse_model(reference.embedder)
        shapes = {np.shape(reference.vector) for reference in references}
        if len(shapes) > 1 or len(next(iter(shapes))) != 1:
            shown = " and ".join(str(shape) for shape in sorted(shapes))
            raise ModelError(f"Faces to add have vectors of shape {shown}; one model makes one.")
        vectors = self._checked([reference.vector for reference in references], "")
        if len(self) + len(references) > len(self._codes):
            self._grow(max(len(self) + to_come, math.ceil(len(self._codes) * GROWTH)), vectors)
        for reference, vector in zip(references, vectors, strict=True):
            if reference.face_id in self._rows:
                raise UsageError(f"Face {reference.face_id!r} is in the gallery already.")
            code = self._code(reference.person_id, reference.kind)
            row = len(self._face_ids)
            self._matrix[row] = vector
            self._codes[row] = code
            self._face_ids.append(reference.face_id)
            self._rows[reference.face_id] = row
            self._counts[code] += 1
            self.version += 1

    def remove(self, face_id: str) -> None:
        """Take one reference out and erase its vector; O(1).

        Raises:
            UsageError: There is no such face.
        """
        row = self._rows.pop(face_id, None)
        if row is None:
            raise UsageError(f"There is no face {face_id!r} in the gallery.")
        code = int(self._codes[row])
        last = len(self._face_ids) - 1
        moved = self._face_ids.pop()
        if row != last:
            self._matrix[row] = self._matrix[last]
            self._codes[row] = self._codes[last]
            self._face_ids[row] = moved
            self._rows[moved] = row
        self._matrix[last] = 0.0
        self._counts[code] -= 1
        if not self._counts[code]:
            del self._code_of[self._people[code]]
            self._free_codes.append(code)
        self.version += 1

    def set_kind(self, person_id: str, kind: Kind) -> None:
        """Block, ignore or know a person from now on.

        Raises:
            UsageError: There is no such person.
        """
        if person_id not in self._code_of:
            raise UsageError(f"There is no person {person_id!r} in the gallery.")
        self._kinds[self._code_of[person_id]] = kind
        self.version += 1

    def search(self, vectors: ArrayLike, embedder: str = "") -> list[Match]:
        """Whom faces resemble most, and who comes second.

        Equal similarities are decided by the smaller person key, then face key, so the answer does
        not depend on the order in which references came.

        Args:
            vectors: Embeddings, shape (n, d) or (d,), any length but zero.
            embedder: Model of the vectors; empty trusts the caller.

        Returns:
            One match for each face.

        Raises:
            ModelError: The vectors are of another model or dimension, or no direction at all.
        """
        probes = self._checked(vectors, embedder)
        if not len(self):
            return [NOBODY] * len(probes)
        scores = self._scores(probes)
        return [self._match(row, probe) for row, probe in zip(scores, probes, strict=True)]

    def similarities(self, person_id: str, vectors: ArrayLike) -> NDArray[np.float64]:
        """Cosine of faces to the best reference of one person.

        Args:
            person_id: Somebody; of one without references all are -1.
            vectors: Embeddings, shape (n, d) or (d,).

        Returns:
            Shape (n,), -1..1.
        """
        probes = self._checked(vectors, "").astype(np.float64)
        code = self._code_of.get(person_id, -1)
        rows = np.flatnonzero(self._codes[: len(self)] == code)
        if not len(rows):
            return np.full(len(probes), -1.0)
        found: NDArray[np.float64] = probes @ self._matrix[rows].astype(np.float64).T
        best: NDArray[np.float64] = found.max(axis=1).clip(-1.0, 1.0)
        return best

    def _checked(self, vectors: ArrayLike, embedder: str) -> NDArray[np.float32]:
        """As rows of length 1."""
        if embedder and embedder != self.embedder:
            self._refuse_model(embedder)
        rows = np.atleast_2d(np.asarray(vectors, np.float64))
        dimensions = self.dimensions or rows.shape[1]
        if rows.ndim != 2 or rows.shape[1] != dimensions or not dimensions:
            raise ModelError(
                f"A face has a vector of shape {np.shape(vectors)} but those of "
                f"{self.embedder!r} have {dimensions} numbers; it is of another model."
            )
        lengths = np.linalg.norm(rows, axis=1)
        if not np.all(np.isfinite(lengths)) or not np.all(lengths > 0):
            raise ModelError(
                f"A vector of {self.embedder!r} is zero or not a number; embed the picture again."
            )
        return np.ascontiguousarray((rows / lengths[:, None]).astype(np.float32))

    def _refuse_model(self, embedder: str) -> NoReturn:
        raise ModelError(
            f"A face was embedded by {embedder!r} but the gallery holds vectors of "
            f"{self.embedder!r}: they cannot be compared; embed the kept pictures again."
        )

    def _code(self, person_id: str, kind: Kind) -> int:
        """Number of a person; a new one gets the number of one who is gone."""
        code = self._code_of.get(person_id)
        if code is None:
            if self._free_codes:
                code = self._free_codes.pop()
                self._people[code], self._kinds[code] = person_id, kind
            else:
                code = len(self._people)
                self._people.append(person_id)
                self._kinds.append(kind)
                self._counts.append(0)
            self._code_of[person_id] = code
        elif self._kinds[code] != kind:
            raise UsageError(
                f"Person {person_id!r} is {self._kinds[code]} here, not {kind}; "
                "change the person first."
            )
        return code

    def _grow(self, capacity: int, like: NDArray[np.float32]) -> None:
        matrix = np.zeros((max(64, capacity), like.shape[1]), np.float32)
        codes = np.zeros(len(matrix), np.int32)
        if len(self):
            matrix[: len(self)] = self._matrix[: len(self)]
            codes[: len(self)] = self._codes[: len(self)]
        self._matrix, self._codes = matrix, codes

    def _scores(self, probes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosines in single precision, shape (faces, references)."""
        count = len(self)
        scores = np.empty((len(probes), count), np.float32)
        step = count if len(probes) == 1 else BLOCK_ROWS
        for start in range(0, count, step):
            end = min(count, start + step)
            for number, probe in enumerate(probes):
                np.vecdot(self._matrix[start:end], probe, out=scores[number, start:end])
        return scores

    def _match(self, scores: NDArray[np.float32], probe: NDArray[np.float32]) -> Match:
        row, similarity = self._nearest(scores, probe)
        code = self._codes[row]
        scores[self._codes[: len(self)] == code] = -np.inf
        second_id, runner_up, margin = None, 0.0, similarity
        if len(self._code_of) > 1:
            second, runner_up = self._nearest(scores, probe)
            second_id, margin = self._people[self._codes[second]], similarity - runner_up
        return Match(
            self._people[code],
            self._kinds[code],
            self._face_ids[row],
            similarity,
            second_id,
            runner_up,
            margin,
        )

    def _nearest(
        self, scores: NDArray[np.float32], probe: NDArray[np.float32]
    ) -> tuple[int, float]:
        """Row and cosine of the nearest reference.

        A dot product of n single-precision numbers of vectors of length 1 is off by at most n u,
        u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, 3.1). So whatever lies
        more than twice that below the best is not the nearest, and the rest is compared in double.
        """
        slack = 2.5 * self.dimensions * 2.0**-24
        rows = np.flatnonzero(scores >= scores.max() - np.float32(slack))
        exact = np.vecdot(self._matrix[rows].astype(np.float64), probe.astype(np.float64))
        best = exact.max()
        row = min(
            (int(rows[number]) for number in np.flatnonzero(exact == best)),
            key=lambda row: (self._people[self._codes[row]], self._face_ids[row]),
        )
        return row, float(np.clip(best, -1.0, 1.0))
