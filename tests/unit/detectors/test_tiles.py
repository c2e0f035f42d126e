import itertools

import pytest

from spyoncino.detectors.results import RawDetection
from spyoncino.detectors.tiles import full_height_squares, merge_tiles
from spyoncino.geometry.boxes import FULL_PICTURE, Box

LEFT = Box(0.0, 0.0, 0.6, 1.0)
RIGHT = Box(0.4, 0.0, 1.0, 1.0)


def person(box: Box, score: float = 0.9) -> RawDetection:
    return RawDetection("person", score, box)


@pytest.mark.parametrize(("size", "count"), [((1280, 720), 2), ((640, 480), 2), ((3000, 1000), 3)])
def test_squares_are_square_and_cover_the_width(size: tuple[int, int], count: int) -> None:
    squares = full_height_squares(*size)
    assert len(squares) == count
    assert squares[0].left == 0.0
    assert squares[-1].right == pytest.approx(1.0)
    for square in squares:
        assert square.width * size[0] == pytest.approx(square.height * size[1])
    for before, after in itertools.pairwise(squares):
        assert after.left <= before.right + 1e-9


@pytest.mark.parametrize("size", [(480, 640), (500, 500)])
def test_picture_not_wider_than_high_is_its_own_square(size: tuple[int, int]) -> None:
    assert full_height_squares(*size) == (FULL_PICTURE,)


def test_detection_of_a_tile_is_placed_in_the_picture() -> None:
    found = merge_tiles([(RIGHT, [person(Box(0.5, 0.25, 0.75, 0.5))])])
    assert found[0].box == pytest.approx((0.7, 0.25, 0.85, 0.5))


def test_same_person_in_two_tiles_is_one() -> None:
    found = merge_tiles(
        [
            (LEFT, [person(Box(0.7, 0.2, 0.9, 0.8), 0.8)]),
            (RIGHT, [person(Box(0.033, 0.2, 0.233, 0.8), 0.7)]),
        ]
    )
    assert [item.score for item in found] == [0.8]


def test_part_cut_by_a_tile_goes_when_another_tile_shows_it_whole() -> None:
    found = merge_tiles(
        [(FULL_PICTURE, [person(Box(0.3, 0.2, 0.7, 0.8), 0.5)]),
         (LEFT, [person(Box(0.5, 0.2, 1.0, 0.8), 0.95)])]
    )  # fmt: skip
    assert [item.score for item in found] == [0.5]


def test_part_that_nobody_else_saw_stays() -> None:
    found = merge_tiles([(LEFT, [person(Box(0.5, 0.2, 1.0, 0.8), 0.95)]), (RIGHT, [])])
    assert [item.score for item in found] == [0.95]


def test_cut_person_stays_beside_an_uncut_bicycle() -> None:
    bicycle = RawDetection("bicycle", 0.6, Box(0.3, 0.2, 0.7, 0.8))
    found = merge_tiles([(FULL_PICTURE, [bicycle]), (LEFT, [person(Box(0.5, 0.2, 1.0, 0.8), 0.7)])])
    assert [item.label for item in found] == ["person", "bicycle"]


@pytest.mark.parametrize(
    ("tile", "inner"),
    [
        (Box(0.0, 0.0, 1.0, 0.5), Box(0.2, 0.5, 0.4, 1.0)),
        (Box(0.0, 0.5, 1.0, 1.0), Box(0.2, 0.0, 0.4, 0.5)),
        (Box(0.5, 0.0, 1.0, 1.0), Box(0.0, 0.2, 0.3, 0.5)),
        (Box(0.0, 0.0, 0.5, 1.0), Box(0.7, 0.2, 1.0, 0.5)),
    ],
)
def test_every_inner_border_cuts(tile: Box, inner: Box) -> None:
    seen_whole = merge_tiles([(tile, [person(inner, 0.9)])])[0].box
    around = Box(
        seen_whole.left - 0.05, seen_whole.top - 0.05, seen_whole.right + 0.05,
        seen_whole.bottom + 0.05,
    )  # fmt: skip
    found = merge_tiles([(FULL_PICTURE, [person(around, 0.3)]), (tile, [person(inner, 0.9)])])
    assert [item.score for item in found] == [0.3]


def test_border_of_the_picture_cuts_nothing() -> None:
    weak = person(Box(0.0, 0.0, 0.3, 1.0), 0.3)
    at_the_edge = person(Box(0.0, 0.0, 0.5, 1.0), 0.9)
    found = merge_tiles([(FULL_PICTURE, [weak]), (LEFT, [at_the_edge])])
    assert [item.score for item in found] == [0.9]


def test_best_score_comes_first() -> None:
    found = merge_tiles(
        [(FULL_PICTURE, [person(Box(0, 0, 0.1, 0.1), 0.2), person(Box(0.5, 0.5, 0.6, 0.6), 0.8)])]
    )
    assert [item.score for item in found] == [0.8, 0.2]


def test_no_tile_gives_nothing() -> None:
    assert merge_tiles([]) == []
