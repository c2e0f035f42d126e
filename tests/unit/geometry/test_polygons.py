import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.geometry.boxes import Box
from spyoncino.geometry.polygons import contains, covered_share, polygon_area

SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
ARROW = ((0.0, 0.0), (1.0, 0.5), (0.0, 1.0), (0.5, 0.5))
fractions = st.floats(min_value=0, max_value=1, allow_nan=False, width=32)


def test_area_is_the_same_in_both_turning_directions() -> None:
    assert polygon_area(SQUARE) == pytest.approx(0.36)
    assert polygon_area(tuple(reversed(SQUARE))) == pytest.approx(0.36)


def test_less_than_three_corners_hold_nothing() -> None:
    line = SQUARE[:2]
    assert polygon_area(line) == 0
    assert not contains(line, (0.5, 0.2))
    assert covered_share(line, Box(0, 0, 1, 1)) == 0


@pytest.mark.parametrize("point", [(0.5, 0.5), (0.2, 0.2), (0.5, 0.2), (0.8, 0.5), (0.5, 0.8)])
def test_inside_edges_and_corners_count_as_inside(point: tuple[float, float]) -> None:
    assert contains(SQUARE, point)


@pytest.mark.parametrize("point", [(0.1, 0.5), (0.9, 0.5), (0.5, 0.1), (0.5, 0.9), (0.9, 0.2)])
def test_outside_is_outside_also_beside_an_edge(point: tuple[float, float]) -> None:
    assert not contains(SQUARE, point)


def test_the_notch_of_a_concave_polygon_is_outside() -> None:
    assert contains(ARROW, (0.7, 0.5))
    assert not contains(ARROW, (0.2, 0.5))


def test_a_corner_given_twice_changes_nothing() -> None:
    doubled = (*SQUARE, SQUARE[-1])
    assert contains(doubled, (0.5, 0.5))
    assert not contains(doubled, (0.9, 0.9))


def test_feet_on_the_lower_border_stand_in_a_zone_drawn_to_it() -> None:
    assert contains(((0, 0.5), (1, 0.5), (1, 1), (0, 1)), (0.37, 1.0))


@given(x=fractions, y=fractions)
def test_a_triangle_holds_what_its_three_half_planes_hold(x: float, y: float) -> None:
    triangle = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    if abs(x + y - 1) > 1e-6:
        assert contains(triangle, (x, y)) == (x + y < 1)


def test_share_of_a_box_that_is_half_covered() -> None:
    assert covered_share(SQUARE, Box(0.0, 0.3, 0.4, 0.7)) == pytest.approx(0.5)


def test_share_is_all_of_a_box_inside_and_none_of_one_outside() -> None:
    assert covered_share(SQUARE, Box(0.3, 0.3, 0.4, 0.4)) == pytest.approx(1.0)
    assert covered_share(SQUARE, Box(0.85, 0.3, 0.95, 0.4)) == 0
    assert covered_share(SQUARE, Box(0.5, 0.5, 0.5, 0.9)) == 0


@given(left=fractions, top=fractions, right=fractions, bottom=fractions)
def test_a_box_is_covered_by_itself_and_shares_are_fractions(
    left: float, top: float, right: float, bottom: float
) -> None:
    box = Box(min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    share = covered_share(ARROW, box)
    assert 0 <= share <= 1
    if box.width > 1e-3 and box.height > 1e-3:
        corners = (
            (box.left, box.top),
            (box.right, box.top),
            (box.right, box.bottom),
            (box.left, box.bottom),
        )
        assert math.isclose(covered_share(corners, box), 1.0, rel_tol=1e-6)
