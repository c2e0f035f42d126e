import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.detectors.faces_centerface import CenterFaceHead

WIDTH_PX, HEIGHT_PX = 64, 32
HEAD = CenterFaceHead()


def outputs_with(
    row: int, column: int, box: tuple[float, float, float, float]
) -> list[NDArray[np.float32]]:
    """Maps with one face of this box (left, top, right, bottom in pixels) read at one cell."""
    left, top, right, bottom = box
    rows, columns = HEIGHT_PX // 4, WIDTH_PX // 4
    heat, size, offset, points = (
        np.zeros((1, channels, rows, columns), np.float32) for channels in (1, 2, 2, 10)
    )
    heat[0, 0, row, column] = 0.9
    size[0, :, row, column] = np.log([(bottom - top) / 4, (right - left) / 4])
    offset[0, :, row, column] = (
        (top + bottom) / 8 - row - 0.5,
        (left + right) / 8 - column - 0.5,
    )
    points[0, :, row, column] = np.array([[n / 4, n / 8] for n in range(5)]).ravel()
    return [heat, size, offset, points]


@settings(max_examples=50)
@given(
    row=st.integers(0, 7),
    column=st.integers(0, 15),
    left=st.floats(-20, 60),
    top=st.floats(-20, 30),
    width=st.floats(1, 80),
    height=st.floats(1, 80),
)
def test_box_and_landmarks_come_back_as_they_were_written(
    row: int, column: int, left: float, top: float, width: float, height: float
) -> None:
    box = (left, top, left + width, top + height)
    found = HEAD.decode(outputs_with(row, column, box), WIDTH_PX, HEIGHT_PX, 0.5)
    assert np.allclose(found.boxes_px, [box], atol=1e-3)
    expected = [(left + width * n / 8, top + height * n / 4) for n in range(5)]
    assert np.allclose(found.points_px, [expected], atol=1e-3)


def test_weak_cells_are_left_out() -> None:
    found = HEAD.decode(outputs_with(1, 1, (0, 0, 8, 8)), WIDTH_PX, HEIGHT_PX, 0.95)
    assert found.boxes_px.shape == (0, 4)
    assert found.points_px.shape == (0, 5, 2)


def test_only_four_maps_of_a_quarter_fit() -> None:
    shapes = [(1, channels, 8, 16) for channels in (1, 2, 2, 10)]
    assert HEAD.fits(shapes, WIDTH_PX, HEIGHT_PX)
    assert not HEAD.fits(shapes[:3], WIDTH_PX, HEIGHT_PX)
    assert not HEAD.fits(shapes, WIDTH_PX, WIDTH_PX)
