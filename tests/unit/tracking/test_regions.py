import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.geometry.boxes import Box
from spyoncino.tracking.regions import RegionSpec, choose_regions, closer_look, unexplained
from spyoncino.tracking.spec import Observation

SIZE = (1280, 720)


def box_px(left: float, top: float, width: float, height: float) -> Box:
    return Box(left / 1280, top / 720, (left + width) / 1280, (top + height) / 720)


def in_px(box: Box) -> tuple[float, float, float, float]:
    return box.left * 1280, box.top * 720, box.width * 1280, box.height * 720


def test_a_small_thing_gets_a_square_of_the_models_size_around_it() -> None:
    (square,) = choose_regions([box_px(600, 300, 20, 40)], (), SIZE)
    assert in_px(square) == pytest.approx((402, 112, 416, 416))


def test_a_larger_thing_gets_a_square_with_a_margin() -> None:
    (square,) = choose_regions([box_px(500, 200, 200, 300)], (), SIZE)
    assert in_px(square) == pytest.approx((360, 110, 480, 480))


def test_a_square_at_the_rim_is_pushed_inside() -> None:
    (square,) = choose_regions([box_px(0, 700, 20, 20)], (), SIZE)
    assert in_px(square) == pytest.approx((0, 304, 416, 416))


def test_a_square_in_the_corner_of_the_picture_begins_there() -> None:
    (square,) = choose_regions([box_px(0, 0, 20, 20)], (), SIZE)
    assert in_px(square) == pytest.approx((0, 0, 416, 416))


def test_a_picture_lower_than_the_models_input_is_cut_over_its_whole_height() -> None:
    (square,) = choose_regions([box_px(600, 300, 20, 40)], (), (1280, 400))
    assert square.height == 1.0
    assert square.width * 1280 == pytest.approx(400)


def test_what_is_just_small_enough_gets_a_square() -> None:
    spec = RegionSpec(margin=1.0, small_share=0.5)
    (square,) = choose_regions([Box(0.25, 0.25, 0.75, 0.5)], (), (1024, 1024), spec)
    assert square == Box(0.25, 0.125, 0.75, 0.625)


def test_what_is_large_is_not_cut_out_though_a_square_would_hold_it() -> None:
    assert choose_regions([Box(0.2, 0.2, 0.65, 0.4)], (), (1000, 1000)) == ()
    assert len(choose_regions([Box(0.2, 0.2, 0.55, 0.4)], (), (1000, 1000))) == 1


def test_what_is_too_large_for_a_square_does_not_stop_the_search() -> None:
    large, small = box_px(100, 100, 460, 200), box_px(900, 300, 20, 40)
    (square,) = choose_regions([large, small], (), SIZE)
    assert square.overlap(small) == pytest.approx(small.area)


def test_what_is_smaller_than_a_pixel_is_looked_at() -> None:
    assert len(choose_regions([box_px(600, 300, 0.5, 0.5)], (), SIZE)) == 1


def test_what_is_large_enough_in_the_whole_picture_gets_none() -> None:
    assert choose_regions([box_px(100, 100, 520, 200)], (), SIZE) == ()


def test_what_needs_more_than_the_pictures_height_gets_none() -> None:
    assert choose_regions([box_px(100, 100, 460, 200)], (), SIZE) == ()


def test_a_picture_no_larger_than_the_models_input_is_never_cut() -> None:
    assert choose_regions([Box(0.1, 0.1, 0.2, 0.2)], (), (320, 240)) == ()
    assert choose_regions([Box(0.1, 0.1, 0.2, 0.2)], (), (416, 300)) == ()


def test_things_that_fit_into_one_square_share_it() -> None:
    boxes = [box_px(600, 300, 20, 40), box_px(700, 320, 20, 40)]
    (square,) = choose_regions(boxes, (), SIZE, RegionSpec(max_regions=3))
    assert all(square.overlap(box) == pytest.approx(box.area) for box in boxes)


def test_things_that_just_fit_into_one_square_are_in_its_middle_together() -> None:
    boxes = [Box(0.375, 0.5, 0.4375, 0.5625), Box(0.5625, 0.5, 0.625, 0.5625)]
    spec = RegionSpec(margin=1.0, min_side_px=256, max_regions=2)
    assert choose_regions(boxes, (), (1024, 1024), spec) == (Box(0.375, 0.40625, 0.625, 0.65625),)


