"""Decides whose face a track shows, or says honestly that it cannot: the open-set decision.

All faces of a track vote, weighted by quality. One face may be an accident, of the person or of
the stranger, so nothing here looks at the best similarity alone: the more faces a stranger shows,
the higher the best of them gets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spyoncino.faces.gallery import Gallery, Match
from spyoncino.faces.limits import Limits, limits_for
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import FaceQuality
from spyoncino.schemas.events import Identity, Verdict

__all__ = ["Ballot", "Limits", "TrackVote", "decide", "limits_for", "weighted_median"]

MAX_FACES: Final = 25
"""Faces of one track that vote at most; the best ones stay."""


@dataclass(slots=True)
class Ballot:
    """One face of a track.

    Args:
        vector: Embedding, shape (d,).
        quality: How good a picture of the face it is.
        pts_s: Camera time of its frame.
        box: Where in the frame; normalised.
        match: Whom it resembles most, once that was looked up.
    """

    vector: NDArray[np.float32]
    quality: FaceQuality
    pts_s: float
    box: Box
    match: Match | None = None

    def rank(self) -> tuple[float, float, bytes]:
        """Best quality first, then the earlier one; a total order whatever came first."""
        return -self.quality.score, self.pts_s, self.vector.tobytes()


class TrackVote:
    """The faces of one track, and what each of them resembles.

    Args:
        track_id: The track; ``None``: one face in a whole picture after a press.
        max_faces: The best so many are kept.
    """

    def __init__(self, track_id: int | None = None, max_faces: int = MAX_FACES) -> None:
        self.track_id = track_id
        self._max_faces = max_faces
        self._ballots: list[Ballot] = []
        self._looked_up: tuple[Gallery, int] | None = None

    def __len__(self) -> int:
        return len(self._ballots)

    @property
    def ballots(self) -> Sequence[Ballot]:
        """Best first."""
        return tuple(self._ballots)

    def add(self, vector: ArrayLike, quality: FaceQuality, pts_s: float, box: Box) -> None:
        """One more face of this track.

        Args:
            vector: Its embedding, shape (d,).
            quality: How good a picture it is.
            pts_s: Camera time of its frame.
            box: Where in the frame; normalised.
        """
        self._ballots.append(Ballot(np.array(vector, np.float32), quality, pts_s, box))
        self._ballots.sort(key=Ballot.rank)
        del self._ballots[self._max_faces :]

    def matches(self, gallery: Gallery) -> list[Match]:
        """Whom each face resembles, best face first; each is looked up once in a gallery."""
        if self._looked_up != (gallery, gallery.version):
            self._looked_up = gallery, gallery.version
            for ballot in self._ballots:
                ballot.match = None
        new = [ballot for ballot in self._ballots if ballot.match is None]
        if new:
            found = gallery.search([ballot.vector for ballot in new])
            for ballot, match in zip(new, found, strict=True):
                ballot.match = match
        return [ballot.match for ballot in self._ballots if ballot.match is not None]


@dataclass(frozen=True, slots=True)
class _Count:
    """What the vote came to for the person who leads it.

    Args:
        person_id: The leader.
        similarity: Weighted median of the faces' similarity to the leader.
        margin: Weighted median of what that is above the best other person.
        rival: Who that other person is in the face of the median.
        proofs: Faces that resemble the leader most, from ``known_from`` on.
        faces: Faces that voted.
    """

    person_id: str
    similarity: float
    margin: float
    rival: str | None
    proofs: int
    faces: int


def decide(vote: TrackVote, gallery: Gallery, limits: Limits, names: Mapping[str, str]) -> Identity:
    """Whose face a track shows.

    Somebody is named when more than half of the weight resembles that person most, the weighted
    median of similarity proves it, the median margin to the next person is wide enough, and not
    one marginal face carries it alone. A blocked person needs the same proof. The order of the
    faces does not matter; one more face of the same person, at least as similar and as far from
    the next person, never weakens a verdict.

    Args:
        vote: The track's faces.
        gallery: The references.
        limits: What is compared with what.
        names: Key of a person to the name that is shown; the key itself where it is missing.

    Returns:
        The verdict with its numbers and a sentence; ``stranger`` is left to the caller. The
        sentence of an unsure verdict says whom it resembles, so it is for members only.
    """
    counted = [
        ballot
        for ballot in vote.ballots
        if ballot.quality.size_px >= limits.min_size_px
        and ballot.quality.score >= limits.min_quality
    ]
    if not counted:
        return _unknown(vote, None, 0, _why_nobody_votes(vote, limits))
    if not len(gallery):
        return _unknown(vote, None, len(counted), "nobody is enrolled")
    vote.matches(gallery)
    strongest = max(
        (ballot.match for ballot in counted if ballot.match and ballot.match.kind != "ignored"),
        key=lambda match: match.similarity,
        default=None,
    )
    count = _count(counted, gallery, limits)
    if count is not None and count.similarity >= limits.unsure_from:
        return _verdict(vote, count, gallery, limits, names)
    if strongest is not None and strongest.similarity >= limits.known_from:
        return _contradicted(vote, strongest, len(counted), names)
    return _nobody(vote, counted, gallery, limits)


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> int:
    """Index of the lower weighted median: half of the weight lies at or below it.

    Args:
        values: At least one.
        weights: One each, 0 or more; all zero counts as all equal.

    Returns:
        Index into ``values``; of equal values the first that fits.
    """
    order = sorted(range(len(values)), key=lambda index: (values[index], index))
    total = sum(weights)
    given = list(weights) if total > 0 else [1.0] * len(values)
    half, reached = sum(given) / 2.0, 0.0
    for index in order:
        reached += given[index]
        if reached >= half * (1.0 - 1e-9):
            return index
    return order[-1]


def _count(counted: Sequence[Ballot], gallery: Gallery, limits: Limits) -> _Count | None:
    """The leader's figures; ``None``: nobody has more than half of the weight."""
    matches = [ballot.match for ballot in counted if ballot.match is not None]
    weights = [ballot.quality.score or 1e-9 for ballot in counted]
    shares: dict[str, float] = {}
    for match, weight in zip(matches, weights, strict=True):
        person_id = match.person_id or ""
        shares[person_id] = shares.get(person_id, 0.0) + weight
    leader = max(sorted(shares), key=shares.__getitem__)
    if 2.0 * shares[leader] <= sum(weights) * (1.0 + 1e-9):
        return None
    own = gallery.similarities(leader, [ballot.vector for ballot in counted])
    similarities, margins, rivals = [], [], []
    for match, similarity in zip(matches, own.tolist(), strict=True):
        is_leader = match.person_id == leader
        similarities.append(match.similarity if is_leader else similarity)
        margins.append(match.margin if is_leader else similarity - match.similarity)
        rivals.append(match.runner_up_person_id if is_leader else match.person_id)
    middle = weighted_median(margins, weights)
    return _Count(
        leader,
        similarities[weighted_median(similarities, weights)],
        margins[middle],
        rivals[middle],
        sum(m.person_id == leader and m.similarity >= limits.known_from for m in matches),
        len(counted),
    )


