import pytest

from spyoncino.hardware.backoff import Backoff


def test_pauses_double_up_to_the_longest_and_begin_again() -> None:
    backoff = Backoff(chance=lambda: 0.5)
    assert [backoff.pause_s() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.reset()
    assert backoff.pause_s() == 1


def test_a_refused_account_is_tried_rarely() -> None:
    backoff = Backoff(chance=lambda: 0.5)
    assert backoff.pause_s(is_refused=True) == 60


@pytest.mark.parametrize(("chance", "pause_s"), [(0.0, 0.8), (1.0, 1.2)])
def test_chance_moves_a_pause_by_a_fifth(chance: float, pause_s: float) -> None:
    assert Backoff(chance=lambda: chance).pause_s() == pytest.approx(pause_s)
