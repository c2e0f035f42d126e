"""Numbers about whole pictures."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.detectors.picture_facts import SKETCH_SHAPE
from spyoncino.detectors.picture_look import MARGIN_SHARE, PictureLooker

WIDTH, HEIGHT = 320, 180


def i420(luma: NDArray[np.uint8], chroma: int = 140) -> NDArray[np.uint8]:
    height = luma.shape[0]
    picture = np.full((height * 3 // 2, luma.shape[1]), chroma, np.uint8)
    picture[:height] = luma
    return picture


def street(seed: int = 1) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    luma = np.full((HEIGHT, WIDTH), 110, np.uint8)
    for _ in range(60):
        x, y = int(rng.integers(WIDTH)), int(rng.integers(HEIGHT))
        cv2.rectangle(luma, (x, y), (x + 30, y + 20), int(rng.integers(30, 220)), -1)
    return luma


def test_a_flat_picture_has_light_and_nothing_else() -> None:
    facts = PictureLooker().look(i420(np.full((HEIGHT, WIDTH), 77, np.uint8), chroma=128))
    assert (facts.brightness_grey, facts.contrast_grey) == (77, 0)
    assert (facts.sharpness_grey, facts.structure) == (0, 0)
    assert facts.is_grey
    assert facts.same is None
    assert facts.sketch == bytes(SKETCH_SHAPE[0] * SKETCH_SHAPE[1])


def test_edges_are_where_the_sketch_says_and_blur_takes_them_away() -> None:
    luma = np.full((HEIGHT, WIDTH), 60, np.uint8)
    luma[:, WIDTH // 2 :] = 180
    facts = PictureLooker().look(i420(luma))
    cells = np.frombuffer(facts.sketch, np.uint8).reshape(SKETCH_SHAPE)
    assert set(np.argsort(cells[10])[-2:]) == {31, 32}
    assert not facts.is_grey


def test_blur_takes_sharpness_and_structure_away() -> None:
    sharp = PictureLooker().look(i420(street()))
    soft = np.asarray(cv2.GaussianBlur(street(), (0, 0), 12), np.uint8)
    blurred = PictureLooker().look(i420(soft))
    assert blurred.sharpness_grey < sharp.sharpness_grey * 0.35
    assert blurred.structure < sharp.structure


def test_the_same_picture_twice_is_the_same_and_a_tile_that_changed_is_not() -> None:
    looker, luma = PictureLooker(), street()
    assert looker.look(i420(luma)).same is None
    assert looker.look(i420(luma)).same == 1.0
    luma[90, 160] ^= 1
    assert 0.9 < (looker.look(i420(luma)).same or 0) < 1.0


def test_a_clock_at_the_rim_of_a_frozen_picture_is_not_seen() -> None:
    looker, luma = PictureLooker(), street()
    looker.look(i420(luma))
    luma[: int(HEIGHT * MARGIN_SHARE) - 1] = 235
    luma[-int(HEIGHT * MARGIN_SHARE) + 1 :] = 16
    assert looker.look(i420(luma)).same == 1.0


def test_tiles_without_content_say_nothing_about_sameness() -> None:
    looker, black = PictureLooker(), np.full((HEIGHT, WIDTH), 16, np.uint8)
    looker.look(i420(black))
    assert looker.look(i420(black)).same is None


def test_another_size_is_nothing_to_compare_with() -> None:
    looker = PictureLooker()
    looker.look(i420(street()))
    assert looker.look(i420(cv2.resize(street(), (640, 360)).astype(np.uint8))).same is None


@settings(max_examples=20, deadline=None)
@given(
    width=st.integers(8, 400).map(lambda half: 2 * half),
    height=st.integers(18, 300).map(lambda half: 2 * half),
    level=st.integers(0, 255),
)
def test_any_size_gives_numbers_in_their_range(width: int, height: int, level: int) -> None:
    facts = PictureLooker().look(i420(np.full((height, width), level, np.uint8)))
    assert facts.brightness_grey == pytest.approx(level)
    assert len(facts.sketch) == SKETCH_SHAPE[0] * SKETCH_SHAPE[1]
