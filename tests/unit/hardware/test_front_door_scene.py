"""What stands still in front of the door, and the plant."""

import numpy as np

from spyoncino.hardware.front_door_scene import draw_background, draw_plant


def test_the_background_is_the_same_for_the_same_seed() -> None:
    first, again, other = (draw_background(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (720, 1280, 3)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_wind_bends_the_plant_but_not_its_pot() -> None:
    left, right = draw_plant(-1.0), draw_plant(1.0)
    assert left.shape == (310, 200, 4)
    assert (left[:200] != right[:200]).any()
    np.testing.assert_array_equal(left[240:], right[240:])
