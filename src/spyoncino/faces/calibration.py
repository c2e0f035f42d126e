"""What a gallery says about itself: every reference is taken out once and compared with the rest.

Numbers in, numbers out; who prints or draws them is somebody else.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from spyoncino.faces.gallery import Gallery, Reference
from spyoncino.faces.limits import Limits
from spyoncino.geometry.faces import FaceQuality

LOW_QUANTILE: Final = 0.05
"""One own picture in twenty may be missed before the suggested limit gives way."""

CLEAR_OF_OTHERS: Final = 0.02
"""How far above the closest two people a limit lies that cannot lie half-way."""

NEW_VIEW_ABOVE: Final = 0.15
"""A picture this much above ``known_from`` adds nothing: it is recognised from every side."""

SHOWN_PAIRS: Final = 10
BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What became of one reference that was taken out.

    Args:
        face_id: The reference.
        person_id: Whose it is said to be.
        own: Cosine to the person's best other reference; ``None``: it is the only one.
        other_face_id: The nearest reference of somebody else; ``None``: there is nobody else.
        other_person_id: Whose that is.
        other: Cosine to it; ``None`` likewise.
    """

    face_id: str
    person_id: str
    own: float | None
    other_face_id: str | None
    other_person_id: str | None
    other: float | None


@dataclass(frozen=True, slots=True)
class ClosePair:
    """The two nearest references of two people."""

    person_ids: tuple[str, str]
    face_ids: tuple[str, str]
    similarity: float


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """A gallery's own figures.

    Args:
        tests: One for each reference, by face key.
        closest: People and who is nearest to one of their references, nearest first.
        at_risk: All pairs of people that may be confused: nearer than ``known_from - margin``.
        suspects: References that resemble their own person less than they should.
        suggested_known_from: The limit that these pictures speak for.
        suggestion: Why, in a sentence.
        missed: Share of the references with a sibling that this limit would not name; 0..1.
    """

    tests: tuple[SelfTest, ...]
    closest: tuple[ClosePair, ...]
    at_risk: tuple[ClosePair, ...]
    suspects: tuple[SelfTest, ...]
    suggested_known_from: float
    suggestion: str
    missed: float

    @property
    def genuine(self) -> tuple[float, ...]:
        """Similarities to the own person."""
        return tuple(test.own for test in self.tests if test.own is not None)

    @property
    def impostor(self) -> tuple[float, ...]:
        """Similarities to the nearest other person."""
        return tuple(test.other for test in self.tests if test.other is not None)


@dataclass(frozen=True, slots=True)
class NewView:
    """Whether a picture would add something to a person.

    Args:
        is_useful: It would.
        reason: Why, or why not.
    """

    is_useful: bool
    reason: str


def self_test(gallery: Gallery, limits: Limits) -> CalibrationReport:
    """Take every reference out once and look whom it resembles.

    Costs n² comparisons: about a second for 5,000 references.

    Args:
        gallery: The references; ignored ones take part as other people.
        limits: Those of the model, whose ``known_from`` no suggestion undercuts.

    Returns:
        The figures; those of an empty gallery are empty.
    """
    references = gallery.references()
    if not references:
        return CalibrationReport((), (), (), (), limits.known_from, "nobody is enrolled", 0.0)
    tests, closest = _compare_all(references, limits.known_from - limits.margin)
    pictures = Counter(reference.person_id for reference in references)
    suggested, suggestion, missed = suggest_known_from(
        [test.own for test in tests if test.own is not None],
        [test.other for test in tests if test.other is not None],
        limits.known_from,
    )
    return CalibrationReport(
        tuple(tests),
        tuple(closest[:SHOWN_PAIRS]),
        tuple(p for p in closest if p.similarity >= limits.known_from - limits.margin),
        tuple(test for test in tests if _is_suspect(test, pictures[test.person_id], limits)),
        suggested,
        suggestion,
        missed,
    )


def suggest_known_from(
    genuine: Sequence[float], impostor: Sequence[float], floor: float
) -> tuple[float, str, float]:
    """The limit that self-test scores speak for.

    Half-way between the nearest two people and the twentieth of own pictures that fit worst; just
    above the nearest two people where those overlap. Never below the model's own limit: a small
    gallery knows few strangers, the model's limit was chosen on many.

    Args:
        genuine: Similarities of references to their own person.
        impostor: Similarities of references to the nearest other person.
        floor: The model's own limit.

    Returns:
        The limit, the reason in a sentence, and the share of ``genuine`` below it.
    """
    if not genuine or not impostor:
        lacking = "anybody with two pictures" if not genuine else "a second person"
        return floor, f"the model's own {floor:.2f}: without {lacking} nothing can be compared", 0.0
    highest = max(impostor)
    low = float(np.quantile(genuine, LOW_QUANTILE))
    if low > highest:
        wished = (low + highest) / 2.0
        why = f"half-way between the nearest two people ({highest:.2f}) and own faces ({low:.2f})"
    else:
        wished = highest + CLEAR_OF_OTHERS
        why = f"just above the nearest two people ({highest:.2f}), who overlap with own faces"
    if wished <= floor:
        why = f"the model's own {floor:.2f}, which is on the safe side of {wished:.2f}, {why}"
    limit = min(1.0, max(floor, wished))
    missed = sum(score < limit for score in genuine) / len(genuine)
    return limit, why, missed


