"""The ring of decisions: merging, bounds, questions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.core.decisions import MERGE_GAP_S, DecisionLog

TRACKER = "process.tracker"


def record(log: DecisionLog, at_s: float, **changes: Any) -> None:
    facts: dict[str, Any] = {
        "stage": TRACKER,
        "camera": "door",
        "subject": "track 1",
        "passed": True,
        "reason": "seen often enough",
        **changes,
    }
    log.record(
        facts.pop("stage"),
        facts.pop("camera"),
        facts.pop("subject"),
        facts.pop("passed"),
        facts.pop("reason"),
        at_s=at_s,
        **facts,
    )


def test_a_decision_is_told_with_the_number_and_the_limit() -> None:
    log = DecisionLog()
    log.record(
        TRACKER,
        "door",
        "track 3",
        False,
        "the score is too low",
        quantity="score",
        value=0.3,
        limit=0.5,
        at_s=4.0,
        event_ref="e-1",
    )
    (decision,) = log.of("door", 0, 10)
    assert decision.model_dump() == {
        "stage": TRACKER,
        "camera": "door",
        "subject": "track 3",
        "passed": False,
        "reason": "the score is too low",
        "quantity": "score",
        "value": 0.3,
        "limit": 0.5,
        "peak": 0.3,
        "first_s": 4.0,
        "last_s": 4.0,
        "count": 1,
        "event_ref": "e-1",
    }


def test_equal_decisions_in_a_row_are_one_with_last_value_and_peak() -> None:
    log = DecisionLog()
    for at_s, value in ((1.0, 0.4), (1.2, 0.9), (1.4, 0.6)):
        record(log, at_s, value=value, limit=0.3)
    record(log, 1.6)
    (decision,) = log.of("door", 0, 10)
    assert (decision.first_s, decision.last_s, decision.count) == (1.0, 1.6, 4)
    assert (decision.value, decision.peak, decision.limit) == (0.6, 0.9, 0.3)


def test_what_is_not_told_is_empty() -> None:
    log = DecisionLog()
    record(log, 1.0)
    (decision,) = log.of("door", 0, 10)
    assert decision.quantity == ""
    assert (decision.value, decision.limit, decision.peak) == (None, None, None)
    assert decision.event_ref is None


def test_equal_decisions_at_the_same_moment_are_one() -> None:
    log = DecisionLog()
    record(log, 1.0)
    record(log, 1.0)
    assert log.of("door", 1, 1)[0].count == 2


def test_peak_of_negative_values_is_the_largest() -> None:
    log = DecisionLog()
    record(log, 1.0, value=-5.0)
    record(log, 1.1, value=-7.0)
    assert log.of("door", 0, 10)[0].peak == -5.0


@pytest.mark.parametrize(
    "change",
    [
        {"passed": False},
        {"reason": "lost"},
        {"quantity": "hits"},
        {"event_ref": "e-2"},
        {"stage": "process.zoning_filter"},
        {"camera": "garden"},
        {"subject": "track 2"},
    ],
)
def test_a_decision_that_differs_is_a_new_one(change: dict[str, Any]) -> None:
    log = DecisionLog()
    record(log, 1.0)
    record(log, 1.1, **change)
    assert len(log) == 2


def test_decisions_about_others_in_between_do_not_prevent_merging() -> None:
    log = DecisionLog()
    record(log, 1.0)
    record(log, 1.1, subject="track 2")
    record(log, 1.2)
    assert [each.count for each in log.of("door", 0, 10)] == [2, 1]


def test_another_outcome_in_between_prevents_merging() -> None:
    log = DecisionLog()
    record(log, 1.0)
    record(log, 1.1, passed=False)
    record(log, 1.2)
    assert [each.passed for each in log.of("door", 0, 10)] == [True, False, True]


def test_a_long_silence_or_a_camera_that_starts_anew_prevents_merging() -> None:
    log = DecisionLog()
    record(log, 100.0)
    record(log, 100.0 + MERGE_GAP_S)
    assert len(log) == 1
    record(log, 100.1 + 2 * MERGE_GAP_S)
    assert len(log) == 2
    record(log, 0.5)
    assert len(log) == 3


def test_the_oldest_gives_way_and_is_counted() -> None:
    log = DecisionLog(capacity=2)
    for number in range(5):
        record(log, float(number), subject=f"track {number}")
    assert [each.subject for each in log.of("door", 0, 10)] == ["track 3", "track 4"]
    assert len(log) == 2
    assert log.dropped == 3


def test_a_decision_that_gave_way_is_not_grown_any_more() -> None:
    log = DecisionLog(capacity=1)
    record(log, 1.0)
    record(log, 1.1, subject="track 2")
    record(log, 1.2)
    (decision,) = log.of("door", 0, 10)
    assert (decision.subject, decision.count) == ("track 1", 1)


def test_an_older_decision_that_gives_way_leaves_the_newer_one_growing() -> None:
    log = DecisionLog(capacity=2)
    record(log, 1.0, passed=True)
    record(log, 1.1, passed=False)
    record(log, 1.2, subject="track 2")
    record(log, 1.3, passed=False)
    assert [each.count for each in log.of("door", 0, 10)] == [2, 1]


def test_a_capacity_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        DecisionLog(0)
    assert len(DecisionLog(1)) == 0


def test_questions_are_about_a_camera_and_a_stretch_of_time() -> None:
    log = DecisionLog()
    record(log, 1.0, subject="early")
    record(log, 5.0, subject="long")
    record(log, 9.0, subject="long")
    record(log, 20.0, subject="late")
    record(log, 7.0, subject="other", camera="garden")

    def subjects(from_s: float, to_s: float) -> list[str]:
        return [each.subject for each in log.of("door", from_s, to_s)]

    assert subjects(0, 30) == ["early", "long", "late"]
    assert subjects(6, 7) == ["long"]
    assert subjects(1, 1) == ["early"]
    assert subjects(9, 20) == ["long", "late"]
    assert subjects(9.1, 19.9) == []
    assert [each.subject for each in log.of("garden", 0, 30)] == ["other"]


def test_questions_may_name_subjects_and_an_event() -> None:
    log = DecisionLog()
    record(log, 1.0, subject="frame")
    record(log, 1.0, subject="track 1", event_ref="e-1")
    record(log, 1.0, subject="track 2", event_ref="e-2")
    assert len(log.of("door", 0, 2)) == 3
    found = log.of("door", 0, 2, subjects={"frame", "track 2"})
    assert [each.subject for each in found] == ["frame", "track 2"]
    assert [each.subject for each in log.of("door", 0, 2, event_ref="e-1")] == ["track 1"]
    assert log.of("door", 0, 2, subjects=()) == []


@given(st.integers(1, 8), st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60))
def test_never_more_than_the_capacity_and_every_record_is_counted(
    capacity: int, plan: list[tuple[int, bool]]
) -> None:
    log, whole = DecisionLog(capacity), DecisionLog()
    for number, (subject, passed) in enumerate(plan):
        for each in (log, whole):
            record(each, number / 10, subject=f"track {subject}", passed=passed)
    assert len(log) <= capacity
    assert sum(each.count for each in whole.of("door", 0, 100)) == len(plan)
    kept = log.of("door", 0, 100)
    assert len(kept) == len(log)
    if plan:
        newest = max(kept, key=lambda each: each.last_s)
        assert newest.last_s == (len(plan) - 1) / 10
