"""Each head against outputs whose boxes were worked out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.detectors.objects_head import grid_centres
from spyoncino.detectors.objects_nanodet import NanoDetHead
from spyoncino.detectors.objects_yolo import YoloHead
from spyoncino.detectors.objects_yolox import YoloxHead

CELLS = (64, 16, 4)
"""Cells of strides 8, 16 and 32 on a 64x64 input."""

F32 = NDArray[np.float32]


def nanodet_outputs(labels: int = 2) -> list[F32]:
    """Nothing anywhere: scores 0, every side 0 strides long."""
    sides = [np.full((1, cells, 44), -50, np.float32) for cells in CELLS]
    for level in sides:
        level[..., ::11] = 50
    return [*(np.zeros((1, cells, labels), np.float32) for cells in CELLS), *sides]


def test_grid_runs_row_by_row() -> None:
    assert grid_centres(24, 16, 8).tolist() == [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]]


def test_nanodet_measures_sides_from_the_middle_of_the_cell() -> None:
    outputs = nanodet_outputs()
    cell = 5  # stride 16: row 1, column 1, middle at 24, 24
    outputs[1][0, cell, 1] = 0.75
    for side, strides in enumerate((1, 0, 2, 3)):
        outputs[4][0, cell, side * 11 : side * 11 + 11] = -50
        outputs[4][0, cell, side * 11 + strides] = 50
    found = NanoDetHead(2, 64, 64).decode(outputs, 0.1)
    assert found.boxes_px == pytest.approx(np.array([[8, 24, 56, 72]]))
    assert found.scores.tolist() == [0.75]
    assert found.classes.tolist() == [1]


def test_nanodet_takes_the_expectation_of_a_spread_distribution() -> None:
    outputs = nanodet_outputs()
    outputs[0][0, 0, 0] = 0.5
    outputs[3][0, 0, 0:11] = -50
    outputs[3][0, 0, 2:4] = 7.0  # half at 2 strides, half at 3
    found = NanoDetHead(2, 64, 64).decode(outputs, 0.1)
    assert found.boxes_px[0].tolist() == pytest.approx([4 - 2.5 * 8, 4, 4, 4])


def test_nanodet_accepts_its_outputs_in_any_order_and_nothing_else() -> None:
    head = NanoDetHead(2, 64, 64)
    shapes = [output.shape for output in nanodet_outputs()]
    assert head.fits(shapes)
    assert head.fits(shapes[::-1])
    assert not head.fits(shapes[:-1])
    assert not NanoDetHead(3, 64, 64).fits(shapes)
    assert not NanoDetHead(2, 96, 96).fits(shapes)


def test_nanodet_refuses_44_labels_as_its_outputs_cannot_be_told_apart() -> None:
    shapes = [output.shape for output in nanodet_outputs(labels=44)]
    assert not NanoDetHead(44, 64, 64).fits(shapes)


def yolo_table(score: float = 0.8) -> F32:
    table = np.zeros((1, 6, 9), np.float32)
    table[0, :, 4] = [30, 20, 20, 10, 0.2, score]
    return table


@pytest.mark.parametrize("is_transposed", [False, True])
def test_yolo_turns_middle_and_size_into_corners(is_transposed: bool) -> None:
    table = yolo_table()
    output = table.transpose(0, 2, 1) if is_transposed else table
    found = YoloHead(2, 64, 64).decode([output], 0.1)
    assert found.boxes_px.tolist() == [[20, 15, 40, 25]]
    assert found.scores.tolist() == pytest.approx([0.8])
    assert found.classes.tolist() == [1]


def test_yolo_checks_the_number_of_labels() -> None:
    assert YoloHead(2, 64, 64).fits([(1, 6, 9)])
    assert YoloHead(2, 64, 64).fits([(1, 9, 6)])
    assert not YoloHead(3, 64, 64).fits([(1, 6, 9)])
    assert not YoloHead(2, 64, 64).fits([(1, 6)])
    assert not YoloHead(2, 64, 64).fits([(1, 6, 9), (1, 6, 9)])


def test_yolox_adds_the_cell_and_multiplies_by_the_stride() -> None:
    table = np.zeros((1, sum(CELLS), 7), np.float32)
    cell = CELLS[0] + 6  # stride 16: row 1, column 2
    table[0, cell] = [0.25, 0.5, np.log(2), np.log(1), 0.9, 0.5, 0.1]
    found = YoloxHead(2, 64, 64).decode([table], 0.1)
    assert found.boxes_px == pytest.approx(np.array([[36 - 16, 24 - 8, 36 + 16, 24 + 8]]))
    assert found.scores == pytest.approx(np.array([0.45]))
    assert found.classes.tolist() == [0]


def test_yolox_survives_absurd_sizes() -> None:
    table = np.full((1, sum(CELLS), 6), 1000, np.float32)
    assert np.isfinite(YoloxHead(1, 64, 64).decode([table], 0.1).boxes_px).all()


def test_yolox_checks_cells_and_labels() -> None:
    head = YoloxHead(2, 64, 64)
    assert head.fits([(1, 84, 7)])
    assert not head.fits([(1, 84, 8)])
    assert not head.fits([(1, 85, 7)])
    assert not head.fits([(1, 7, 84)])


def test_weak_places_are_left_out() -> None:
    assert len(YoloHead(2, 64, 64).decode([yolo_table(score=0.3)], 0.31).scores) == 0
    assert len(YoloHead(2, 64, 64).decode([yolo_table(score=0.5)], 0.5).scores) == 1
