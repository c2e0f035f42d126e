"""Edges to presses: one for each time that the button goes down, however its contact bounces."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from spyoncino.hardware.button import Button, ButtonChange, ButtonNews, ButtonSpec

SPEC = ButtonSpec(debounce_s=0.025, long_press_s=2.0, stuck_s=30.0)
BOUNCE_S = 0.009
"""All bounce of one contact lies within this."""


def button(*, is_down: bool = False) -> Button:
    return Button(SPEC, is_down=is_down, now_s=0.0)


def news(changes: Sequence[ButtonChange]) -> list[ButtonNews]:
    return [each.news for each in changes]


def bouncing(at_s: float, offsets_s: Sequence[float], *, is_down: bool) -> list[tuple[float, bool]]:
    """Edges that begin and end with the level that is meant."""
    times = [at_s, *(at_s + each for each in sorted(set(offsets_s)))]
    if len(times) % 2 == 0:
        times.pop()
    return [(each, (number % 2 == 0) == is_down) for number, each in enumerate(times)]


def test_a_press_counts_with_its_first_contact() -> None:
    assert button().edge(1.0, is_down=True) == [ButtonChange(ButtonNews.PRESSED, 1.0)]


def test_bounce_of_pressing_and_releasing_counts_nothing() -> None:
    subject = button()
    told = []
    for at_s, is_down in (
        *bouncing(1.0, [0.001, 0.002, 0.004, 0.005], is_down=True),
        *bouncing(1.2, [0.001, 0.002, 0.004, 0.005], is_down=False),
    ):
        told += subject.edge(at_s, is_down=is_down)
    told += subject.look(1.3, is_down=False)
    assert news(told) == [ButtonNews.PRESSED, ButtonNews.RELEASED]
    assert subject.presses == 1


def test_a_release_is_told_with_the_next_press_when_nobody_looked() -> None:
    subject = button()
    subject.edge(1.0, is_down=True)
    subject.edge(1.1, is_down=False)
    told = subject.edge(1.2, is_down=True)
    assert news(told) == [ButtonNews.RELEASED, ButtonNews.PRESSED]
    assert told[0] == ButtonChange(ButtonNews.RELEASED, 1.1, 1.1 - 1.0)


def test_a_long_press_is_told_once_and_is_one_press() -> None:
    subject = button()
    subject.edge(1.0, is_down=True)
    told = [*subject.look(2.9, is_down=True), *subject.look(3.1, is_down=True)]
    told += subject.look(4.0, is_down=True)
    subject.edge(5.0, is_down=False)
    told += subject.look(5.1, is_down=False)
    assert news(told) == [ButtonNews.HELD, ButtonNews.RELEASED]
    assert subject.presses == 1


def test_a_long_press_that_ends_before_anybody_looked_is_told_at_its_end() -> None:
    subject = button()
    subject.edge(1.0, is_down=True)
    subject.edge(3.5, is_down=False)
    assert news(subject.look(4.0, is_down=False)) == [ButtonNews.HELD, ButtonNews.RELEASED]


def test_a_button_that_stays_down_is_stuck_once_and_freed_once_and_pressed_once() -> None:
    subject = button()
    subject.edge(1.0, is_down=True)
    told = [*subject.look(31.0, is_down=True), *subject.look(60.0, is_down=True)]
    assert news(told) == [ButtonNews.HELD, ButtonNews.STUCK]
    assert subject.is_stuck
    subject.edge(61.0, is_down=False)
    assert news(subject.look(61.1, is_down=False)) == [ButtonNews.RELEASED, ButtonNews.FREED]
    assert (subject.is_stuck, subject.presses) == (False, 1)
    assert news(subject.edge(62.0, is_down=True)) == [ButtonNews.PRESSED]


def test_a_button_that_is_down_at_the_start_was_not_pressed_but_may_be_stuck() -> None:
    subject = button(is_down=True)
    assert news(subject.look(31.0, is_down=True)) == [ButtonNews.STUCK]
    subject.edge(40.0, is_down=False)
    subject.look(40.1, is_down=False)
    assert news(subject.edge(41.0, is_down=True)) == [ButtonNews.PRESSED]
    assert subject.presses == 1


def test_a_lost_edge_is_mended_by_looking() -> None:
    subject = button()
    assert news(subject.look(1.0, is_down=True)) == [ButtonNews.PRESSED]
    assert subject.look(2.0, is_down=False) == []
    assert news(subject.look(2.1, is_down=False)) == [ButtonNews.RELEASED]


def test_a_second_contact_without_a_release_is_the_same_press() -> None:
    """A level read in the middle of the bounce of a release says down once more."""
    subject = button()
    subject.edge(1.0, is_down=True)
    told = [*subject.edge(1.5, is_down=True), *subject.edge(1.501, is_down=False)]
    assert told == []
    assert subject.presses == 1


OFFSETS = st.lists(st.floats(0.0002, BOUNCE_S), max_size=12)
VISITS = st.lists(
    st.tuples(st.floats(0.045, 5.0), st.floats(0.012, 4.0), OFFSETS, OFFSETS), max_size=30
)


@settings(max_examples=60, deadline=None)
@given(visits=VISITS, looks=st.booleans())
def test_as_many_presses_are_counted_as_were_made(
    visits: list[tuple[float, float, list[float], list[float]]], *, looks: bool
) -> None:
    subject = button()
    now_s = 0.0
    told: list[ButtonChange] = []
    for rest_s, held_s, going_down, going_up in visits:
        now_s += rest_s
        for at_s, is_down in bouncing(now_s, going_down, is_down=True):
            told += subject.edge(at_s, is_down=is_down)
        now_s += max(held_s, BOUNCE_S + 0.001)
        for at_s, is_down in bouncing(now_s, going_up, is_down=False):
            told += subject.edge(at_s, is_down=is_down)
        if looks:
            told += subject.look(now_s + BOUNCE_S + 0.026, is_down=False)
    told += subject.look(now_s + 1.0, is_down=False)
    kinds = news(told)
    assert kinds.count(ButtonNews.PRESSED) == len(visits) == subject.presses
    assert kinds.count(ButtonNews.RELEASED) == len(visits)
