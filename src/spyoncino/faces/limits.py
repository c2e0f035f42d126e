"""What similarity proves: the limits of one embedding model, and how tolerance moves them.

Similarity is the cosine of two vectors. Distance is what face libraries compare instead: on
vectors of length L it is ``L sqrt(2 (1 - cosine))``, so one follows from the other.
"""

import math
from dataclasses import dataclass
from typing import Final, Protocol

from spyoncino.errors import UsageError

DEFAULT_TOLERANCE: Final = 0.6
"""The tolerance that means «what this model was calibrated for»; in dlib's own unit (Euclidean
distance of its 128 numbers) it is the limit that dlib's authors recommend."""

MAX_TOLERANCE: Final = 1.2
"""Twice the default: beyond it nothing is left to tell apart."""


class CalibratedModel(Protocol):
    """What is known about an embedder; similarities are cosines."""

    @property
    def known_from(self) -> float | None:
        """From here on a face is somebody's; ``None``: never calibrated."""
        ...

    @property
    def unsure_from(self) -> float | None:
        """From here on a face may be somebody's."""
        ...

    @property
    def margin(self) -> float | None:
        """By how much the second person must be less similar."""
        ...

    @property
    def min_size_px(self) -> float | None:
        """Width of a face below which naming is guessing, in pixels."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What is compared with what before somebody is named.

    The defaults are those of the bundled MobileFaceNet; ``docs/design/identity.md`` says on which
    pictures they were chosen.

    Args:
        known_from: Cosine from which several faces name somebody.
        unsure_from: Cosine from which it may be somebody.
        margin: By how much the second person must be less similar.
        min_size_px: Faces narrower than this do not vote.
        min_quality: Faces worse than this do not vote, 0..1.
        min_faces: So many faces must reach ``known_from``, unless the track is above it by
            ``alone_above``: one face may be an accident.
        alone_above: What one face alone needs on top of ``known_from``.

    Raises:
        UsageError: The numbers contradict each other.
    """

    known_from: float = 0.50
    unsure_from: float = 0.40
    margin: float = 0.08
    min_size_px: float = 32.0
    min_quality: float = 0.05
    min_faces: int = 2
    alone_above: float = 0.05

    def __post_init__(self) -> None:
        if not -1.0 <= self.unsure_from <= self.known_from <= 1.0:
            raise UsageError(
                f"Known from {self.known_from:g} and unsure from {self.unsure_from:g} do not fit: "
                "unsure must not be above known, and both lie in -1..1."
            )
        if min(self.margin, self.min_size_px, self.min_quality, self.alone_above) < 0:
            raise UsageError("A limit for naming faces is negative; 0 turns it off.")
        if self.min_faces < 1:
            raise UsageError(f"min_faces is {self.min_faces}, but at least one face must vote.")


def distance_of(similarity: float, length: float = 1.0) -> float:
    """Euclidean distance of two vectors.

    Args:
        similarity: Their cosine, -1..1.
        length: The length of both.

    Returns:
        0..2 lengths.
    """
    return length * math.sqrt(max(0.0, 2.0 * (1.0 - similarity)))


def similarity_of(distance: float, length: float = 1.0) -> float:
    """Cosine of two vectors; the inverse of ``distance_of``, not below -1."""
    return max(-1.0, 1.0 - (distance / length) ** 2 / 2.0)


def limits_for(model: CalibratedModel, tolerance: float = DEFAULT_TOLERANCE) -> Limits:
    """The limits of a model at a tolerance.

    Tolerance scales *distances*: at 0.6 they are those the model was calibrated for, at 0.3 half
    of them. The calibrated distance of dlib is 0.6, so for dlib the number is the distance itself:
    literal, as everybody knows it. The same scaling moves «unsure», so unsure never passes known.

    Args:
        model: What is known about the embedder; what is missing has the defaults of ``Limits``.
        tolerance: Above 0, at most 1.2.

    Raises:
        UsageError: The tolerance is out of range.
    """
    if not 0.0 < tolerance <= MAX_TOLERANCE:
        raise UsageError(
            f"A tolerance of {tolerance:g} is out of range: it lies above 0 and "
            f"up to {MAX_TOLERANCE:g}; {DEFAULT_TOLERANCE:g} is what the model was calibrated for."
        )
    default = Limits()
    known_from = default.known_from if model.known_from is None else model.known_from
    unsure_from = default.unsure_from if model.unsure_from is None else model.unsure_from
    return Limits(
        known_from=_moved(known_from, tolerance),
        unsure_from=_moved(unsure_from, tolerance),
        margin=default.margin if model.margin is None else model.margin,
        min_size_px=default.min_size_px if model.min_size_px is None else model.min_size_px,
        alone_above=default.alone_above * (1.0 - known_from) / (1.0 - default.known_from),
    )


def confidence_of(similarity: float, limits: Limits) -> float:
    """How likely it is that a face is the one it resembles, 0..1.

    A logistic curve through the limits: 0.05 at ``unsure_from``, 0.95 at ``known_from``. It does
    not know how many people are in the gallery, so it orders and shows; it never decides.
    """
    width = max(1e-6, limits.known_from - limits.unsure_from)
    middle = (limits.known_from + limits.unsure_from) / 2.0
    exponent = -2.0 * math.log(19.0) * (similarity - middle) / width
    return 1.0 / (1.0 + math.exp(min(50.0, max(-50.0, exponent))))


def _moved(similarity: float, tolerance: float) -> float:
    return similarity_of(distance_of(similarity) * tolerance / DEFAULT_TOLERANCE)
