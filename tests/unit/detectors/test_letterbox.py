import numpy as np
import pytest

from spyoncino.detectors.letterbox import PAD_GREY, letterbox


def test_wide_picture_keeps_its_proportions_between_grey_bars() -> None:
    image = np.full((90, 160, 3), 200, np.uint8)
    fitted, place = letterbox(image, 416, 416)
    assert fitted.shape == (416, 416, 3)
    assert (place.width_px, place.height_px) == (416, 234)
    assert (fitted[: place.top_px] == PAD_GREY).all()
    assert (fitted[place.top_px : place.top_px + place.height_px] == 200).all()
    assert (fitted[place.top_px + place.height_px :] == PAD_GREY).all()


def test_bars_are_even_on_both_sides() -> None:
    _, place = letterbox(np.zeros((90, 160, 3), np.uint8), 416, 416)
    assert (place.left_px, place.top_px) == (0, 91)
    _, place = letterbox(np.zeros((160, 90, 3), np.uint8), 416, 416)
    assert (place.left_px, place.top_px) == (91, 0)


def test_picture_lies_in_the_corner_when_not_centred() -> None:
    _, place = letterbox(np.zeros((160, 90, 3), np.uint8), 640, 640, centred=False)
    assert (place.left_px, place.top_px) == (0, 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (241, 321), (2160, 3840)])
def test_every_size_fits(size: tuple[int, int]) -> None:
    fitted, place = letterbox(np.zeros((*size, 3), np.uint8), 64, 64)
    assert fitted.shape == (64, 64, 3)
    assert place.width_px >= 1
    assert place.height_px >= 1


def test_boxes_of_the_input_come_back_as_boxes_of_the_picture() -> None:
    _, place = letterbox(np.zeros((90, 160, 3), np.uint8), 416, 416)
    inside = np.array([[104, 91 + 117, 208, 91 + 234], [-50, 0, 500, 416]], np.float32)
    assert place.to_picture(inside) == pytest.approx(
        np.array([[0.25, 0.5, 0.5, 1.0], [0.0, 0.0, 1.0, 1.0]])
    )


def test_shrinking_keeps_the_mean_of_fine_stripes() -> None:
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 200
    fitted, _ = letterbox(stripes, 64, 64)
    assert np.abs(fitted.astype(int) - 100).max() <= 2


def test_points_go_back_to_the_picture_and_may_lie_outside() -> None:
    _, placement = letterbox(np.zeros((50, 100, 3), np.uint8), 200, 200)
    points = np.array([[[0, 50], [200, 150], [100, 0]]], np.float32)
    assert placement.points_to_picture(points).tolist() == [[[0, 0], [1, 1], [0.5, -0.5]]]
