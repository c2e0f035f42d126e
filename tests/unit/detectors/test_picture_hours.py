"""Hours at which there is usually something to see."""

from datetime import UTC, datetime, timedelta

import pytest

from spyoncino.detectors.picture_hours import DAYS, UsableHours

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def lived(days: int, dark_from: int = 24, step_s: float = 900.0) -> UsableHours:
    """So many days, each black from an hour on until six."""
    hours = UsableHours()
    for quarter in range(days * 96):
        then = MONDAY + timedelta(seconds=quarter * step_s)
        hours.note(then, step_s, is_usable=6 <= then.hour < dark_from)
    return hours


def test_nothing_is_expected_of_hours_that_nobody_knows() -> None:
    assert not UsableHours().expects_picture(MONDAY)
    assert not lived(6).expects_picture(MONDAY + timedelta(days=6, hours=12))


def test_after_a_week_light_is_expected_by_day_and_not_at_night_nor_beside_it() -> None:
    hours = lived(DAYS, dark_from=20)
    expected = [
        hour for hour in range(24)
        if hours.expects_picture(MONDAY + timedelta(days=DAYS, hours=hour))
    ]  # fmt: skip
    assert expected == list(range(7, 19))


def test_what_is_dark_today_is_expected_until_tomorrow_and_then_no_more() -> None:
    hours = lived(DAYS, dark_from=20)
    noon = MONDAY + timedelta(days=DAYS, hours=12)
    for minute in range(60):
        hours.note(noon + timedelta(minutes=minute), 60, is_usable=False)
    assert hours.expects_picture(noon + timedelta(minutes=59))
    assert not hours.expects_picture(noon + timedelta(days=1))


def test_a_camera_that_was_off_for_days_is_learned_anew() -> None:
    assert not lived(8).expects_picture(MONDAY + timedelta(days=12, hours=12))


def test_hours_are_kept_and_read_again() -> None:
    hours = lived(3, dark_from=20)
    again = UsableHours.from_json(hours.to_json())
    assert again == hours
    with pytest.raises(ValueError, match="3 hours"):
        UsableHours.from_json(hours.to_json()[:3])
