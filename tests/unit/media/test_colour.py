"""Parts of a picture in BGR."""

import numpy as np
import pytest

from spyoncino.errors import MediaError
from spyoncino.media.colour import PixelBox, i420_crop_to_bgr, i420_to_bgr

PICTURE = np.random.default_rng(3).integers(16, 235, (72 * 3 // 2, 96), dtype=np.uint8)


@pytest.mark.parametrize(
    "box", [(0, 0, 96, 72), (10, 20, 50, 60), (11, 21, 50, 61), (95, 71, 96, 72), (3, 0, 4, 72)]
)
def test_a_crop_equals_the_same_part_of_the_whole(box: PixelBox) -> None:
    left, top, right, bottom = box
    whole = i420_to_bgr(PICTURE)
    crop = i420_crop_to_bgr(PICTURE, box)
    assert crop.shape == (bottom - top, right - left, 3)
    np.testing.assert_array_equal(crop, whole[top:bottom, left:right])


def test_a_box_over_the_edge_is_clipped() -> None:
    assert i420_crop_to_bgr(PICTURE, (-10, -5, 20, 500)).shape == (72, 20, 3)


@pytest.mark.parametrize("box", [(200, 0, 300, 10), (5, 5, 5, 9), (-9, 0, 0, 9)])
def test_a_box_with_nothing_in_it_is_refused(box: PixelBox) -> None:
    with pytest.raises(MediaError, match="outside a picture of 96x72"):
        i420_crop_to_bgr(PICTURE, box)
