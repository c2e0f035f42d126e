"""Heads of models that a user may bring: what is written into their outputs comes back."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.detectors.faces_blazeface import BlazeFaceHead, SsdFaceHead, five_of_six
from spyoncino.detectors.faces_scrfd import ScrfdHead
from spyoncino.detectors.faces_yunet import YuNetHead

WIDTH_PX, HEIGHT_PX = 96, 64
BOX = (20.0, 12.0, 60.0, 52.0)
POINTS = np.array([[30, 24], [50, 24], [40, 32], [32, 42], [48, 42]], np.float32)

Array = NDArray[np.float32]


def cells(stride: int) -> int:
    return (WIDTH_PX // stride) * (HEIGHT_PX // stride)


def place(stride: int) -> tuple[int, NDArray[np.float64]]:
    """Number and (column, row) of the cell in which the middle of the box lies."""
    column, row = int(40 // stride), int(32 // stride)
    return row * (WIDTH_PX // stride) + column, np.array([column, row], np.float64)


def scrfd_outputs(stride: int, *, with_points: bool) -> list[Array]:
    tables = [
        [np.zeros((2 * cells(step), width), np.float32) for step in (8, 16, 32)]
        for width in ((1, 4, 10) if with_points else (1, 4))
    ]
    level = (8, 16, 32).index(stride)
    number, cell = place(stride)
    centre = cell * stride
    row = 2 * number + 1  # the second anchor
    tables[0][level][row] = 0.8
    sides = [centre[0] - BOX[0], centre[1] - BOX[1], BOX[2] - centre[0], BOX[3] - centre[1]]
    tables[1][level][row] = np.array(sides) / stride
    if with_points:
        tables[2][level][row] = ((POINTS - centre) / stride).ravel()
    return [table for part in tables for table in part]


def yunet_outputs(stride: int) -> list[Array]:
    tables = [
        [np.zeros((1, cells(step), width), np.float32) for step in (8, 16, 32)]
        for width in (1, 1, 4, 10)
    ]
    level = (8, 16, 32).index(stride)
    number, cell = place(stride)
    tables[0][level][0, number], tables[1][level][0, number] = 0.9, 0.4
    middle = np.array([(BOX[0] + BOX[2]) / 2, (BOX[1] + BOX[3]) / 2]) / stride - cell
    size = np.log(np.array([BOX[2] - BOX[0], BOX[3] - BOX[1]]) / stride)
    tables[2][level][0, number] = np.concatenate([middle, size])
    tables[3][level][0, number] = (POINTS / stride - cell).ravel()
    return [table for part in tables for table in part]


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize("with_points", [True, False])
def test_scrfd_face_comes_back(stride: int, *, with_points: bool) -> None:
    outputs = scrfd_outputs(stride, with_points=with_points)
    head = ScrfdHead()
    assert head.fits([output.shape for output in outputs], WIDTH_PX, HEIGHT_PX)
    assert head.fits([(1, *output.shape) for output in outputs], WIDTH_PX, HEIGHT_PX)
    found = head.decode(outputs, WIDTH_PX, HEIGHT_PX, 0.5)
    assert np.allclose(found.boxes_px, [BOX], atol=1e-3)
    assert np.allclose(found.scores, [0.8])
    if with_points:
        assert np.allclose(found.points_px, [POINTS], atol=1e-3)
    else:
        assert found.points_px.shape == (1, 0, 2)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_yunet_face_comes_back_with_the_geometric_mean_of_both_scores(stride: int) -> None:
    outputs = yunet_outputs(stride)
    head = YuNetHead()
    assert head.fits([output.shape for output in outputs], WIDTH_PX, HEIGHT_PX)
    found = head.decode(outputs, WIDTH_PX, HEIGHT_PX, 0.5)
    assert np.allclose(found.scores, [0.6])
    assert np.allclose(found.boxes_px, [BOX], atol=1e-3)
    assert np.allclose(found.points_px, [POINTS], atol=1e-3)


def test_outputs_of_another_family_do_not_fit() -> None:
    scrfd = [output.shape for output in scrfd_outputs(8, with_points=True)]
    yunet = [output.shape for output in yunet_outputs(8)]
    assert not ScrfdHead().fits(yunet, WIDTH_PX, HEIGHT_PX)
    assert not YuNetHead().fits(scrfd, WIDTH_PX, HEIGHT_PX)
    assert not BlazeFaceHead().fits(scrfd, WIDTH_PX, HEIGHT_PX)
    assert not SsdFaceHead().fits(scrfd, WIDTH_PX, HEIGHT_PX)


def test_blazeface_face_comes_back() -> None:
    table, logits = np.zeros((1, 384, 16), np.float32), np.full((1, 384, 1), -200, np.float32)
    assert BlazeFaceHead().fits([table.shape, logits.shape], WIDTH_PX, HEIGHT_PX)
    number = 7 * (WIDTH_PX // 4) + 9
    anchor = np.array([9.5 * 4, 7.5 * 4])
    logits[0, number] = 2.0
    table[0, number, :2] = np.array([40, 32]) - anchor
    table[0, number, 2:4] = 40
    table[0, number, 4:10] = (POINTS[:3] - anchor).ravel()
    table[0, number, 10:12] = np.array([40, 42]) - anchor
    found = BlazeFaceHead().decode([table, logits], WIDTH_PX, HEIGHT_PX, 0.5)
    assert np.allclose(found.scores, [1 / (1 + np.exp(-2.0))])
    assert np.allclose(found.boxes_px, [BOX], atol=1e-3)
    assert np.allclose(found.points_px[0, :3], POINTS[:3], atol=1e-3)


def test_corners_of_the_mouth_lie_beside_its_middle_along_the_eyes() -> None:
    upright = np.array([[[0, 0], [10, 0], [5, 5], [5, 10], [-3, 3], [13, 3]]], np.float32)
    right, left = five_of_six(upright)[0, 3:]
    assert np.allclose(right, [0.86, 10])
    assert np.allclose(left, [9.14, 10])
    turned = upright[..., ::-1].copy()
    assert np.allclose(five_of_six(turned)[0, 3:], [[10, 0.86], [10, 9.14]])


def test_ssd_boxes_are_turned_and_scaled_and_only_counted_ones_are_read() -> None:
    boxes = np.zeros((1, 3, 4), np.float32)
    boxes[0, :2] = np.array([[0.25, 0.5, 0.75, 1.0], [0, 0, 1, 1]])
    scores = np.array([[0.9, 0.2, 0.99]], np.float32)
    outputs = [boxes, np.zeros((1, 3), np.float32), scores, np.array([2], np.float32)]
    assert SsdFaceHead().fits([output.shape for output in outputs], WIDTH_PX, HEIGHT_PX)
    found = SsdFaceHead().decode(outputs, WIDTH_PX, HEIGHT_PX, 0.5)
    assert found.boxes_px.tolist() == [[48, 16, 96, 48]]
    assert found.points_px.shape == (1, 0, 2)
