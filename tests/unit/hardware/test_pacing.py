"""The pace of a live camera."""

import pytest

from spyoncino.hardware.pacing import MAX_LAG_S, Pacer


class Hands:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now_s += seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


def paced(hands: Hands) -> Pacer:
    return Pacer(is_realtime=True, now_s=hands.read, sleep=hands.sleep)


def test_the_first_moment_is_due_at_once_and_later_ones_in_their_time(hands: Hands) -> None:
    pacer = paced(hands)
    assert all(pacer.wait_until(at) for at in (5.0, 5.1, 5.4))
    assert hands.slept == [0.1, 0.3]


def test_time_spent_elsewhere_is_not_waited_for_again(hands: Hands) -> None:
    pacer = paced(hands)
    pacer.wait_until(0.0)
    hands.now_s += 0.25
    pacer.wait_until(0.2)
    pacer.wait_until(0.4)
    assert hands.slept == [0.15]


def test_a_reader_far_behind_goes_on_at_the_normal_pace(hands: Hands) -> None:
    pacer = paced(hands)
    pacer.wait_until(0.0)
    hands.now_s += MAX_LAG_S + 10
    pacer.wait_until(0.1)
    pacer.wait_until(0.2)
    assert hands.slept == [0.1]


def test_with_a_timeout_the_wait_is_cut_and_goes_on_later(hands: Hands) -> None:
    pacer = paced(hands)
    pacer.wait_until(0.0)
    assert not pacer.wait_until(1.0, timeout_s=0.4)
    assert not pacer.wait_until(1.0, timeout_s=0.4)
    assert pacer.wait_until(1.0, timeout_s=0.4)
    assert hands.slept == [0.4, 0.4, 0.2]


def test_as_fast_as_possible_never_waits(hands: Hands) -> None:
    pacer = Pacer(is_realtime=False, now_s=hands.read, sleep=hands.sleep)
    assert all(pacer.wait_until(at) for at in (0.0, 100.0, 3.0))
    assert hands.slept == []
