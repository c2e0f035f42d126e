import pytest
from tests.fixtures.payloads import MIDDLE, frame_ref

from spyoncino.events.best_picture import (
    MIN_GAIN,
    is_better,
    picture_of,
    picture_quality,
    picture_without_object,
)
from spyoncino.geometry.boxes import FULL_PICTURE, Box

SMALL = Box(0.45, 0.45, 0.5, 0.55)


def test_a_poor_person_is_better_than_a_perfect_car() -> None:
    assert picture_quality("person", 0.1, SMALL) > picture_quality("car", 1.0, MIDDLE)


def test_a_surer_and_a_larger_box_are_better() -> None:
    assert picture_quality("person", 0.9, MIDDLE) > picture_quality("person", 0.5, MIDDLE)
    assert picture_quality("person", 0.9, MIDDLE) > picture_quality("person", 0.9, SMALL)


def test_beyond_half_the_picture_size_adds_nothing() -> None:
    half = Box(0.25, 0.25, 0.75, 0.75)
    larger = Box(0.1, 0.1, 0.9, 0.9)
    assert picture_quality("person", 0.9, half) == picture_quality("person", 0.9, larger)


@pytest.mark.parametrize(
    "cut", [Box(0.0, 0.3, 0.2, 0.9), Box(0.8, 0.3, 1.0, 0.9), Box(0.4, 0.0, 0.6, 0.6)]
)
def test_a_box_cut_by_a_border_is_worse(cut: Box) -> None:
    inside = Box(0.4, 0.3, 0.6, 0.9)
    assert picture_quality("person", 0.9, cut) < picture_quality("person", 0.9, inside)


def test_cut_feet_cost_less_than_a_cut_head() -> None:
    without_feet = picture_quality("person", 0.9, Box(0.4, 0.4, 0.6, 1.0))
    without_head = picture_quality("person", 0.9, Box(0.4, 0.0, 0.6, 0.6))
    assert without_head < without_feet < picture_quality("person", 0.9, Box(0.4, 0.3, 0.6, 0.9))


def test_the_first_picture_is_always_better_than_none() -> None:
    assert is_better(picture_without_object("motion", 0.0), None)


def test_a_small_gain_does_not_replace_the_picture() -> None:
    current = picture_of("person", 0.80, MIDDLE, frame_ref(1.0))
    hardly = current.model_copy(update={"quality": current.quality + MIN_GAIN * 0.9})
    clearly = current.model_copy(update={"quality": current.quality + MIN_GAIN * 1.1})
    assert not is_better(hardly, current)
    assert is_better(clearly, current)


def test_any_visible_person_replaces_the_bare_view_of_a_press() -> None:
    press = picture_without_object("doorbell", 3.0)
    person = picture_of("person", 0.1, SMALL, frame_ref(2.0))
    assert press.box == FULL_PICTURE
    assert is_better(person, press)
    assert not is_better(press, person)


def test_the_box_of_a_picture_stays_inside_it() -> None:
    picture = picture_of("person", 0.9, Box(-0.1, 0.2, 0.3, 1.4), frame_ref(1.0))
    assert picture.box == Box(0.0, 0.2, 0.3, 1.0)
