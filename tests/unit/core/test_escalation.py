"""When failures of a part are called repeated."""

from hypothesis import given
from hypothesis import strategies as st

from spyoncino.core.escalation import EscalationWatch, Verdict
from spyoncino.schemas.status import HealthState

S = 1_000_000_000
OK, ILL = HealthState.OK, HealthState.FAILED


def test_failures_within_the_window_escalate_once() -> None:
    watch = EscalationWatch(failures=3, window_s=60)
    verdicts = []
    for second in range(0, 12, 2):
        verdicts.append(watch.on_health("pool", ILL, 0, second * S))
        verdicts.append(watch.on_health("pool", OK, 0, (second + 1) * S))
    assert verdicts == [None, None, None, None, Verdict.ESCALATE, *[None] * 7]


def test_failures_that_lie_far_apart_do_not_escalate() -> None:
    watch = EscalationWatch(failures=3, window_s=60)
    for minute in range(0, 100, 2):
        assert watch.on_health("pool", ILL, 0, minute * 60 * S) is None
        assert watch.on_health("pool", OK, 0, (minute * 60 + 1) * S) is None


def test_a_part_that_stays_ill_for_the_whole_window_escalates() -> None:
    watch = EscalationWatch(failures=3, window_s=60)
    assert watch.on_health("disk", ILL, 0, 0) is None
    assert watch.on_health("disk", ILL, 0, 59 * S) is None
    assert watch.on_health("disk", ILL, 0, 60 * S) is Verdict.ESCALATE
    assert watch.on_health("disk", ILL, 0, 999 * S) is None


def test_it_is_calm_after_a_window_without_failure_and_escalates_again() -> None:
    watch = EscalationWatch(failures=1, window_s=60)
    assert watch.on_error("door", 1, 0) is Verdict.ESCALATE
    assert watch.look(60 * S) == []
    assert watch.look(61 * S) == ["door"]
    assert watch.look(62 * S) == []
    assert watch.on_error("door", 1, 63 * S) is Verdict.ESCALATE


def test_restarts_and_repeated_errors_are_failures() -> None:
    watch = EscalationWatch(failures=3, window_s=60)
    assert watch.on_health("tracker", OK, 5, 0) is None  # what was before does not count
    assert watch.on_health("tracker", OK, 6, 1 * S) is None
    assert watch.count("tracker", 1 * S) == 1
    assert watch.on_error("tracker", 1000, 2 * S) is Verdict.ESCALATE
    assert watch.count("nobody", 0) == 0


def test_one_illness_is_one_failure_however_often_it_is_told() -> None:
    watch = EscalationWatch(failures=3, window_s=60)
    for second in range(4):
        assert watch.on_health("pool", ILL, 0, second * S) is None
    assert watch.count("pool", 4 * S) == 1
    assert watch.on_health("pool", OK, 0, 5 * S) is None
    assert watch.on_health("pool", OK, 0, 90 * S) is None


def test_one_restart_and_one_error_are_one_failure_each() -> None:
    watch = EscalationWatch(failures=3, window_s=60)
    assert watch.on_error("pool", 1, 0) is None
    assert watch.on_health("pool", OK, 0, 0) is None
    assert watch.count("pool", 0) == 1
    for _ in range(3):
        assert watch.on_health("pool", OK, 1, 0) is None
    assert watch.count("pool", 0) == 2
    assert watch.on_error("disk", 1, 0) is None
    assert watch.on_health("disk", OK, 1, 0) is None
    assert watch.count("disk", 0) == 2


@given(st.lists(st.tuples(st.sampled_from([OK, ILL]), st.integers(1, 90)), max_size=60))
def test_escalation_and_calm_alternate(steps: list[tuple[HealthState, int]]) -> None:
    watch = EscalationWatch(failures=2, window_s=60)
    now_s = 0
    verdicts = []
    for state, pause_s in steps:
        now_s += pause_s
        verdict = watch.on_health("part", state, 0, now_s * S)
        if verdict is not None:
            verdicts.append(verdict)
    assert verdicts == [[Verdict.ESCALATE, Verdict.CALM][n % 2] for n in range(len(verdicts))]
