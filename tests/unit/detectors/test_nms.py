import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.detectors.nms import suppress_doubles
from spyoncino.geometry.boxes import Box


def kept(boxes: list[Box], scores: list[float], classes: list[int]) -> list[int]:
    found = suppress_doubles(
        np.array(boxes, np.float64).reshape(-1, 4), np.array(scores), np.array(classes, np.int64)
    )
    return [int(index) for index in found]


WIDE = Box(0.0, 0.0, 1.0, 0.5)
NEARLY_WIDE = Box(0.0, 0.0, 0.7, 0.5)
FAR = Box(0.0, 0.6, 0.2, 1.0)


def test_weaker_double_of_the_same_label_goes() -> None:
    assert kept([NEARLY_WIDE, WIDE, FAR], [0.6, 0.9, 0.3], [1, 1, 1]) == [1, 2]


def test_rider_and_bicycle_both_stay() -> None:
    assert kept([WIDE, NEARLY_WIDE], [0.9, 0.6], [0, 1]) == [0, 1]


def test_one_thing_under_two_names_is_one() -> None:
    assert kept([WIDE, WIDE], [0.5, 0.6], [2, 7]) == [1]


def test_equal_scores_keep_their_order() -> None:
    assert kept([FAR, WIDE], [0.5, 0.5], [0, 0]) == [0, 1]


def test_nothing_stays_nothing() -> None:
    assert kept([], [], []) == []


def test_empty_boxes_do_no_harm() -> None:
    empty = Box(0.5, 0.5, 0.5, 0.5)
    assert kept([empty, empty], [0.5, 0.4], [0, 0]) == [0, 1]


UNIT = st.floats(0, 1, allow_nan=False, width=32)


@given(st.lists(st.tuples(UNIT, UNIT, UNIT, UNIT, UNIT, st.integers(0, 2)), max_size=12))
def test_what_stays_does_not_overlap_and_the_best_stays(
    rows: list[tuple[float, float, float, float, float, int]],
) -> None:
    boxes = [Box(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d, _, _ in rows]
    scores = [row[4] for row in rows]
    indices = kept(boxes, scores, [row[5] for row in rows])
    assert len(set(indices)) == len(indices)
    for first in indices:
        for second in indices:
            if first != second and rows[first][5] == rows[second][5]:
                assert boxes[first].iou(boxes[second]) <= 0.6 + 1e-9
    if rows:
        assert scores[indices[0]] == max(scores)
