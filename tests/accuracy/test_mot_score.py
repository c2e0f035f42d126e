"""The scorer itself, on tracks whose score is known; needs no clips."""

import pytest
from tests.accuracy.mot_score import read_mot, score


def rows(*cells: tuple[int, int, float]) -> list[str]:
    """Boxes of 10 by 20 pixels: frame, id, left."""
    return [f"{frame},{number},{left},0,10,20,1,-1,-1,-1" for frame, number, left in cells]


WALK = rows(*((frame, 1, frame) for frame in range(1, 11)))


def test_the_truth_itself_scores_one() -> None:
    told = score(read_mot(WALK), read_mot(WALK))
    assert (told.mota, told.idf1, told.switches) == (1.0, 1.0, 0)


def test_nothing_scores_nothing() -> None:
    told = score(read_mot(WALK), {})
    assert (told.mota, told.idf1) == (0.0, 0.0)


def test_a_phantom_costs_what_it_adds() -> None:
    phantom = rows(*((frame, 2, 500) for frame in range(1, 6)))
    told = score(read_mot(WALK), read_mot(WALK + phantom))
    assert told.mota == 0.5
    assert told.idf1 == pytest.approx(20 / 25)


def test_a_new_id_half_way_is_one_switch_and_half_the_identity() -> None:
    changed = rows(*((frame, 1 if frame < 6 else 2, frame) for frame in range(1, 11)))
    told = score(read_mot(WALK), read_mot(changed))
    assert told.switches == 1
    assert told.mota == pytest.approx(0.9)
    assert told.idf1 == pytest.approx(0.5)


def test_a_box_that_lies_off_is_missed_and_false() -> None:
    off = rows(*((frame, 1, frame + 6) for frame in range(1, 11)))
    assert score(read_mot(WALK), read_mot(off)).mota == -1.0
