"""The second stream's life, on a clock that the test sets."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from spyoncino.hardware.backoff import Backoff
from spyoncino.hardware.sub_link import STABLE_S, SubLink

STALL_S = 8.0


class Seconds:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def made() -> tuple[SubLink, Seconds]:
    clock = Seconds()
    return SubLink(STALL_S, Backoff(chance=lambda: 0.5), clock), clock


def wait_s(link: SubLink, clock: Seconds) -> float:
    """Let time pass until the next try is due; how long it took."""
    began_s = clock.now_s
    while not link.is_due:
        clock.now_s += 0.5
    return clock.now_s - began_s


def test_it_is_opened_settles_and_lives() -> None:
    link, _ = made()
    states = [link.state]
    link.opened()
    states.append(link.state)
    link.settled()
    states.append(link.state)
    assert states == ["opening", "settling", "live"]
    assert link.losses == 0


def test_pauses_grow_until_it_was_live_for_a_while() -> None:
    link, clock = made()
    pauses = []
    for _ in range(4):
        link.lost()
        pauses.append(wait_s(link, clock))
        link.retry()
    assert pauses == [1, 2, 3, 3]
    link.opened()
    link.settled()
    clock.now_s += STABLE_S - 1
    link.lost()
    assert wait_s(link, clock) == 3
    link.retry()
    link.opened()
    link.settled()
    clock.now_s += STABLE_S
    link.lost()
    assert wait_s(link, clock) == 1
    assert link.losses == 2


def test_a_refused_password_waits_longest_at_once() -> None:
    link, clock = made()
    link.lost(is_refused=True)
    assert wait_s(link, clock) == 60


def test_silence_counts_only_while_the_main_stream_goes_on() -> None:
    link, _ = made()
    link.opened()
    link.settled()
    assert not link.main_heard(0.0)
    assert not link.main_heard(500.0), "the camera as a whole stood still"
    assert not any(link.main_heard(500 + n / 2) for n in range(1, 13))
    link.sub_heard()
    assert not any(link.main_heard(506 + n / 2) for n in range(1, 16))
    assert link.main_heard(514)


@pytest.mark.parametrize("is_waiting", [True, False])
def test_a_stream_that_is_not_open_cannot_be_silent(is_waiting: bool) -> None:
    link, _ = made()
    if is_waiting:
        link.lost()
    assert not any(link.main_heard(n / 2) for n in range(100))


class Life(RuleBasedStateMachine):
    """Any order of what may happen, against the diagram."""

    def __init__(self) -> None:
        super().__init__()
        self.link, self.clock = made()
        self.losses = 0
        self.main_s = 0.0

    @precondition(lambda self: self.link.state == "opening")
    @rule()
    def opens(self) -> None:
        self.link.opened()
        assert self.link.state == "settling"

    @precondition(lambda self: self.link.state == "settling")
    @rule()
    def settles(self) -> None:
        self.link.settled()

    @precondition(lambda self: self.link.state != "waiting")
    @rule(is_refused=st.booleans())
    def fails(self, is_refused: bool) -> None:
        self.losses += self.link.state == "live"
        self.link.lost(is_refused=is_refused)
        assert not self.link.is_due

    @rule(seconds=st.floats(0, 100))
    def waits(self, seconds: float) -> None:
        self.clock.now_s += seconds

    @precondition(lambda self: self.link.is_due)
    @rule()
    def tries(self) -> None:
        self.link.retry()

    @rule(is_heard=st.booleans(), step_s=st.floats(0, 3))
    def main_goes_on(self, is_heard: bool, step_s: float) -> None:
        if is_heard:
            self.link.sub_heard()
        self.main_s += step_s
        is_silent = self.link.main_heard(self.main_s)
        assert not (is_silent and is_heard)
        assert not is_silent or self.link.state in ("settling", "live")

    @invariant()
    def losses_are_counted_and_a_try_comes_within_a_minute_and_a_fifth(self) -> None:
        assert self.link.losses == self.losses
        if self.link.state == "waiting":
            now_s, self.clock.now_s = self.clock.now_s, self.clock.now_s + 72.1
            assert self.link.is_due
            self.clock.now_s = now_s


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
