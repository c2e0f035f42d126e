import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.detectors.motion_light import judge_light

Picture = NDArray[np.uint8]


def wall(seed: int, low: int = 60, high: int = 180) -> Picture:
    """Soft blotches, as plaster or foliage have them."""
    rough = np.random.default_rng(seed).normal(size=(160, 240))
    soft = cv2.GaussianBlur(rough, (0, 0), 3)
    return np.asarray(cv2.normalize(soft, None, low, high, cv2.NORM_MINMAX), np.uint8)  # type: ignore[call-overload]


def everywhere(picture: Picture) -> Picture:
    return np.full(picture.shape, 255, np.uint8)


@pytest.mark.parametrize(("gain", "offset"), [(1.4, 0), (0.4, 0), (1.0, 50), (0.6, 60)])
def test_the_same_wall_in_other_light_is_a_light_change(gain: float, offset: int) -> None:
    before = wall(1)
    after = np.clip(before * gain + offset, 0, 255).astype(np.uint8)
    verdict = judge_light(after, before, everywhere(before), everywhere(before))
    assert verdict.is_light
    assert verdict.replaced.mean() < 10


def test_something_else_in_front_is_no_light_change() -> None:
    before, person = wall(1), wall(2, 20, 120)
    verdict = judge_light(person, before, everywhere(before), everywhere(before))
    assert not verdict.is_light


def test_a_person_in_switched_light_is_still_a_thing() -> None:
    before = wall(1)
    after = np.clip(before * 0.6, 0, 255).astype(np.uint8)
    after[40:120, 80:140] = wall(2, 30, 200)[40:120, 80:140]
    verdict = judge_light(after, before, everywhere(before), everywhere(before))
    assert verdict.is_light
    assert (verdict.replaced[40:120, 80:140] > 0).mean() > 0.5
    assert (verdict.replaced[:, :72] > 0).mean() < 0.05


def test_a_light_that_goes_out_is_a_light_change_though_no_structure_is_left() -> None:
    before = wall(1)
    dark = np.random.default_rng(3).integers(4, 8, before.shape, dtype=np.uint8)
    verdict = judge_light(dark, before, everywhere(before), everywhere(before))
    assert verdict.is_light
    assert not verdict.replaced.any()


def test_a_wall_without_any_structure_gives_no_verdict_of_light() -> None:
    before = np.full((160, 240), 100, np.uint8)
    after = np.full((160, 240), 180, np.uint8)
    verdict = judge_light(after, before, everywhere(before), everywhere(before))
    assert not verdict.is_light


def test_a_picture_smaller_than_a_tile_is_a_thing() -> None:
    small = np.zeros((4, 4), np.uint8)
    changed = everywhere(small)
    verdict = judge_light(small, small, changed, changed)
    assert not verdict.is_light
    assert verdict.replaced is changed
