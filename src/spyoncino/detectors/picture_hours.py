"""At which hours a camera was of use on former days: black at night is usual for some."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

DAYS: Final = 7
"""Days in a row on which an hour was of use before anything is expected of it: a lamp that goes out
earlier on Saturdays is no news."""

MAX_AGE_DAYS: Final = 2
"""An hour that nobody saw for longer counts for nothing."""

LOST_S: Final = 300.0
"""An hour without a usable picture for so long was not of use that day; a cat on the lens, or the
minutes until somebody has switched the light on, do not count."""


@dataclass(slots=True)
class _Hour:
    day: int = 0
    lost_s: float = 0.0
    good_days: int = 0


@dataclass(slots=True)
class UsableHours:
    """Counts, for each hour of the day, the days in a row on which there was something to see."""

    _hours: list[_Hour] = field(default_factory=lambda: [_Hour() for _ in range(24)])

    def note(self, local: datetime, step_s: float, *, is_usable: bool) -> None:
        """Take one look.

        Args:
            local: Local time.
            step_s: Seconds that it stands for.
            is_usable: There was something to see.
        """
        hour, day = self._hours[local.hour], local.toordinal()
        if hour.day != day:
            if hour.day:
                is_next = day - hour.day == 1
                is_good = hour.lost_s < LOST_S
                hour.good_days = (hour.good_days if is_next else 0) + 1 if is_good else 0
            hour.day, hour.lost_s = day, 0.0
        if not is_usable:
            hour.lost_s += step_s

    def expects_picture(self, local: datetime) -> bool:
        """Whether this hour and both beside it were of use on the last days.

        The neighbours are asked because dusk moves with the seasons, and by an hour with the
        clocks.
        """
        around = (self._hours[(local.hour + beside) % 24] for beside in (-1, 0, 1))
        return all(self._good_days(hour, local) >= DAYS for hour in around)

    def _good_days(self, hour: _Hour, local: datetime) -> int:
        """Good days up to yesterday, the last one counted also where nobody came by since."""
        age = local.toordinal() - hour.day
        if not hour.day or age > MAX_AGE_DAYS:
            return 0
        last = age > 0 and hour.lost_s < LOST_S
        return hour.good_days + 1 if last else (hour.good_days if age == 0 else 0)

    def to_json(self) -> list[list[float]]:
        """Plain numbers to be kept in a file."""
        return [[hour.day, hour.lost_s, hour.good_days] for hour in self._hours]

    @classmethod
    def from_json(cls, kept: Any) -> "UsableHours":
        """The same again.

        Raises:
            ValueError: It is something else.
            TypeError: Likewise.
        """
        hours = [_Hour(int(day), float(lost_s), int(good)) for day, lost_s, good in kept]
        if len(hours) != 24:
            raise ValueError(f"{len(hours)} hours are kept of a day")
        return cls(hours)
