import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.faces.alignment import (
    SIZE_PX,
    TEMPLATE_112,
    Image,
    align,
    align_box,
    similarity_transform,
)

SIDE = 400


def smooth_picture() -> Image:
    """Soft blobs of colour: what interpolation changes least."""
    coarse = np.random.default_rng(3).integers(0, 255, (10, 10, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


PICTURE = smooth_picture()
FACE: NDArray[np.float64] = TEMPLATE_112 + 144.0
"""In the middle of the picture, at the template's own scale."""


def moved(turn_deg: float, scale: float, shift: tuple[float, float]) -> NDArray[np.float64]:
    """A similarity about the middle of the picture as ``(2, 3)`` matrix."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), turn_deg, scale)
    moves = np.array([[0.0, 0.0, shift[0]], [0.0, 0.0, shift[1]]])
    return moves + np.asarray(matrix, np.float64)


def through(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points @ matrix[:, :2].T + matrix[:, 2]


def test_face_in_the_templates_place_is_cut_out_as_it_is() -> None:
    aligned = align(PICTURE, FACE)
    assert aligned is not None
    assert np.array_equal(aligned, PICTURE[144 : 144 + SIZE_PX, 144 : 144 + SIZE_PX])


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-180, 180),
    st.floats(0.6, 3.0),
    st.tuples(st.floats(-15, 15), st.floats(-15, 15)),
)
def test_turning_scaling_and_shifting_the_picture_changes_nothing(
    turn_deg: float, scale: float, shift: tuple[float, float]
) -> None:
    matrix = moved(turn_deg, scale, shift)
    picture = cv2.warpAffine(
        PICTURE, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    aligned = align(np.asarray(picture, np.uint8), through(matrix, FACE))
    expected = align(PICTURE, FACE)
    assert aligned is not None
    assert expected is not None
    inner = np.s_[20:100, 20:92]  # what a picture three times as large still shows
    assert np.abs(aligned[inner].astype(int) - expected[inner]).mean() < 3.0


@settings(max_examples=50, deadline=None)
@given(
    st.floats(-180, 180), st.floats(0.05, 20.0), st.tuples(st.floats(-500, 500), st.floats(0, 500))
)
def test_transform_brings_moved_landmarks_back_to_the_template(
    turn_deg: float, scale: float, shift: tuple[float, float]
) -> None:
    matrix = moved(turn_deg, scale, shift)
    found = similarity_transform(through(matrix, TEMPLATE_112))
    assert found is not None
    assert through(found, through(matrix, TEMPLATE_112)) == pytest.approx(TEMPLATE_112, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=5, max_size=5))
def test_no_other_similarity_fits_trembling_landmarks_better(
    errors: list[tuple[float, float]],
) -> None:
    points = TEMPLATE_112 + np.array(errors)
    found = similarity_transform(points)
    assert found is not None

    def misfit(matrix: NDArray[np.float64]) -> float:
        return float(((through(matrix, points) - TEMPLATE_112) ** 2).sum())

    for turn, shift in ((0.01, (0, 0)), (-0.01, (0, 0)), (0, (0.3, 0)), (0, (0, -0.3))):
        other = found.copy()
        other[:, :2] = np.array([[1, -turn], [turn, 1]]) @ found[:, :2]
        other[:, 2] += shift
        assert misfit(found) <= misfit(other) + 1e-9


@pytest.mark.parametrize(
    "points",
    [
        np.full((5, 2), 50.0),
        np.full((5, 2), np.nan),
        np.full((5, 2), np.inf),
        np.full((5, 2), 1e200) * TEMPLATE_112,
        TEMPLATE_112 * [-1.0, 1.0],
        TEMPLATE_112[[2, 0, 4, 1, 3]],
        TEMPLATE_112[:4],
        np.empty((0, 2)),
    ],
    ids=["one spot", "nan", "infinite", "huge", "mirrored", "shuffled", "four", "none"],
)
def test_points_that_are_no_face_are_refused(points: NDArray[np.float64]) -> None:
    assert similarity_transform(points) is None
    assert align(PICTURE, points) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=5, max_size=5))
def test_any_five_points_give_a_picture_or_nothing(points: list[tuple[float, float]]) -> None:
    aligned = align(PICTURE, np.array(points))
    assert aligned is None or aligned.shape == (SIZE_PX, SIZE_PX, 3)


def test_outside_of_the_picture_is_black() -> None:
    aligned = align(np.full((112, 112, 3), 200, np.uint8), TEMPLATE_112 - [56.0, 0.0])
    assert aligned is not None
    assert (aligned[:, :54] == 0).all()
    assert (aligned[:, 58:] == 200).all()


def test_fine_stripes_of_a_large_face_become_grey_and_no_false_pattern() -> None:
    stripes = np.zeros((1120, 1120, 3), np.uint8)
    stripes[:, ::2] = 255
    aligned = align(stripes, TEMPLATE_112 * 10)
    assert aligned is not None
    assert np.abs(aligned[2:-2, 2:-2].astype(int) - 127).max() <= 15


def test_other_sizes_scale_the_template() -> None:
    aligned = align(PICTURE, FACE, 224)
    assert aligned is not None
    assert aligned.shape == (224, 224, 3)
    small = cv2.resize(aligned, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA)
    expected = align(PICTURE, FACE)
    assert expected is not None
    assert np.abs(small.astype(int) - expected).mean() < 3.0


def test_box_is_cut_out_with_its_middle_in_the_middle() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[80:120, 180:220] = 255
    aligned = align_box(picture, (180, 80, 220, 120))
    rows, columns = np.nonzero(aligned[..., 0])
    assert (rows.mean(), columns.mean()) == pytest.approx((55.5, 55.5), abs=1.0)
    assert np.ptp(rows) == pytest.approx(SIZE_PX / 1.35, abs=3)


def test_empty_box_is_cut_out_without_a_crash() -> None:
    assert align_box(PICTURE, (10.0, 10.0, 10.0, 10.0)).shape == (SIZE_PX, SIZE_PX, 3)
