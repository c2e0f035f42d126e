import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spyoncino.faces.best_shots import BestShots, Offer

QUALITIES = st.floats(0.001, 1.0)
OFFERS = st.lists(st.tuples(st.floats(0, 20), QUALITIES), max_size=40)


def test_first_picture_is_kept_and_the_best() -> None:
    shots: BestShots[str] = BestShots()
    assert shots.offer(1.0, 0.3, "a") == Offer(is_kept=True, is_best=True)
    assert shots.best is not None
    assert shots.best.item == "a"


def test_there_is_no_best_before_the_first() -> None:
    assert BestShots[str]().best is None


def test_better_picture_of_the_same_moment_replaces_it() -> None:
    shots: BestShots[str] = BestShots(apart_s=0.5)
    shots.offer(1.0, 0.3, "a")
    assert shots.offer(1.2, 0.4, "b") == Offer(is_kept=True, is_best=True)
    assert [shot.item for shot in shots.shots] == ["b"]


def test_worse_picture_of_the_same_moment_is_dropped() -> None:
    shots: BestShots[str] = BestShots(apart_s=0.5)
    shots.offer(1.0, 0.3, "a")
    assert shots.offer(0.8, 0.3, "b") == Offer(is_kept=False, is_best=False)


def test_worse_picture_of_another_moment_is_kept_while_there_is_room() -> None:
    shots: BestShots[str] = BestShots(keep=2, apart_s=0.5)
    shots.offer(1.0, 0.9, "a")
    assert shots.offer(2.0, 0.2, "b") == Offer(is_kept=True, is_best=False)
    assert not shots.offer(3.0, 0.1, "c").is_kept
    assert shots.offer(4.0, 0.5, "d").is_kept
    assert [shot.item for shot in shots.shots] == ["a", "d"]


def test_nothing_is_asked_of_the_first_but_the_floor() -> None:
    shots: BestShots[str] = BestShots()
    assert shots.embed_above(1.0) == 0.0
    assert shots.embed_above(1.0, floor=0.35) == 0.35


def test_next_look_must_beat_its_own_moment_clearly() -> None:
    shots: BestShots[str] = BestShots(apart_s=0.5, better_by=0.03)
    shots.offer(1.0, 0.6, "a")
    assert shots.embed_above(1.2) == pytest.approx(0.63)
    assert shots.embed_above(2.0) == 0.0


def test_next_look_must_beat_the_worst_when_all_places_are_taken() -> None:
    shots: BestShots[str] = BestShots(keep=2, apart_s=0.5, better_by=0.03)
    shots.offer(1.0, 0.6, "a")
    shots.offer(2.0, 0.4, "b")
    assert shots.embed_above(3.0) == pytest.approx(0.43)


def test_perfect_picture_asks_for_no_other() -> None:
    shots: BestShots[str] = BestShots(keep=1)
    shots.offer(1.0, 0.99, "a")
    assert shots.embed_above(9.0) == 1.0


def test_keeping_none_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        BestShots(keep=0)


@settings(max_examples=60, deadline=None)
@given(OFFERS, st.integers(1, 5))
def test_few_are_kept_apart_in_time_and_always_the_best(
    offers: list[tuple[float, float]], keep: int
) -> None:
    shots: BestShots[int] = BestShots(keep=keep, apart_s=0.4)
    for number, (pts_s, quality) in enumerate(offers):
        shots.offer(pts_s, quality, number)
    kept = shots.shots
    assert len(kept) <= keep
    assert [shot.quality for shot in kept] == sorted((s.quality for s in kept), reverse=True)
    times = sorted(shot.pts_s for shot in kept)
    assert all(later - earlier >= 0.4 for earlier, later in itertools.pairwise(times))
    if offers:
        assert kept[0].quality == max(quality for _, quality in offers)


@settings(max_examples=60, deadline=None)
@given(OFFERS, st.floats(0, 20), QUALITIES)
def test_what_is_worth_embedding_is_kept(
    offers: list[tuple[float, float]], pts_s: float, quality: float
) -> None:
    shots: BestShots[int] = BestShots(keep=3)
    for number, offer in enumerate(offers):
        shots.offer(*offer, number)
    if quality > shots.embed_above(pts_s):
        assert shots.offer(pts_s, quality, -1).is_kept
