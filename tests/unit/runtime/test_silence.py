"""When a process that says nothing hangs, and when it is only slow."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from spyoncino.runtime.silence import LOOK_S, Patience, SilenceMeter, is_working

PATIENCE = Patience(idle_s=10.0, working_s=20.0)


def looks_until_killed(working: list[bool]) -> int | None:
    """After how many looks at a silent process it has to be killed."""
    meter = SilenceMeter()
    for number, is_busy in enumerate(working, 1):
        if meter.look(PATIENCE, was_heard=False, is_working=is_busy) is not None:
            return number
    return None


def test_a_process_that_rests_and_says_nothing_hangs() -> None:
    assert looks_until_killed([False] * 30) == 10


def test_one_that_waits_for_the_machine_is_slow_and_has_more_time() -> None:
    assert looks_until_killed([True] * 30) == 20


def test_one_that_was_stopped_while_it_worked_has_no_more_time_for_it() -> None:
    assert looks_until_killed([True, True, *[False] * 30]) == 10


def test_a_word_begins_the_silence_anew() -> None:
    meter = SilenceMeter()
    for _ in range(9):
        assert meter.look(PATIENCE, was_heard=False) is None
    assert meter.look(PATIENCE, was_heard=True) is None
    silent = [meter.look(PATIENCE, was_heard=False) for _ in range(10)]
    assert silent == [None] * 9 + [10.0]


@given(st.lists(st.booleans(), min_size=20, max_size=30))
def test_nobody_is_killed_before_the_patience_with_the_idle_nor_lives_beyond_the_other(
    working: list[bool],
) -> None:
    number = looks_until_killed(working)
    assert number is not None
    assert 10 <= number <= 20


def test_a_short_patience_is_looked_at_more_often() -> None:
    assert PATIENCE.look_s == LOOK_S
    assert Patience(idle_s=2.0, working_s=20.0).look_s == 0.5


def test_the_kernel_says_who_works(tmp_path: Path) -> None:
    for state, works in {"R": True, "D": True, "S": False, "T": False, "t": False}.items():
        folder = tmp_path / "7"
        folder.mkdir(exist_ok=True)
        (folder / "stat").write_text(f"7 (a) S name) {state} 1 7 7 0 -1")
        assert is_working(7, tmp_path) is works
    (tmp_path / "7" / "stat").write_text("")
    assert not is_working(7, tmp_path)
    assert not is_working(8, tmp_path)
    assert is_working(os.getpid())
