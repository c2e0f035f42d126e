"""Limits of a model, and the map from tolerance to similarity."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.detectors.embedder_config import (
    DLIB_LIKENESS,
    DLIB_RADIUS,
    FAMILY_GUESS,
    likeness_of,
)
from spyoncino.errors import UsageError
from spyoncino.faces.limits import (
    Limits,
    confidence_of,
    distance_of,
    limits_for,
    similarity_of,
)


@dataclass
class Model:
    known_from: float | None = 0.5
    unsure_from: float | None = 0.35
    margin: float | None = 0.05
    min_size_px: float | None = 28.0


def test_tolerance_of_six_tenths_means_the_models_own_limits() -> None:
    limits = limits_for(Model(), 0.6)
    assert limits.known_from == pytest.approx(0.5)
    assert limits.unsure_from == pytest.approx(0.35)
    assert limits == limits_for(Model())


@given(st.floats(0.05, 1.2), st.floats(0.5, 3.0))
def test_for_dlib_the_tolerance_is_the_distance_itself(tolerance: float, length: float) -> None:
    """Its entry says which cosine is a distance of 0.6 at the length of its vectors."""
    dlib = Model(similarity_of(0.6, length), similarity_of(0.7, length))
    literal = similarity_of(tolerance, length)
    assert limits_for(dlib, tolerance).known_from == pytest.approx(literal, abs=1e-9)


def test_the_usual_tolerance_means_each_embedders_own_limit() -> None:
    for likeness in (likeness_of({}), likeness_of({"model": "dlib"}), FAMILY_GUESS):
        assert limits_for(likeness, 0.6).known_from == pytest.approx(likeness.known_from)
        assert limits_for(likeness, 0.5).known_from > likeness.known_from


def test_the_entry_of_dlib_makes_its_tolerance_the_distance_itself() -> None:
    for tolerance in (0.3, 0.45, 0.6):
        known_from = limits_for(DLIB_LIKENESS, tolerance).known_from
        assert distance_of(known_from, DLIB_RADIUS) == pytest.approx(tolerance)


@given(st.floats(0.01, 1.2), st.floats(0.01, 1.2))
def test_more_tolerance_names_more(one: float, other: float) -> None:
    strict, loose = (limits_for(Model(), tolerance) for tolerance in sorted((one, other)))
    assert loose.known_from <= strict.known_from
    assert loose.unsure_from <= strict.unsure_from
    assert strict.unsure_from <= strict.known_from


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 1.3])
def test_a_tolerance_out_of_range_is_refused(tolerance: float) -> None:
    with pytest.raises(UsageError, match="was calibrated for"):
        limits_for(Model(), tolerance)


def test_what_a_model_does_not_say_has_the_defaults() -> None:
    limits = limits_for(Model(None, None, None, None))
    assert limits.known_from == pytest.approx(Limits().known_from)
    assert limits.min_size_px == Limits().min_size_px
    assert limits.margin == Limits().margin


@given(st.floats(-1, 1), st.floats(0.5, 2))
def test_distance_and_similarity_are_one_thing(similarity: float, length: float) -> None:
    assert similarity_of(distance_of(similarity, length), length) == pytest.approx(
        similarity, abs=1e-9
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"known_from": 0.3},
        {"known_from": 1.5},
        {"margin": -0.1},
        {"min_faces": 0},
    ],
)
def test_limits_that_contradict_each_other_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Limits(**wrong)  # type: ignore[arg-type]  # each is one number of the right kind


def test_confidence_is_even_half_way_and_sure_at_the_limit() -> None:
    limits = Limits()
    assert confidence_of(limits.known_from, limits) == pytest.approx(0.95)
    assert confidence_of(limits.unsure_from, limits) == pytest.approx(0.05)
    assert confidence_of((limits.known_from + limits.unsure_from) / 2, limits) == 0.5
    assert 0.0 <= confidence_of(-1.0, limits) < confidence_of(1.0, limits) <= 1.0
