import pytest

from spyoncino.hardware.backoff import Backoff


def test_pauses_double_to_a_few_seconds_while_the_camera_is_expected_back() -> None:
    backoff = Backoff(chance=lambda: 0.5)
    assert [backoff.pause_s() for _ in range(6)] == [1, 2, 3, 3, 3, 3]
    backoff.reset()
    assert backoff.pause_s() == 1


def test_after_minutes_away_pauses_double_to_the_longest() -> None:
    backoff = Backoff(chance=lambda: 0.5, soon_for_s=12)
    pauses = [backoff.pause_s() for _ in range(10)]
    assert pauses == [1, 2, 3, 3, 3, 6, 12, 24, 48, 60]
    backoff.reset()
    assert [backoff.pause_s() for _ in range(4)] == [1, 2, 3, 3]


def test_a_refused_account_is_tried_rarely_and_stays_so() -> None:
    backoff = Backoff(chance=lambda: 0.5)
    assert backoff.pause_s(is_refused=True) == 60
    assert backoff.pause_s() == 60


@pytest.mark.parametrize(("chance", "pause_s"), [(0.0, 0.8), (1.0, 1.2)])
def test_chance_moves_a_pause_by_a_fifth(chance: float, pause_s: float) -> None:
    assert Backoff(chance=lambda: chance).pause_s() == pytest.approx(pause_s)
