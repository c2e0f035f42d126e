import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.clock import FakeClock
from spyoncino.core.breaker import Breaker, BreakerSpec, BreakerState

SPEC = BreakerSpec(failures=3, window_s=60, pause_s=10, longest_pause_s=35)


async def test_it_opens_at_the_last_allowed_failure_within_the_window(clock: FakeClock) -> None:
    breaker = Breaker(SPEC, clock)
    assert [breaker.failed(), breaker.failed()] == [False, False]
    assert breaker.may_try()
    assert breaker.failed()
    assert not breaker.may_try()
    assert breaker.opens_in_s == 10
    assert str(breaker.state) == "open"


async def test_failures_that_are_long_ago_do_not_count(clock: FakeClock) -> None:
    breaker = Breaker(SPEC, clock)
    for _ in range(10):
        assert not breaker.failed()
        await clock.advance(31)
    assert breaker.recent_failures == 1
    assert breaker.state is BreakerState.CLOSED


async def test_after_its_pause_it_allows_one_trial(clock: FakeClock) -> None:
    breaker = Breaker(SPEC, clock)
    for _ in range(3):
        breaker.failed()
    await clock.advance(10)
    assert [breaker.may_try(), breaker.may_try()] == [True, False]
    breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED
    assert breaker.recent_failures == 0


async def test_a_trial_that_fails_makes_the_pause_longer_up_to_a_limit(clock: FakeClock) -> None:
    breaker = Breaker(SPEC, clock)
    for _ in range(3):
        breaker.failed()
    pauses = []
    for _ in range(4):
        pauses.append(breaker.opens_in_s)
        await clock.advance(breaker.opens_in_s)
        assert breaker.may_try()
        assert breaker.failed()
    assert pauses == [10, 20, 35, 35]


async def test_its_limits_belong_to_what_comes_after_them(clock: FakeClock) -> None:
    breaker = Breaker(SPEC, clock)
    assert breaker.opens_in_s == 0
    breaker.failed()
    await clock.advance(60)
    assert breaker.recent_failures == 0
    for _ in range(3):
        breaker.failed()
    await clock.advance(9.5)
    assert not breaker.may_try()
    await clock.advance(5)
    assert breaker.opens_in_s == 0


async def test_closing_it_by_hand_forgets_how_long_it_had_to_wait(clock: FakeClock) -> None:
    breaker = Breaker(SPEC, clock)
    for _ in range(3):
        breaker.failed()
    await clock.advance(10)
    assert breaker.may_try()
    assert breaker.failed()
    assert breaker.opens_in_s == 20
    breaker.reset()
    for _ in range(3):
        breaker.failed()
    assert breaker.opens_in_s == 10


async def test_a_success_between_failures_forgives_nothing(clock: FakeClock) -> None:
    breaker = Breaker(SPEC, clock)
    for _ in range(2):
        breaker.failed()
        breaker.succeeded()
    assert breaker.failed()


async def test_it_can_be_closed_by_hand(clock: FakeClock) -> None:
    breaker = Breaker(SPEC, clock)
    for _ in range(3):
        breaker.failed()
    breaker.reset()
    assert breaker.may_try()
    assert breaker.opens_in_s == 0


STEPS = st.lists(
    st.one_of(st.just("try"), st.just("fail"), st.just("succeed"), st.floats(0.0, 100.0)),
    max_size=80,
)


class Ledger:
    """What a breaker has promised so far, checked at each step."""

    def __init__(self, spec: BreakerSpec) -> None:
        self.clock = FakeClock()
        self.breaker = Breaker(spec, self.clock)
        self.spec = spec
        self.failed_at: list[int] = []
        self.opened_at = 0

    def pass_time(self, seconds: float) -> None:
        before = self.breaker.state
        asyncio.run(self.clock.advance(seconds))
        assert self.breaker.state is before, "time alone changes nothing"

    def attempt(self) -> None:
        before = self.breaker.state
        allowed = self.breaker.may_try()
        if before is BreakerState.OPEN:
            open_for_ns = self.clock.monotonic_ns() - self.opened_at
            assert not allowed or open_for_ns >= self.spec.pause_s * 1e9 - 1
        else:
            assert allowed == (before is BreakerState.CLOSED), "one trial at a time"

    def fail(self) -> None:
        before, now = self.breaker.state, self.clock.monotonic_ns()
        self.failed_at.append(now)
        recent = sum(now - at < self.spec.window_s * 1e9 for at in self.failed_at)
        if self.breaker.failed():
            self.opened_at = now
            assert before is BreakerState.HALF_OPEN or recent >= self.spec.failures
        elif before is BreakerState.CLOSED:
            assert self.breaker.recent_failures < self.spec.failures

    def succeed(self) -> None:
        before = self.breaker.state
        self.breaker.succeeded()
        if before is BreakerState.HALF_OPEN:
            assert self.breaker.state is BreakerState.CLOSED
            self.failed_at.clear()
        else:
            assert self.breaker.state is before


@given(
    steps=STEPS,
    failures=st.integers(1, 5),
    window_s=st.floats(1, 100),
    pause_s=st.floats(1, 50),
)
def test_whatever_happens_it_keeps_its_promises(
    steps: list[str | float], failures: int, window_s: float, pause_s: float
) -> None:
    """Open means: enough failures in the window before it, and no try before the pause is over."""
    ledger = Ledger(BreakerSpec(failures, window_s, pause_s, longest_pause_s=4 * pause_s))
    deeds = {"try": ledger.attempt, "fail": ledger.fail, "succeed": ledger.succeed}
    for step in steps:
        if isinstance(step, float):
            ledger.pass_time(step)
        else:
            deeds[step]()
        assert ledger.breaker.opens_in_s <= 4 * pause_s


@pytest.mark.parametrize("failures", [0, 1])
async def test_one_failure_may_be_one_too_many(clock: FakeClock, failures: int) -> None:
    breaker = Breaker(BreakerSpec(failures=failures), clock)
    assert breaker.failed()
