"""The gallery: exact, in place, never mixing models."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.errors import ModelError, UsageError
from spyoncino.faces.gallery import BLOCK_ROWS, Gallery, Kind, Match, Reference

DIMENSIONS = 8


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """As the gallery keeps them: length 1, rounded to single precision."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rounded: NDArray[np.float64] = (rows / lengths).astype(np.float32).astype(np.float64)
    return rounded


def references(
    rows: NDArray[np.float64], people: Sequence[str], kind: Kind = "known"
) -> list[Reference]:
    return [
        Reference(f"f{number:04d}", person, kind, row.astype(np.float32))
        for number, (row, person) in enumerate(zip(rows, people, strict=True))
    ]


def by_brute_force(
    refs: Sequence[Reference], probe: NDArray[np.float64]
) -> tuple[tuple[str, float], tuple[str, float] | None]:
    """The best reference of every person in double precision, then the best two people."""
    probe = unit(probe[None])[0]
    best: dict[str, tuple[float, str]] = {}
    for ref in refs:
        vector = unit(np.asarray(ref.vector, np.float64)[None])[0]
        similarity = float(np.dot(vector, probe))
        best[ref.person_id] = max(best.get(ref.person_id, (-2.0, "")), (similarity, ref.person_id))
    order = sorted(best.values(), key=lambda one: (-one[0], one[1]))
    first = order[0][1], order[0][0]
    return first, (order[1][1], order[1][0]) if len(order) > 1 else None


