"""When something that is wrong with the house is worth a message, and when it is over.

One trouble is one message however often it comes and goes: it is edited when the trouble is over
and when it is back within ``calm_s``. Well for a moment is not well, ill for a moment is not ill.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from spyoncino.schemas.alerts import AlertPriority

REF_TIME: Final = "%Y%m%dT%H%M%SZ"
"""How a message's reference ends: when the trouble began, UTC."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong at one look.

    Args:
        title: One short line.
        text: What is wrong, a sentence that is followed by since when.
        over: The sentence once it is over.
        why: More about it; may change from look to look without news.
        news: What is worth an edit when it changes.
        priority: How much the first message may disturb.
        after_s: Ill for so long before it is told.
    """

    title: str
    text: str
    over: str
    why: str = ""
    news: str = ""
    priority: AlertPriority = AlertPriority.NORMAL
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is long enough, in seconds.

    Args:
        back_after_s: Well for so long before that is told.
        calm_s: Well for so long until the next time is a new message.
    """

    back_after_s: float = 30.0
    calm_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class News:
    """A revision of a message about one trouble."""

    ref: str
    revision: int
    title: str
    text: str
    priority: AlertPriority
    is_final: bool = False


@dataclass(slots=True)
class _Case:
    trouble: Trouble
    ref: str
    first: datetime
    began: datetime
    ill_since_s: float
    well_since_s: float | None = None
    ended: datetime | None = None
    is_told: bool = False
    times: int = 0
    revision: int = 0


class TroubleWatch:
    """Compares what is wrong now with what was told.

    Args:
        pace: How long is long enough.
    """

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._cases: dict[str, _Case] = {}

    @property
    def told(self) -> tuple[str, ...]:
        """Keys of what is wrong and was told."""
        return tuple(key for key, case in self._cases.items() if case.is_told)

    def resume(self, ref: str, revision: int, title: str, local: datetime, now_s: float) -> None:
        """Go on with a message of a former run.

        Args:
            ref: Its reference; what does not end with a time is not of this watch.
            revision: The newest.
            title: Its title.
            local: Local time now.
            now_s: Monotonic time now.
        """
        key, _, time = ref.rpartition("-")
        try:
            began = datetime.strptime(time, REF_TIME).replace(tzinfo=UTC)
        except ValueError:
            return
        began = began.astimezone(local.tzinfo)
        trouble = Trouble(title, title, "That is over")
        case = _Case(trouble, ref, began, began, now_s, is_told=True, times=1, revision=revision)
        self._cases[key] = case

    def look(self, wrong: Mapping[str, Trouble], local: datetime, now_s: float) -> list[News]:
        """What is to be told after one look.

        Args:
            wrong: Everything that is wrong now, by a key that stays the same.
            local: Local time now.
            now_s: Monotonic time now.
        """
        over = [self._well(key, local, now_s) for key in list(self._cases) if key not in wrong]
        ill = [self._ill(key, trouble, local, now_s) for key, trouble in wrong.items()]
        return [news for news in (*over, *ill) if news is not None]

    def _ill(self, key: str, trouble: Trouble, local: datetime, now_s: float) -> News | None:
        case = self._cases.get(key)
        if case is None:
            ref = f"{key}-{local.astimezone(UTC):{REF_TIME}}"
            case = self._cases[key] = _Case(trouble, ref, local, local, now_s)
        if case.well_since_s is not None:
            if now_s - case.well_since_s >= self.pace.back_after_s:
                case.ill_since_s, case.began = now_s, local
            case.well_since_s = None
        before, case.trouble = case.trouble, trouble
        if case.is_told:
            return self._say_ill(case, local) if before.news != trouble.news else None
        if now_s - case.ill_since_s < trouble.after_s:
            return None
        case.is_told = True
        case.times += 1
        return self._say_ill(case, local)

    def _say_ill(self, case: _Case, local: datetime) -> News:
        trouble = case.trouble
        why = f": {trouble.why}" if trouble.why else ""
        text = f"{trouble.text} since {_time(case.began, local)}{why}.{_again(case, local)}"
        return _news(case, trouble.title, text)

    def _well(self, key: str, local: datetime, now_s: float) -> News | None:
        case = self._cases[key]
        if case.well_since_s is None:
            case.well_since_s, case.ended = now_s, local
        well_s = now_s - case.well_since_s
        if case.revision == 0:
            if well_s >= self.pace.back_after_s:
                del self._cases[key]
            return None
        if case.is_told and well_s >= self.pace.back_after_s:
            case.is_told = False
            return self._say_well(case, local)
        if not case.is_told and well_s >= self.pace.calm_s:
            del self._cases[key]
            told = self._say_well(case, local)
            return replace(told, is_final=True, priority=AlertPriority.LOW)
        return None

    def _say_well(self, case: _Case, local: datetime) -> News:
        ended = case.ended or local
        span = f"it was so from {_time(case.began, local)} to {_time(ended, local)}"
        text = f"{case.trouble.over}; {span}.{_again(case, local)}"
        return _news(case, case.trouble.title, text)


def _news(case: _Case, title: str, text: str) -> News:
    case.revision += 1
    return News(case.ref, case.revision, title, text, case.trouble.priority)


def _again(case: _Case, local: datetime) -> str:
    if case.times < 2:
        return ""
    return f" That was {case.times} times since {_time(case.first, local)}."


def _time(then: datetime, now: datetime) -> str:
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"
