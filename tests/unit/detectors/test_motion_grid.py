import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.detectors.motion_grid import MotionGrid, add_levels, halved, halvings_for
from spyoncino.geometry.boxes import Box


def blank(grid: MotionGrid) -> NDArray[np.uint8]:
    return np.zeros(grid.shape, np.uint8)


def test_halving_is_the_mean_of_two_by_two_pixels() -> None:
    picture = np.array([[0, 4, 100], [8, 12, 100], [50, 50, 50]], np.uint8)
    assert halved(picture, 1).tolist() == [[6]]


def test_halving_nothing_keeps_the_picture() -> None:
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert halved(picture, 0) is picture


@pytest.mark.parametrize(
    ("height", "width", "halvings"),
    [(1, 1, 0), (241, 321, 0), (480, 640, 1), (720, 1280, 2), (1080, 1920, 3), (2160, 3840, 4)],
)
def test_the_grid_of_every_size_stays_small(height: int, width: int, halvings: int) -> None:
    assert halvings_for(height, width) == halvings


def test_one_thin_bright_line_is_not_lost_by_shrinking() -> None:
    grid = MotionGrid(1080, 1920, (), 0.0)
    for column in range(1000, 1008):
        luma = np.zeros((1080, 1920), np.uint8)
        luma[:, column] = 240
        assert grid.shrink(luma).sum(axis=1).min() >= 240 // 8 - 3


def test_a_small_picture_is_copied_and_not_shrunk() -> None:
    grid = MotionGrid(4, 6, (), 0.0)
    luma = np.arange(24, dtype=np.uint8).reshape(4, 6)
    small = grid.shrink(luma)
    assert small.tolist() == luma.tolist()
    assert small is not luma


def test_a_region_lies_around_what_changed() -> None:
    grid = MotionGrid(720, 1280, (), 0.0)
    changed = blank(grid)
    changed[40:60, 80:90] = 255
    assert grid.regions(changed) == (Box(80 / 320, 40 / 180, 90 / 320, 60 / 180),)


def test_the_larger_of_two_regions_comes_first() -> None:
    grid = MotionGrid(720, 1280, (), 0.0)
    changed = blank(grid)
    changed[8:16, 8:16] = 255
    changed[100:140, 200:240] = 255
    first, second = grid.regions(changed)
    assert first.left == 200 / 320
    assert second.left == 8 / 320


def test_pieces_that_nearly_touch_are_one_region() -> None:
    grid = MotionGrid(720, 1280, (), 0.0)
    changed = blank(grid)
    changed[40:48, 80:88] = 255
    changed[52:60, 80:88] = 255
    assert len(grid.regions(changed)) == 1


def test_what_is_smaller_than_the_smallest_area_is_no_region() -> None:
    changed_px = 8 * 8
    for min_area, count in ((63 / 57600, 1), (65 / 57600, 0)):
        grid = MotionGrid(720, 1280, (), min_area)
        changed = blank(grid)
        changed[40:48, 80:88] = 255
        assert int((changed > 0).sum()) == changed_px
        assert len(grid.regions(changed)) == count


def test_single_pixels_make_no_region() -> None:
    grid = MotionGrid(720, 1280, (), 0.0)
    changed = blank(grid)
    changed[::8, ::8] = 255
    assert grid.regions(changed) == ()


def test_a_tiny_picture_still_has_regions() -> None:
    grid = MotionGrid(3, 3, (), 0.0)
    changed = blank(grid)
    changed[1, 1] = 255
    assert grid.regions(changed) == (Box(1 / 3, 1 / 3, 2 / 3, 2 / 3),)


def test_a_mask_takes_its_part_out_of_the_picture() -> None:
    left_half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    grid = MotionGrid(720, 1280, (left_half,), 0.0)
    assert not grid.allowed[:, :158].any()
    assert grid.allowed[:, 162:].all()
    everything = np.full(grid.shape, 255, np.uint8) & grid.allowed
    assert grid.changed_share(everything) == 1.0


def test_a_mask_of_the_whole_picture_leaves_nothing_and_divides_by_nothing() -> None:
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    grid = MotionGrid(16, 16, (whole,), 0.0)
    assert grid.changed_share(blank(grid)) == 0.0


def test_a_mask_with_two_corners_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than three corners"):
        MotionGrid(16, 16, (((0.0, 0.0), (1.0, 1.0)),), 0.0)


def test_levels_are_added_and_taken_within_the_range_of_a_byte() -> None:
    values = np.array([[5, 250]], np.uint8)
    assert add_levels(values, 10).tolist() == [[15, 255]]
    assert add_levels(values, -10).tolist() == [[0, 240]]


def test_levels_are_added_under_a_mask_in_place() -> None:
    values = np.array([[5, 250]], np.uint8)
    add_levels(values, 10, np.array([[255, 0]], np.uint8), values)
    assert values.tolist() == [[15, 250]]
