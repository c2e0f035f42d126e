"""Pictures of two streams side by side."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.media.same_view import view_of


@pytest.fixture
def scene() -> NDArray[np.uint8]:
    """Something with structure at all sizes, 16:9."""
    chance = np.random.default_rng(5)
    coarse = cv2.resize(chance.uniform(0, 255, (9, 16)), (640, 360), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(chance.uniform(-60, 60, (36, 64)), (640, 360))
    return np.asarray(np.clip(coarse + fine, 0, 255), dtype=np.uint8)


def small(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def test_a_smaller_copy_is_the_same(scene: NDArray[np.uint8]) -> None:
    assert view_of(scene, small(scene, (320, 180))) == "the same"


def test_a_copy_of_another_shape_is_squeezed(scene: NDArray[np.uint8]) -> None:
    assert view_of(scene, small(scene, (320, 240))) == "the same, squeezed"
    assert view_of(small(scene, (320, 240)), scene) == "the same, squeezed"


def test_the_middle_of_a_picture_is_another_part(scene: NDArray[np.uint8]) -> None:
    middle = scene[:, 80:560]
    assert view_of(scene, small(middle, (320, 240))) == "another part"
    assert view_of(middle, small(scene, (320, 180))) == "another part"


def test_of_a_black_picture_nothing_is_said(scene: NDArray[np.uint8]) -> None:
    black = np.zeros((180, 320), np.uint8)
    assert view_of(scene, black) == "unknown"
    assert view_of(scene, black[:, :240]) == "unknown"
