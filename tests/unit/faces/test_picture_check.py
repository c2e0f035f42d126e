"""What is wrong with a picture to enrol, said so that somebody can do better."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spyoncino.errors import UsageError
from spyoncino.faces.picture_check import EnrolLimits, FaceInPicture, chosen_face, problem_of
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import FaceQuality


def quality(**parts: float) -> FaceQuality:
    usual = {
        "score": 0.9,
        "size_px": 120.0,
        "sharpness": 0.9,
        "pose": 0.9,
        "exposure": 0.9,
        "inside": 1.0,
    }
    return FaceQuality(**{**usual, **parts})


def face(left: float, size_px: float) -> FaceInPicture:
    return FaceInPicture(Box(left, 0.1, left + 0.1, 0.3), quality(size_px=size_px))


def test_the_only_face_is_meant() -> None:
    assert chosen_face([face(0.4, 50)]) == 0


def test_without_a_face_it_says_what_would_help() -> None:
    with pytest.raises(UsageError, match="no face was found; take a picture"):
        chosen_face([])


def test_of_two_faces_it_names_the_larger_and_asks() -> None:
    with pytest.raises(
        UsageError,
        match=r"from left to right: 1 \(100 px\), 2 \(120 px\); the largest is 2: .*--face",
    ):
        chosen_face([face(0.6, 120), face(0.1, 100)])


def test_the_number_counts_from_the_left() -> None:
    faces = [face(0.6, 120), face(0.1, 100)]
    assert (chosen_face(faces, 1), chosen_face(faces, 2)) == (1, 0)
    with pytest.raises(UsageError, match="has 2 faces, so there is no face 3"):
        chosen_face(faces, 3)


def test_people_in_the_background_do_not_count() -> None:
    assert chosen_face([face(0.1, 40), face(0.5, 160), face(0.8, 60)]) == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(10, 500), min_size=1, max_size=6))
def test_what_is_chosen_by_itself_is_the_largest(sizes: list[float]) -> None:
    faces = [face(place / 10, size) for place, size in enumerate(sizes)]
    try:
        chosen = chosen_face(faces)
    except UsageError:
        assert len(faces) > 1
    else:
        assert sizes[chosen] == max(sizes)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"size_px": 30.0}, "the face is too small: 30 pixels wide, at least 40 are needed"),
        ({"inside": 0.5}, "cut off by the edge"),
        ({"pose": 0.2}, "turned away"),
        ({"exposure": 0.3}, "too dark, too bright"),
        ({"sharpness": 0.3}, "too blurred"),
    ],
)
def test_each_fault_has_its_sentence(parts: dict[str, float], sentence: str) -> None:
    assert sentence in (problem_of(quality(**parts), EnrolLimits()) or "")
    assert problem_of(quality(), EnrolLimits()) is None


def test_limits_follow_the_embedder() -> None:
    limits = EnrolLimits.of(0.4, 60)
    assert (limits.min_size_px, limits.resembles_from) == (60, 0.4)
    assert limits.alike_from == pytest.approx(0.58)
    assert EnrolLimits.of(0.5, 20).min_size_px == 40