def test_what_lies_in_a_square_by_chance_gets_none_of_its_own() -> None:
    boxes = [box_px(600, 300, 20, 40), box_px(820, 300, 20, 40), box_px(560, 300, 20, 40)]
    (square,) = choose_regions(boxes, (), SIZE, RegionSpec(max_regions=3))
    assert square.overlap(boxes[2]) == pytest.approx(boxes[2].area)


def test_what_lies_in_a_square_by_little_more_than_half_gets_its_own() -> None:
    boxes = [box_px(600, 300, 20, 40), box_px(746, 300, 120, 40)]
    first, second = choose_regions(boxes, (), SIZE, RegionSpec(max_regions=3))
    assert first.overlap(boxes[1]) == pytest.approx(0.6 * boxes[1].area)
    assert second.overlap(boxes[1]) == pytest.approx(boxes[1].area)


def test_no_more_squares_than_allowed_and_the_important_first() -> None:
    boxes = [box_px(50, 50, 30, 60), box_px(600, 600, 30, 60), box_px(1200, 50, 30, 60)]
    first, second = choose_regions(boxes, (), SIZE, RegionSpec(max_regions=2))
    assert first.overlap(boxes[0]) == pytest.approx(boxes[0].area)
    assert second.overlap(boxes[1]) == pytest.approx(boxes[1].area)
    assert choose_regions(boxes, (), SIZE, RegionSpec(max_regions=0)) == ()


def test_tracks_that_need_a_look_come_before_motion() -> None:
    track, motion = box_px(1200, 50, 30, 60), box_px(50, 50, 30, 60)
    (square,) = choose_regions([motion], [track], SIZE)
    assert square.overlap(track) == pytest.approx(track.area)


def test_an_empty_box_is_nothing_to_look_at() -> None:
    assert choose_regions([Box(0.5, 0.5, 0.5, 0.5)], (), SIZE) == ()


def test_motion_under_a_sure_detection_is_explained() -> None:
    motion = [box_px(600, 300, 40, 80)]
    person = Observation("person", 0.4, box_px(600, 300, 40, 30))
    assert unexplained(motion, [person]) == ()


@pytest.mark.parametrize(
    "found",
    [
        [],
        [Observation("person", 0.39, box_px(600, 300, 40, 80))],
        [Observation("person", 0.9, box_px(600, 300, 40, 20))],
        [Observation("person", 0.9, box_px(900, 300, 40, 80))],
    ],
)
def test_motion_is_unexplained_without_a_sure_detection_over_enough_of_it(
    found: list[Observation],
) -> None:
    motion = (box_px(600, 300, 40, 80),)
    assert unexplained(motion, found) == motion
    assert len(closer_look(motion, found, SIZE)) == 1


def test_nothing_is_looked_at_closer_when_all_is_explained() -> None:
    motion = [box_px(600, 300, 40, 80)]
    assert closer_look(motion, [Observation("cat", 0.5, motion[0])], SIZE) == ()


def test_motion_is_explained_by_exactly_the_share_asked_for() -> None:
    found = [Observation("person", 0.9, Box(0.0, 0.0, 0.5, 0.125))]
    assert unexplained([Box(0.0, 0.0, 0.5, 0.5)], found, RegionSpec(explained_share=0.25)) == ()


def test_the_closer_look_goes_by_the_settings_given() -> None:
    motion = [box_px(600, 300, 40, 80), box_px(50, 300, 40, 80)]
    found = [Observation("person", 0.5, motion[0])]
    assert len(closer_look(motion, found, SIZE, RegionSpec(max_regions=2))) == 1
    spec = RegionSpec(max_regions=2, sure_score=0.6)
    assert len(closer_look(motion, found, SIZE, spec)) == 2


edge = st.floats(0, 1)
boxes = st.builds(
    lambda a, b, c, d: Box(min(a, b), min(c, d), max(a, b), max(c, d)), edge, edge, edge, edge
)


@given(st.lists(boxes, max_size=6), st.integers(1, 4000), st.integers(1, 2200))
def test_squares_are_square_and_inside_whatever_the_picture(
    motion: list[Box], width: int, height: int
) -> None:
    for square in choose_regions(motion, (), (width, height), RegionSpec(max_regions=3)):
        assert square == square.clipped()
        assert square.width * width == pytest.approx(square.height * height, abs=1e-6)
