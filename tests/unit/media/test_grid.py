import numpy as np
import pytest

from spyoncino.media.grid import with_grid


@pytest.mark.parametrize("size", [(360, 640), (90, 160), (2160, 3840)])
def test_lines_lie_at_every_tenth_and_the_picture_is_a_copy(size: tuple[int, int]) -> None:
    plain = np.full((*size, 3), 100, np.uint8)
    drawn = with_grid(plain)
    assert (plain == 100).all()
    column = drawn[size[0] // 20, :, 0]
    row = drawn[:, size[1] // 20, 0]
    for part in range(1, 10):
        assert column[round(part * size[1] / 10)] == 255
        assert row[round(part * size[0] / 10)] == 255
    assert column[size[1] // 20] == 100