def _verdict(
    vote: TrackVote, count: _Count, gallery: Gallery, limits: Limits, names: Mapping[str, str]
) -> Identity:
    """Somebody leads and is not below «unsure»: ignored, unsure, known or blocked."""
    kind = gallery.kind(count.person_id)
    shown = _shown(count.person_id, names)
    found = f"similarity {count.similarity:.2f} to {shown}"
    if count.faces > 1:
        found += f" over {count.faces} faces"
    alone_from = limits.known_from + limits.alone_above
    is_alone = count.proofs < limits.min_faces
    above = "" if count.rival is None else f"{count.margin:.2f} above {_shown(count.rival, names)}"
    decision = Verdict.UNSURE
    if kind == "ignored":
        decision = Verdict.UNKNOWN
        reason = f"looks like ignored picture {shown} (similarity {count.similarity:.2f})"
    elif count.similarity < limits.known_from:
        reason = f"{found}, between {limits.unsure_from:.2f} and {limits.known_from:.2f}"
    elif count.margin < limits.margin:
        reason = f"{found}, but only {above or f'{count.margin:.2f}'}; at least {limits.margin:.2f}"
    elif is_alone and count.similarity < alone_from:
        reason = (
            f"{found}, proved by {count.proofs} of {limits.min_faces} faces; "
            f"fewer need at least {alone_from:.2f}"
        )
    else:
        decision = Verdict.BLOCKED if kind == "blocked" else Verdict.KNOWN
        bar = alone_from if is_alone else limits.known_from
        reason = f"{found}, at least {bar:.2f}" + (f"; {above}" if above else "")
    is_named = decision in {Verdict.KNOWN, Verdict.BLOCKED}
    return _identity(
        vote,
        decision=decision,
        name=shown if is_named else None,
        person_id=count.person_id if is_named else None,
        resembles=shown if decision is Verdict.UNSURE else None,
        similarity=count.similarity,
        margin=count.margin,
        face_count=count.faces,
        reason=reason,
    )


