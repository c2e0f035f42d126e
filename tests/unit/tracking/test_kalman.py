import numpy as np
import pytest

from spyoncino.geometry.boxes import Box
from spyoncino.tracking.kalman import (
    ACCELERATION_SIGMA,
    MEASUREMENT_SIGMA,
    START_RATE_SIGMA,
    BoxFilters,
    as_boxes,
    to_centre,
)

ONE = np.array([0], np.intp)


def box_at(x: float, y: float = 0.5, width: float = 0.1, height: float = 0.2) -> np.ndarray:
    return np.array([[x - width / 2, y - height / 2, x + width / 2, y + height / 2]])


def test_a_new_box_stands_still_where_it_was_seen() -> None:
    filters = BoxFilters()
    filters.append(box_at(0.3))
    filters.predict(1.0)
    assert filters.boxes() == pytest.approx(box_at(0.3))


@pytest.mark.parametrize("step_s", [0.04, 0.1, 0.2, 0.5])
def test_a_steady_speed_is_learned_at_every_frame_rate(step_s: float) -> None:
    speed = 0.08
    filters = BoxFilters()
    filters.append(box_at(0.1))
    for step in range(1, int(4 / step_s) + 1):
        filters.predict(step_s)
        filters.correct(ONE, box_at(0.1 + speed * step * step_s))
    assert filters.rate[0, 0] == pytest.approx(speed, rel=0.05)
    assert filters.rate[0, 1] == pytest.approx(0.0, abs=1e-6)


def test_uneven_steps_predict_the_same_place_as_one_long_step() -> None:
    first, second = BoxFilters(), BoxFilters()
    for filters in (first, second):
        filters.append(box_at(0.1))
        filters.predict(0.1)
        filters.correct(ONE, box_at(0.12))
    for step_s in (0.05, 0.15, 0.3):
        first.predict(step_s)
    second.predict(0.5)
    assert first.value[0, :2] == pytest.approx(second.value[0, :2])


def test_a_correction_lies_between_prediction_and_detection() -> None:
    filters = BoxFilters()
    filters.append(box_at(0.3))
    filters.predict(0.1)
    filters.correct(ONE, box_at(0.32))
    assert 0.3 < filters.value[0, 0] < 0.32


def test_longer_unseen_means_more_trust_in_the_next_detection() -> None:
    shares = []
    for wait_s in (0.1, 1.0):
        filters = BoxFilters()
        filters.append(box_at(0.3))
        filters.predict(wait_s)
        filters.correct(ONE, box_at(0.4))
        shares.append((filters.value[0, 0] - 0.3) / 0.1)
    assert shares[0] < shares[1]


class TextbookFilter:
    """One value and its rate, with the matrices of Kalman 1960 written out; ``size`` scales it."""

    def __init__(self, axis: int, value: float, size: float) -> None:
        self.axis = axis
        self.state = np.array([value, 0.0])
        sigmas = np.array([MEASUREMENT_SIGMA[axis], START_RATE_SIGMA[axis]])
        self.covariance = np.diag((size * sigmas) ** 2)

    def predict(self, step_s: float, size: float) -> None:
        move = np.array([[1.0, step_s], [0.0, 1.0]])
        push = np.array([step_s**2 / 2, step_s]) * size * ACCELERATION_SIGMA[self.axis]
        self.state = move @ self.state
        self.covariance = move @ self.covariance @ move.T + np.outer(push, push)

    def correct(self, value: float, size: float) -> None:
        seen = np.array([[1.0, 0.0]])
        noise = (size * MEASUREMENT_SIGMA[self.axis]) ** 2
        gain = self.covariance @ seen.T / (seen @ self.covariance @ seen.T + noise)
        self.state = self.state + (gain * (value - self.state[0])).ravel()
        self.covariance = (np.eye(2) - gain @ seen) @ self.covariance


def test_places_and_rates_are_those_of_the_textbook_filter() -> None:
    rng = np.random.default_rng(7)
    filters = BoxFilters()
    filters.append(np.concatenate([box_at(0.8), box_at(0.3)]))
    books = [TextbookFilter(0, 0.3, 0.1), TextbookFilter(1, 0.5, 0.2)]
    for step_s in (0.1, 0.4, 0.1, 0.25, 1.0, 0.1):
        x, y = rng.uniform(0.3, 0.6, 2)
        filters.predict(step_s)
        filters.correct(np.array([1], np.intp), box_at(x, y))
        for book, value, size in zip(books, (x, y), (0.1, 0.2), strict=True):
            book.predict(step_s, size)
            book.correct(value, size)
        assert filters.value[1, :2] == pytest.approx([book.state[0] for book in books])
        assert filters.rate[1, :2] == pytest.approx([book.state[1] for book in books])


def test_the_rate_of_a_size_fades_within_half_a_second_and_that_of_a_place_does_not() -> None:
    filters = BoxFilters()
    filters.append(box_at(0.5))
    filters.rate[0] = 0.1
    filters.predict(0.5)
    faded = 0.1 / np.e
    assert filters.rate[0] == pytest.approx([0.1, 0.1, faded, faded])


def test_sizes_are_corrected_with_less_trust_than_places() -> None:
    filters = BoxFilters()
    filters.append(box_at(0.3))
    filters.predict(0.1)
    filters.correct(ONE, box_at(0.31, 0.52, 0.11, 0.22))
    shares = (filters.value[0] - (0.3, 0.5, 0.1, 0.2)) / (0.01, 0.02, 0.01, 0.02)
    assert max(shares[2:]) < min(shares[:2])


def test_a_size_that_grew_does_not_run_away_while_nobody_looks() -> None:
    filters = BoxFilters()
    filters.append(box_at(0.5, width=0.1))
    for width in (0.11, 0.12, 0.13, 0.14):
        filters.predict(0.1)
        filters.correct(ONE, box_at(0.5, width=width))
    for _ in range(50):
        filters.predict(0.1)
    assert filters.value[0, 2] < 0.2


def test_a_size_never_becomes_negative() -> None:
    filters = BoxFilters()
    filters.append(box_at(0.5, width=0.02))
    filters.rate[0, 2] = -1.0
    (ahead,) = filters.boxes(1.0)
    assert ahead[2] >= ahead[0]
    filters.predict(1.0)
    assert filters.value[0, 2] > 0


def test_rows_are_added_and_dropped_together() -> None:
    filters = BoxFilters()
    filters.append(np.concatenate([box_at(0.1), box_at(0.5), box_at(0.9)]))
    filters.keep(np.array([0, 2], np.intp))
    assert len(filters) == 2
    filters.predict(0.1)
    filters.correct(np.array([1], np.intp), box_at(0.9))
    assert filters.boxes()[:, 0] == pytest.approx([0.05, 0.85])


def test_boxes_can_be_asked_for_ahead_of_time_without_moving() -> None:
    filters = BoxFilters()
    filters.append(box_at(0.3))
    filters.rate[0, 0] = 0.1
    assert filters.boxes(2.0) == pytest.approx(box_at(0.5))
    assert filters.boxes() == pytest.approx(box_at(0.3))


def test_centres_and_boxes_are_each_others_inverse() -> None:
    assert to_centre(box_at(0.3)) == pytest.approx(np.array([[0.3, 0.5, 0.1, 0.2]]))


def test_boxes_are_clipped_to_the_picture() -> None:
    assert as_boxes(np.array([[-0.1, 0.2, 0.5, 1.2]])) == [Box(0.0, 0.2, 0.5, 1.0)]
