"""The drawn front door and its script."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.errors import SourceError
from spyoncino.hardware.front_door import FrontDoor, Script
from spyoncino.media.colour import i420_to_bgr

WIDTH, HEIGHT = 320, 180


@pytest.fixture(scope="module")
def door() -> FrontDoor:
    return FrontDoor(WIDTH, HEIGHT, seed=1, script=Script())


def changed(door: FrontDoor, at_s: float, since_s: float) -> NDArray[np.bool_]:
    """Where the luma differs by more than noise and light do."""
    now, before = (door.draw(s)[:HEIGHT].astype(int) for s in (at_s, since_s))
    difference: NDArray[np.bool_] = np.abs(now - before) > 30
    return difference


def test_nobody_is_there_at_first_and_between_visitor_and_cat(door: FrontDoor) -> None:
    for at_s in (0.0, 1.0, 3.9, 20.1, 21.9, 28.1, 29.9):
        assert door.visitor_box(at_s) is None
        plant = changed(door, at_s, 0.5)
        plant[75:165, 70:140] = False
        assert plant.mean() < 0.001


def test_the_visitor_grows_on_the_way_to_the_door(door: FrontDoor) -> None:
    heights = []
    for at_s in (4.0, 6.0, 8.0, 10.0):
        box = door.visitor_box(at_s)
        assert box is not None
        heights.append(box[3] - box[1])
    assert heights == sorted(heights)
    assert heights[0] == pytest.approx(0.21, abs=0.02)
    assert heights[-1] > 0.8


def test_the_visitor_is_drawn_where_it_is_said_to_be(door: FrontDoor) -> None:
    for at_s in (7.0, 11.0, 16.0):
        box = door.visitor_box(at_s)
        assert box is not None
        rows, columns = np.nonzero(changed(door, at_s, 1.0))
        inside = (
            (columns >= box[0] * WIDTH - 3)
            & (columns <= box[2] * WIDTH + 3)
            & (rows >= box[1] * HEIGHT - 3)
            & (rows <= box[3] * HEIGHT + 3)
        )
        plant = (columns > 70) & (columns < 140) & (rows > 75) & (rows < 165)
        assert (inside | plant).mean() > 0.99
        assert (inside & ~plant).sum() > 0.1 * (box[2] - box[0]) * (
            box[3] - box[1]
        ) * WIDTH * HEIGHT


def test_the_cat_crosses_from_left_to_right(door: FrontDoor) -> None:
    middles = []
    for at_s in (34.0, 35.5, 37.0):
        difference = changed(door, at_s, 1.0)
        difference[:120] = False
        difference[:, :140] &= at_s < 35
        middles.append(float(np.nonzero(difference)[1].mean()))
    assert middles == sorted(middles)
    assert middles[-1] - middles[0] > 0.3 * WIDTH


def test_the_next_round_is_like_the_first(door: FrontDoor) -> None:
    assert door.visitor_box(11.0) == door.visitor_box(61.0)


def test_pictures_depend_on_their_time_alone(door: FrontDoor) -> None:
    first = door.draw(9.0)
    door.draw(25.0)
    np.testing.assert_array_equal(door.draw(9.0), first)
    assert first.shape == (HEIGHT * 3 // 2, WIDTH)
    assert first.dtype == np.uint8


def test_noise_differs_from_picture_to_picture(door: FrontDoor) -> None:
    first, second = door.draw(1.0)[:20].astype(int), door.draw(1.0 + 1 / 15)[:20].astype(int)
    assert 1.5 < (second - first).std() < 4.0


def test_light_drifts_slowly(door: FrontDoor) -> None:
    wall = [float(door.draw(s)[20:30, 5:10].mean()) for s in (0.0, 47 / 4, 47 * 3 / 4)]
    assert wall[1] > wall[0] * 1.03
    assert wall[2] < wall[0] * 0.97


def test_colours_are_right(door: FrontDoor) -> None:
    blue, green, red = i420_to_bgr(door.draw(1.0))[110:120, 25:50].reshape(-1, 3).mean(axis=0)
    assert blue > green > red


def test_things_can_be_left_out() -> None:
    door = FrontDoor(WIDTH, HEIGHT, 1, Script(visitor_at_s=-1, cat_at_s=-1))
    assert all(door.visitor_box(s) is None for s in range(30))
    assert Script(visitor_at_s=-1).presses_between(0, 100) == []


def test_presses_are_found_in_each_stretch_once() -> None:
    script = Script(period_s=30.0)
    assert script.presses_between(-0.1, 10.4) == []
    assert script.presses_between(10.4, 10.5) == [10.5]
    assert script.presses_between(10.5, 40.4) == []
    assert script.presses_between(0.0, 75.0) == [10.5, 40.5, 70.5]
    assert Script(period_s=30.0, press_at_s=31).presses_between(0, 100) == []


def test_a_round_without_length_is_refused() -> None:
    with pytest.raises(SourceError, match="period_s"):
        Script(period_s=0)
