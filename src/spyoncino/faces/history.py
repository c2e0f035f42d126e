"""Tells in a sentence how often a stranger came, and when; says only what the visits bear out."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final

HABIT_VISITS: Final = 3
"""Fewer visits, or visits on fewer different days, are no habit: «always» is not said of them."""

HABIT_HOURS: Final = 3
"""A habit is told as a span of at most so many hours, or as a part of the day."""

_ORDINALS: Final = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)
_DAYS: Final = ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"]
_PARTS: Final = (("in the morning", 5, 12), ("in the afternoon", 12, 18), ("at night", 20, 29))
"""Words, and hours from midnight; 29 is 5 o'clock of the next day."""

_EVENING_HOUR: Final = 18
_DAWN_HOUR: Final = 29


def describe_stranger(number: int, visits: Sequence[datetime], now: datetime, zone: tzinfo) -> str:
    """For example ``stranger 7, third visit this week, always after 22:00``.

    Args:
        number: The stranger's.
        visits: When each visit began, aware, any order; the last one is the one talked about.
        now: Aware.
        zone: The house's time zone; weeks begin on Monday.

    Returns:
        The sentence, without a full stop.
    """
    local = sorted(visit.astimezone(zone) for visit in visits)
    if not local:
        return f"stranger {number}, never seen"
    words = [f"stranger {number}", _count(local, now.astimezone(zone))]
    habit = _habit(local)
    if habit:
        words.append(f"always {habit}")
    return ", ".join(words)


def _count(local: Sequence[datetime], now: datetime) -> str:
    monday = now.date() - timedelta(days=now.weekday())
    this_week = sum(visit.date() >= monday for visit in local)
    if this_week:
        told = f"{_ordinal(this_week)} visit this week"
        return told if this_week == len(local) else f"{told}, {_ordinal(len(local))} in all"
    day = local[-1].strftime("%Y-%m-%d")
    return f"{len(local)} {'visit' if len(local) == 1 else 'visits'}, the last on {day}"


def _ordinal(count: int) -> str:
    if count <= len(_ORDINALS):
        return _ORDINALS[count - 1]
    ending = "th" if count % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(count % 10)
    return f"{count}{ending or 'th'}"


def _habit(local: Sequence[datetime]) -> str:
    """What all visits have in common; empty where there is nothing, or too little to say so."""
    if len({visit.date() for visit in local}) < HABIT_VISITS:
        return ""
    days = {visit.weekday() for visit in local}
    told = [_hours([visit.hour + visit.minute / 60 for visit in local])]
    if len(days) == 1:
        told.append(f"on {_DAYS[days.pop()]}")
    elif days == {5, 6}:
        told.append("at weekends")
    return " ".join(words for words in told if words)


def _hours(hours: Sequence[float]) -> str:
    """The shortest span around the clock that holds all times, in words; empty: too long."""
    ordered = sorted(hours)
    gaps = [
        (after - before, after)
        for before, after in zip(ordered, [*ordered[1:], ordered[0] + 24], strict=True)
    ]
    longest, after = max(gaps)
    start = after % 24
    end = start + 24 - longest
    first, last = int(start), int(end) + 1
    if first >= _EVENING_HOUR and end < _DAWN_HOUR and last > 24:
        return f"after {first:02d}:00"
    if first >= 22 and last <= 24:
        return f"after {first:02d}:00"
    if last - first <= HABIT_HOURS:
        return f"between {first:02d}:00 and {last % 24:02d}:00"
    begun = start if start >= 5 else start + 24
    ended = begun + end - start
    return next((words for words, low, high in _PARTS if low <= begun and ended < high), "")
