"""The exact search of the database of people: one pass over a matrix that is kept in memory."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import UsageError
from spyoncino.persistence.people_rows import FaceMatch, StoredFace


class FaceSearch:
    """The references of the model that was searched last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[object, list[StoredFace], NDArray[np.float64]] | None = None

    def find(
        self,
        encoding: NDArray[np.floating[Any]],
        tolerance: float,
        model: str,
        state: object,
        load: Callable[[], list[StoredFace]],
    ) -> list[FaceMatch]:
        """Every reference within a distance, nearest first.

        Args:
            encoding: Shape ``(d,)``.
            tolerance: Largest Euclidean distance that counts.
            model: Whose references are meant.
            state: Of the database; while it is the same, nothing is loaded again.
            load: Gives the references of the model.

        Raises:
            UsageError: The vector is of another length than the model's.
        """
        with self._lock:
            if self._kept is None or self._kept[0] != (model, state):
                loaded = load()
                matrix = np.array([face.encoding for face in loaded])
                self._kept = (model, state), loaded, matrix
            _, faces, matrix = self._kept
        if not faces:
            return []
        probe = checked_vector(encoding, model, matrix.shape[1])
        distances = np.sqrt(np.square(matrix - probe).sum(axis=1))
        order = np.argsort(distances, kind="stable")
        near = order[: int(np.searchsorted(distances[order], tolerance, side="right"))]
        return [
            FaceMatch(
                faces[index].face_id,
                faces[index].person_id,
                float(distances[index]),
                max(0.0, 1.0 - float(distances[index])),
                faces[index].metadata,
            )
            for index in near
        ]


def checked_vector(
    encoding: NDArray[np.floating[Any]], model: str, length: int | None
) -> NDArray[np.float64]:
    """An encoding as it is kept.

    Raises:
        UsageError: It is empty, not finite, or not as long as the model's others.
    """
    vector = np.ascontiguousarray(encoding, dtype="<f8")
    if vector.ndim != 1 or not len(vector) or not np.isfinite(vector).all():
        raise UsageError("an encoding is a vector of finite numbers")
    if length is not None and len(vector) != length:
        raise UsageError(
            f"vectors of the model {model or '(none)'} have {length} numbers, not {len(vector)}; "
            "vectors of two models are never compared: name the model"
        )
    return vector