def useful_view(
    vector: ArrayLike,
    quality: FaceQuality,
    person_id: str,
    gallery: Gallery,
    limits: Limits,
) -> NewView:
    """Whether a picture of somebody would help to recognise that person.

    Args:
        vector: Its embedding, shape (d,).
        quality: How good a picture it is.
        person_id: Who it is said to be, by a person and not by this program.
        gallery: The references.
        limits: Those of the model.
    """
    if quality.size_px < limits.min_size_px or quality.score < limits.min_quality:
        return NewView(False, f"a poor picture ({quality.size_px:.0f} px, {quality.score:.2f})")
    match = gallery.search(vector)[0]
    own = float(gallery.similarities(person_id, vector)[0])
    full = limits.known_from + NEW_VIEW_ABOVE
    is_nearest = match.person_id == person_id
    rival = match.runner_up_person_id if is_nearest else match.person_id
    margin = match.margin if is_nearest else own - match.similarity
    if gallery.kind(person_id) is None:
        return NewView(True, "the first picture of this person")
    if own >= full:
        return NewView(False, f"recognised already (similarity {own:.2f}, {full:.2f} is plenty)")
    if own < limits.unsure_from:
        return NewView(False, f"too unlike the others (similarity {own:.2f}) to be sure of it")
    if rival is not None and margin < limits.margin:
        return NewView(False, f"only {margin:.2f} above {rival}: it would blur the two")
    return NewView(True, f"a new view (similarity {own:.2f} to the nearest picture)")


def _compare_all(
    references: Sequence[Reference], risky_from: float
) -> tuple[list[SelfTest], list[ClosePair]]:
    """Every reference with all others, some hundred at a time; pairs nearest first."""
    face_ids = [reference.face_id for reference in references]
    people = [reference.person_id for reference in references]
    codes = np.unique(people, return_inverse=True)[1]
    vectors = np.array([reference.vector for reference in references], np.float32)
    tests: list[SelfTest] = []
    pairs: dict[tuple[str, str], ClosePair] = {}
    for start in range(0, len(references), BLOCK):
        scores = vectors[start : start + BLOCK] @ vectors.T
        rows = np.arange(len(scores))
        is_own = codes[start : start + BLOCK, None] == codes[None]
        others = np.where(is_own, -np.inf, scores)
        scores[~is_own] = -np.inf
        scores[rows, rows + start] = -np.inf
        nearest = others.argmax(axis=1)
        own, other = scores.max(axis=1), others[rows, nearest]
        for row, number in enumerate(range(start, start + len(rows))):
            near = int(nearest[row]) if np.isfinite(other[row]) else None
            tests.append(
                SelfTest(
                    face_ids[number],
                    people[number],
                    float(own[row]) if np.isfinite(own[row]) else None,
                    None if near is None else face_ids[near],
                    None if near is None else people[near],
                    None if near is None else float(other[row]),
                )
            )
        found = np.argwhere(others >= risky_from).tolist()
        found += [[row, int(nearest[row])] for row in rows[np.isfinite(other)].tolist()]
        for row, column in found:
            _keep_nearest(pairs, people, face_ids, (start + row, column), others[row, column])
    return tests, sorted(pairs.values(), key=lambda pair: (-pair.similarity, pair.person_ids))


def _keep_nearest(
    pairs: dict[tuple[str, str], ClosePair],
    people: Sequence[str],
    face_ids: Sequence[str],
    at: tuple[int, int],
    similarity: float,
) -> None:
    one, other = sorted(at, key=lambda number: (people[number], face_ids[number]))
    key = people[one], people[other]
    if key not in pairs or similarity > pairs[key].similarity:
        pairs[key] = ClosePair(key, (face_ids[one], face_ids[other]), float(similarity))


def _is_suspect(test: SelfTest, pictures: int, limits: Limits) -> bool:
    """Like none of its own person's, or nearer to somebody else without being surely its own.

    Of two pictures that are unlike each other nobody can say which one is wrong: both are told.
    """
    if test.own is None or pictures < 2:
        return False
    is_nearer = test.other is not None and test.other > test.own
    return test.own < limits.unsure_from or (is_nearer and test.own < limits.known_from)
