"""Naming: proof for each verdict, one odd face changes nothing, order does not matter."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.faces.gallery import Gallery, Kind, Reference
from spyoncino.faces.identify import TrackVote, decide, weighted_median
from spyoncino.faces.limits import Limits
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import FaceQuality
from spyoncino.schemas.events import Identity, Verdict

BOX = Box(0.4, 0.3, 0.5, 0.5)
LIMITS = Limits()
NAMES = {"ann": "Ann Lee", "bob": "Bob"}
RANK = {Verdict.UNKNOWN: 0, Verdict.UNSURE: 1, Verdict.KNOWN: 2, Verdict.BLOCKED: 2}


def gallery(ann: Kind = "known", bob: Kind = "known") -> Gallery:
    """Ann lies on the first axis, Bob on the second; everything else is nobody."""
    axes = np.eye(3, dtype=np.float32)
    return Gallery("m", [Reference("a", "ann", ann, axes[0]), Reference("b", "bob", bob, axes[1])])


@dataclass(frozen=True)
class Seen:
    """A face with these similarities to Ann and Bob."""

    ann: float
    bob: float = 0.0
    quality: float = 0.6
    size_px: float = 60.0
    pts_s: float = 1.0

    @property
    def vector(self) -> NDArray[np.float64]:
        rest = max(0.0, 1.0 - self.ann**2 - self.bob**2)
        return np.array([self.ann, self.bob, math.sqrt(rest)])


def verdict(*faces: Seen, limits: Limits = LIMITS, among: Gallery | None = None) -> Identity:
    vote = TrackVote(track_id=7)
    for face in faces:
        quality = FaceQuality(face.quality, face.size_px, 0.8, 0.8, 0.8, 1.0)
        vote.add(face.vector, quality, face.pts_s, BOX)
    return decide(vote, gallery() if among is None else among, limits, NAMES)


def test_two_good_faces_name_somebody_and_the_reason_tells_the_numbers() -> None:
    found = verdict(Seen(0.62, 0.31), Seen(0.62, 0.31, pts_s=2.0))
    assert found.decision is Verdict.KNOWN
    assert (found.name, found.person_id, found.track_id) == ("Ann Lee", "ann", 7)
    assert found.similarity == pytest.approx(0.62, abs=1e-6)
    assert found.margin == pytest.approx(0.31, abs=1e-6)
    assert found.face_count == 2
    assert found.resembles is None
    assert found.reason == (
        "similarity 0.62 to Ann Lee over 2 faces, at least 0.50; 0.31 above Bob"
    )


def test_one_face_alone_needs_more_than_two() -> None:
    alone = verdict(Seen(0.52))
    assert alone.decision is Verdict.UNSURE
    assert alone.name is None
    assert alone.person_id is None
    assert alone.resembles == "Ann Lee"
    assert alone.reason == (
        "similarity 0.52 to Ann Lee, proved by 1 of 2 faces; fewer need at least 0.55"
    )
    assert verdict(Seen(0.52), Seen(0.53)).decision is Verdict.KNOWN
    assert verdict(Seen(0.56)).decision is Verdict.KNOWN


def test_between_the_limits_it_is_unsure_and_names_nobody() -> None:
    found = verdict(Seen(0.42), Seen(0.44))
    assert found.decision is Verdict.UNSURE
    assert found.name is None
    assert found.reason.endswith("over 2 faces, between 0.40 and 0.50")


def test_too_like_a_second_person_it_is_unsure() -> None:
    found = verdict(Seen(0.62, 0.60), Seen(0.63, 0.61))
    assert found.decision is Verdict.UNSURE
    assert "but only 0.02 above Bob; at least 0.08" in found.reason


def test_below_the_limits_it_is_unknown_and_the_reason_names_nobody() -> None:
    found = verdict(Seen(0.2, 0.1))
    assert found.decision is Verdict.UNKNOWN
    assert found.reason == "similarity 0.20 to the nearest of 2 people, less than 0.40"
    assert found.resembles is None


def test_a_face_too_small_to_name_says_so() -> None:
    found = verdict(Seen(0.9, size_px=22), Seen(0.9, size_px=19))
    assert found.decision is Verdict.UNKNOWN
    assert found.face_count == 0
    assert found.reason == "the face is 22 px wide; below 32 px naming would be guessing"


def test_a_poor_picture_says_so() -> None:
    found = verdict(Seen(0.9, quality=0.01))
    assert found.decision is Verdict.UNKNOWN
    assert found.reason == "its best picture has quality 0.01, less than 0.05"


def test_a_track_without_a_face_is_unknown() -> None:
    found = verdict()
    assert (found.decision, found.reason, found.box) == (
        Verdict.UNKNOWN,
        "no face was embedded",
        None,
    )


def test_an_empty_gallery_knows_nobody() -> None:
    found = verdict(Seen(0.9), among=Gallery("m"))
    assert (found.decision, found.reason) == (Verdict.UNKNOWN, "nobody is enrolled")


def test_a_blocked_person_needs_the_same_proof() -> None:
    blocked = gallery(ann="blocked")
    assert verdict(Seen(0.52), among=blocked).decision is Verdict.UNSURE
    found = verdict(Seen(0.62), among=blocked)
    assert (found.decision, found.name) == (Verdict.BLOCKED, "Ann Lee")


def test_an_ignored_picture_is_nobody() -> None:
    found = verdict(Seen(0.9), among=gallery(ann="ignored"))
    assert found.decision is Verdict.UNKNOWN
    assert found.name is None
    assert found.reason == "looks like ignored picture Ann Lee (similarity 0.90)"


def test_an_ignored_picture_close_behind_makes_a_name_unsure() -> None:
    assert verdict(Seen(0.62, 0.6), among=gallery(bob="ignored")).decision is Verdict.UNSURE


def test_in_a_gallery_of_one_the_margin_is_the_similarity() -> None:
    only = Gallery("m", [Reference("a", "ann", "known", np.eye(3, dtype=np.float32)[0])])
    found = verdict(Seen(0.62), among=only)
    assert found.decision is Verdict.KNOWN
    assert found.margin == found.similarity
    assert found.reason == "similarity 0.62 to Ann Lee, at least 0.55"


def test_the_best_face_is_the_one_that_is_told() -> None:
    found = verdict(Seen(0.6, quality=0.3, pts_s=1.0), Seen(0.6, quality=0.7, pts_s=2.0))
    assert (found.quality, found.pts_s, found.box) == (0.7, 2.0, BOX)


def test_faces_that_resemble_different_people_name_nobody() -> None:
    found = verdict(Seen(0.45, 0.1), Seen(0.1, 0.45))
    assert found.decision is Verdict.UNKNOWN
    assert found.reason == "its 2 faces resemble different people"


def test_one_strong_face_against_the_others_is_unsure_at_most() -> None:
    found = verdict(Seen(0.9), *[Seen(0.05, 0.1, pts_s=float(n)) for n in range(2, 6)])
    assert found.decision is Verdict.UNSURE
    assert found.reason.startswith("one of 5 faces has similarity 0.90 to Ann Lee")


def test_faces_beyond_the_limit_make_room_for_better_ones() -> None:
    vote = TrackVote(max_faces=2)
    for score in (0.3, 0.9, 0.6):
        vote.add([1.0, 0.0, 0.0], FaceQuality(score, 60, 1, 1, 1, 1), score, BOX)
    assert [ballot.quality.score for ballot in vote.ballots] == [0.9, 0.6]
    assert len(vote) == 2


def test_a_face_is_looked_up_once_until_the_gallery_changes() -> None:
    people = gallery()
    vote = TrackVote()
    vote.add(Seen(0.6).vector, FaceQuality(0.6, 60, 1, 1, 1, 1), 1.0, BOX)
    first = vote.matches(people)[0]
    assert vote.matches(people)[0] is first
    people.set_kind("ann", "blocked")
    assert vote.matches(people)[0].kind == "blocked"


similarity = st.floats(0.0, 0.7)
seen = st.builds(
    Seen, similarity, similarity, st.floats(0.0, 1.0), st.floats(10.0, 90.0), st.floats(0.0, 60.0)
)


@given(st.lists(seen, max_size=6), st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_faces_does_not_matter(faces: list[Seen], random: object) -> None:
    mixed = list(faces)
    random.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert verdict(*faces) == verdict(*mixed)


@given(
    st.lists(seen, min_size=1, max_size=6),
    st.floats(0, 0.25),
    st.floats(0, 0.3),
    st.floats(0.05, 1),
)
@settings(max_examples=150, deadline=None)
def test_one_more_face_at_least_as_like_never_weakens_a_verdict(
    faces: list[Seen], more: float, wider: float, quality: float
) -> None:
    before = verdict(*faces)
    if before.name is None and before.resembles is None:
        return
    is_ann = "Ann Lee" in {before.name, before.resembles}
    own = min(0.99, before.similarity + more)
    other = min(max(0.0, own - max(before.margin, 0.0) - wider), math.sqrt(1 - own**2))
    if own - other < before.margin:
        return
    added = Seen(own, other, quality) if is_ann else Seen(other, own, quality)
    after = verdict(*faces, added)
    assert RANK[after.decision] >= RANK[before.decision]
    if before.name is not None:
        assert after.name == before.name


@given(st.lists(seen, min_size=1, max_size=6), similarity, similarity)
@settings(max_examples=100, deadline=None)
def test_one_worse_picture_never_turns_unknown_into_known(
    faces: list[Seen], ann: float, bob: float
) -> None:
    if verdict(*faces).decision is not Verdict.UNKNOWN:
        return
    counted = [f.quality for f in faces if f.size_px >= LIMITS.min_size_px]
    worst = min([q for q in counted if q >= LIMITS.min_quality], default=LIMITS.min_quality)
    added = Seen(min(0.99, ann + 0.3), bob * 0.1, quality=worst * 0.999)
    assert verdict(*faces, added).decision is not Verdict.KNOWN


@given(st.integers(3, 8), similarity, similarity, st.floats(0.05, 0.6))
@settings(max_examples=60, deadline=None)
def test_one_odd_face_neither_hides_nor_replaces_who_it_is(
    count: int, ann: float, bob: float, quality: float
) -> None:
    faces = [Seen(0.62, 0.1, pts_s=float(number)) for number in range(count)]
    found = verdict(*faces, Seen(ann, bob, quality))
    assert (found.decision, found.name) == (Verdict.KNOWN, "Ann Lee")


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9))
def test_the_median_of_equal_weights_is_the_lower_middle(values: list[float]) -> None:
    middle = values[weighted_median(values, [1.0] * len(values))]
    assert middle == sorted(values)[(len(values) - 1) // 2]
    assert values[weighted_median(values, [0.0] * len(values))] == middle