def agrees(found: Match, refs: Sequence[Reference], probe: NDArray[np.float64]) -> None:
    first, second = by_brute_force(refs, probe)
    assert found.similarity == pytest.approx(first[1], abs=1e-12)
    assert found.person_id == first[0]
    if second is None:
        assert found.runner_up_person_id is None
        assert found.margin == found.similarity
    else:
        assert found.runner_up == pytest.approx(second[1], abs=1e-12)
        assert found.margin == found.similarity - found.runner_up >= 0.0


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 40),
    people=st.integers(1, 9),
    closeness=st.sampled_from([1.0, 1e-3, 1e-6, 3e-8]),
)
@settings(max_examples=80, deadline=None)
def test_search_finds_what_brute_force_finds_even_among_near_ties(
    seed: int, count: int, people: int, closeness: float
) -> None:
    """At 3e-8 references differ by less than single precision can tell in a dot product."""
    rng = np.random.default_rng(seed)
    middle = rng.standard_normal(DIMENSIONS)
    rows = middle + closeness * rng.standard_normal((count, DIMENSIONS))
    owners = [f"p{number}" for number in rng.integers(0, people, count)]
    refs = references(rows, owners)
    probes = middle + rng.standard_normal((3, DIMENSIONS))
    for match, probe in zip(Gallery("m", refs).search(probes), probes, strict=True):
        agrees(match, refs, probe.astype(np.float64))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_adding_and_removing_in_place_equals_building_anew(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((60, DIMENSIONS))
    refs = references(rows, [f"p{number}" for number in rng.integers(0, 8, 60)])
    gallery = Gallery("m")
    held: dict[str, Reference] = {}
    for number in rng.integers(0, 60, 200).tolist():
        ref = refs[number]
        if ref.face_id in held:
            gallery.remove(ref.face_id)
            del held[ref.face_id]
        else:
            gallery.add(ref)
            held[ref.face_id] = ref
    probes = rng.standard_normal((5, DIMENSIONS))
    fresh = Gallery("m", held.values())
    assert gallery.search(probes) == fresh.search(probes)
    assert len(gallery) == len(held)
    assert gallery.people() == fresh.people()
    assert gallery.person_count == len({ref.person_id for ref in held.values()})


def test_a_batch_across_blocks_answers_like_one_by_one() -> None:
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((2 * BLOCK_ROWS + 7, DIMENSIONS))
    gallery = Gallery("m", references(rows, [f"p{number // 3}" for number in range(len(rows))]))
    probes = rng.standard_normal((4, DIMENSIONS))
    assert gallery.search(probes) == [gallery.search(probe)[0] for probe in probes]


def test_equal_faces_of_two_people_are_decided_by_key_whatever_came_first() -> None:
    row = np.ones((1, 3))
    twins = [*references(row, ["bob"]), Reference("a", "ann", "known", np.ones(3, np.float32))]
    for order in (twins, twins[::-1]):
        match = Gallery("m", order).search(np.ones(3))[0]
        assert (match.person_id, match.runner_up_person_id, match.margin) == ("ann", "bob", 0.0)


def test_the_second_person_is_not_the_second_picture_of_the_first() -> None:
    rows = np.array([[1.0, 0.0], [0.99, 0.1], [0.0, 1.0]])
    match = Gallery("m", references(rows, ["ann", "ann", "bob"])).search([1.0, 0.05])[0]
    assert match.person_id == "ann"
    assert match.runner_up_person_id == "bob"
    assert match.margin == pytest.approx(match.similarity - 0.0499, abs=1e-3)


def test_an_empty_gallery_knows_nobody() -> None:
    match = Gallery("m").search([1.0, 0.0])[0]
    assert match.person_id is None
    assert match.similarity == -1.0


def test_no_face_has_no_answer() -> None:
    gallery = Gallery("m", references(np.eye(2), ["ann", "bob"]))
    assert gallery.search(np.zeros((0, 2))) == []


def test_vectors_of_another_model_are_refused_with_a_sentence() -> None:
    gallery = Gallery("mobilefacenet", references(np.eye(2), ["ann", "bob"]))
    with pytest.raises(ModelError, match="embedded by 'dlib' but the gallery holds vectors of"):
        gallery.search([1.0, 0.0], embedder="dlib")
    with pytest.raises(ModelError, match="have 2 numbers; it is of another model"):
        gallery.search([1.0, 0.0, 0.0])
    with pytest.raises(ModelError, match="they cannot be compared; embed the kept pictures again"):
        gallery.add(Reference("x", "ann", "known", np.ones(2, np.float32), "dlib"))
    with pytest.raises(ModelError, match="it is of another model"):
        gallery.add(Reference("x", "ann", "known", np.ones(3, np.float32)))
    assert "x" not in gallery


def test_faces_of_two_lengths_are_refused_together() -> None:
    mixed = [
        Reference("a", "ann", "known", np.ones(2, np.float32)),
        Reference("b", "ann", "known", np.ones(3, np.float32)),
    ]
    with pytest.raises(ModelError, match="one model makes one"):
        Gallery("m", mixed)


@pytest.mark.parametrize("vector", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_a_vector_without_direction_is_refused(vector: list[float]) -> None:
    with pytest.raises(ModelError, match="zero or not a number"):
        Gallery("m").add(Reference("a", "ann", "known", np.array(vector, np.float32)))


def test_a_face_is_there_once_and_a_person_is_of_one_kind() -> None:
    gallery = Gallery("m", references(np.eye(2), ["ann", "bob"]))
    with pytest.raises(UsageError, match="in the gallery already"):
        gallery.add(Reference("f0000", "ann", "known", np.ones(2, np.float32)))
    with pytest.raises(UsageError, match="'ann' is known here, not blocked"):
        gallery.add(Reference("x", "ann", "blocked", np.ones(2, np.float32)))
    with pytest.raises(UsageError, match="no face 'y'"):
        gallery.remove("y")
    with pytest.raises(UsageError, match="no person 'cy'"):
        gallery.set_kind("cy", "blocked")


def test_a_blocked_person_is_told_as_blocked() -> None:
    gallery = Gallery("m", references(np.eye(2), ["ann", "bob"]))
    before = gallery.version
    gallery.set_kind("bob", "blocked")
    assert gallery.search([0.0, 1.0])[0].kind == "blocked"
    assert gallery.kind("bob") == "blocked"
    assert gallery.kind("cy") is None
    assert gallery.version > before


def test_a_removed_vector_is_erased_from_memory() -> None:
    gallery = Gallery("m", references(np.eye(3), ["ann", "bob", "cy"]))
    gallery.remove("f0000")
    assert not np.any(np.all(gallery._matrix == np.eye(3, dtype=np.float32)[0], axis=1))
    assert {ref.face_id for ref in gallery.references()} == {"f0001", "f0002"}


def test_ten_thousand_people_fit_into_a_tenth_of_the_memory_they_may_have() -> None:
    rows = np.random.default_rng(0).standard_normal((10_000, 192))
    gallery = Gallery("m", references(rows, [f"p{number}" for number in range(len(rows))]))
    assert gallery.nbytes < 10_000_000


def test_similarity_to_one_person_is_that_to_the_best_picture() -> None:
    gallery = Gallery("m", references(np.eye(2), ["ann", "ann"]))
    assert gallery.similarities("ann", [[1.0, 1.0]])[0] == pytest.approx(0.7071, abs=1e-4)
    assert gallery.similarities("bob", [[1.0, 1.0]]).tolist() == [-1.0]
