"""The sentence about a stranger says only what the visits bear out."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.faces.history import describe_stranger

ROME = ZoneInfo("Europe/Rome")
NOW = datetime(2026, 7, 17, 12, 0, tzinfo=UTC)
"""A Friday."""


def rome(*times: str) -> list[datetime]:
    return [datetime.fromisoformat(time).replace(tzinfo=ROME) for time in times]


@pytest.mark.parametrize(
    ("visits", "told"),
    [
        (rome(), "never seen"),
        (rome("2026-07-15 10:00"), "first visit this week"),
        (rome("2026-07-10 10:00"), "1 visit, the last on 2026-07-10"),
        (rome("2026-07-06 10:00", "2026-07-10 16:00"), "2 visits, the last on 2026-07-10"),
        (
            rome("2026-07-14 22:10", "2026-07-15 23:40", "2026-07-13 22:50"),
            "third visit this week, always after 22:00",
        ),
        (
            rome("2026-07-13 22:10", "2026-07-15 00:40", "2026-07-16 01:50"),
            "third visit this week, always after 22:00",
        ),
        (rome("2026-07-14 22:10", "2026-07-15 23:40"), "second visit this week"),
        (
            rome("2026-07-14 22:10", "2026-07-14 23:00", "2026-07-15 23:40"),
            "third visit this week",
        ),
        (
            rome("2026-07-01 08:10", "2026-07-13 09:40", "2026-07-14 08:30"),
            "second visit this week, third in all, always between 08:00 and 10:00",
        ),
        (
            rome("2026-06-29 08:10", "2026-07-06 13:40", "2026-07-13 18:30"),
            "first visit this week, third in all, always on Mondays",
        ),
        (
            rome("2026-07-04 06:10", "2026-07-05 11:40", "2026-07-11 08:30"),
            "3 visits, the last on 2026-07-11, always in the morning at weekends",
        ),
        (
            rome("2026-07-13 12:30", "2026-07-14 16:40", "2026-07-15 17:30"),
            "third visit this week, always in the afternoon",
        ),
        (
            rome("2026-07-13 06:30", "2026-07-14 14:40", "2026-07-15 22:30"),
            "third visit this week",
        ),
    ],
)
def test_the_sentence_fits_the_visits(visits: list[datetime], told: str) -> None:
    assert describe_stranger(7, visits, NOW, ROME) == f"stranger 7, {told}"


def test_hours_are_those_of_the_house_and_not_of_the_clock_of_the_world() -> None:
    visits = [datetime(2026, 7, day, 20, 30, tzinfo=UTC) for day in (13, 14, 15)]
    assert describe_stranger(1, visits, NOW, ROME).endswith("always after 22:00")
    assert describe_stranger(1, visits, NOW, UTC).endswith("always between 20:00 and 21:00")


def test_many_visits_are_counted_in_figures() -> None:
    visits = [NOW - timedelta(hours=number) for number in range(23)]
    assert describe_stranger(1, visits, NOW, UTC).startswith("stranger 1, 23rd visit this week")


@given(st.lists(st.integers(0, 60 * 24 * 30), max_size=12), st.randoms())
def test_order_does_not_matter_and_always_needs_three_days(
    minutes: list[int], random: object
) -> None:
    visits = [NOW - timedelta(minutes=number) for number in minutes]
    sentence = describe_stranger(1, visits, NOW, ROME)
    mixed = list(visits)
    random.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert describe_stranger(1, mixed, NOW, ROME) == sentence
    if len({visit.astimezone(ROME).date() for visit in visits}) < 3:
        assert "always" not in sentence