def _contradicted(
    vote: TrackVote, strongest: Match, face_count: int, names: Mapping[str, str]
) -> Identity:
    """One face would do, but the vote does not bear it out."""
    shown = _shown(strongest.person_id, names)
    return _identity(
        vote,
        decision=Verdict.UNSURE,
        similarity=strongest.similarity,
        margin=strongest.margin,
        face_count=face_count,
        resembles=shown,
        reason=f"one of {face_count} faces has similarity {strongest.similarity:.2f} to {shown}, "
        "the others do not agree",
    )


def _nobody(
    vote: TrackVote, counted: Sequence[Ballot], gallery: Gallery, limits: Limits
) -> Identity:
    nearest = counted[0].match
    similarity = -1.0 if nearest is None else nearest.similarity
    people = gallery.person_count
    reason = (
        f"similarity {similarity:.2f} to the nearest of {people} "
        f"{'person' if people == 1 else 'people'}, less than {limits.unsure_from:.2f}"
        if similarity < limits.unsure_from
        else f"its {len(counted)} faces resemble different people"
    )
    return _unknown(vote, nearest, len(counted), reason)


def _why_nobody_votes(vote: TrackVote, limits: Limits) -> str:
    if not vote.ballots:
        return "no face was embedded"
    widest = max(ballot.quality.size_px for ballot in vote.ballots)
    if widest < limits.min_size_px:
        return (
            f"the face is {widest:.0f} px wide; below {limits.min_size_px:.0f} px "
            "naming would be guessing"
        )
    best = max(b.quality.score for b in vote.ballots if b.quality.size_px >= limits.min_size_px)
    return f"its best picture has quality {best:.2f}, less than {limits.min_quality:.2f}"


def _shown(person_id: str | None, names: Mapping[str, str]) -> str:
    return names.get(person_id or "", person_id or "")


def _unknown(vote: TrackVote, nearest: Match | None, face_count: int, reason: str) -> Identity:
    return _identity(
        vote,
        decision=Verdict.UNKNOWN,
        similarity=0.0 if nearest is None else nearest.similarity,
        margin=0.0 if nearest is None else nearest.margin,
        face_count=face_count,
        reason=reason,
    )


def _identity(vote: TrackVote, **facts: object) -> Identity:
    """With what is told of the best face."""
    best = vote.ballots[0] if vote.ballots else None
    seen = (
        {}
        if best is None
        else {"quality": best.quality.score, "pts_s": best.pts_s, "box": best.box}
    )
    return Identity.model_validate({"track_id": vote.track_id, **seen, **facts})
