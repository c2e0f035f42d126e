"""Tells an event in one sentence: who, what, when, how long; never more than is known.

Only who was recognised for certain is named; an unsure face is an unknown person. How many people
there were is told as the most that were there at the same time, because one person may be followed
as several tracks one after the other.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta, tzinfo

from spyoncino.events.labels import PERSON
from spyoncino.schemas.events import CLOSED_STATES, Event, Identity, TrackSummary, Verdict

_TIMES = {1: "once", 2: "twice"}


def story_of(event: Event, zone: tzinfo | None = None) -> str:
    """The event as a person would tell it.

    Args:
        event: As it stands; while it is open nothing is said of how long it lasts.
        zone: Time zone of the clock that the reader sees; the machine's own when not given.
    """
    shown = _Shown(event)
    if shown.is_about_people or event.presses:
        actors, others = shown.actors_and_others()
        text = f"{actors} {_did(event, zone)}"
        tail = f"; with {others}" if others else ""
    else:
        text, tail = f"{_things(event.labels)} at {_clock(event, event.start_s, zone)}", ""
    if event.state in CLOSED_STATES and (stayed := _duration(event.end_s - event.start_s)):
        text += f", stayed {stayed}" if shown.is_about_people else f" for {stayed}"
    return f"{text[0].upper()}{text[1:]}{tail}"


def names_of(event: Event) -> tuple[str, ...]:
    """Names of those recognised, as people read them; the blocked say so."""
    return tuple(
        f"{each.name} (blocked)" if each.decision is Verdict.BLOCKED else str(each.name)
        for each in event.recognised
    )


class _Shown:
    """Who is in an event, counted."""

    def __init__(self, event: Event) -> None:
        self.names = names_of(event)
        unnamed = [
            each for each in event.identities if each.decision in (Verdict.UNKNOWN, Verdict.UNSURE)
        ]
        self.strangers = sorted({each.stranger for each in unnamed if each.stranger is not None})
        people = [track for track in event.tracks if track.label == PERSON]
        nameless = [each for each in unnamed if each.stranger is None]
        self.unknown = _people_count(nameless, people)
        self.at_once = _most_at_once(people)
        self.is_about_people = bool(people or event.identities or event.presses)

    def actors_and_others(self) -> tuple[str, str]:
        """Who did it, and who was with them; the second may be empty."""
        strangers = [f"stranger {number}" for number in self.strangers]
        unknown = [_unknown(self.unknown)] if self.unknown else []
        groups = [list(self.names), strangers, unknown]
        first = next((group for group in groups if group), [])
        rest = [one for group in groups if group is not first for one in group]
        seen = len(self.names) + len(self.strangers) + self.unknown
        if not first:
            return _nobody_seen(self.at_once), ""
        if self.at_once > seen:
            rest.append("somebody whose face was not seen")
        return _list(first), _list(rest)


def _people_count(unnamed: Sequence[Identity], people: Sequence[TrackSummary]) -> int:
    ids = {each.track_id for each in unnamed}
    loose = sum(each.track_id is None for each in unnamed)
    followed = _most_at_once([track for track in people if track.track_id in ids])
    if ids - {None}:
        return max(1, followed)
    return loose


def _most_at_once(tracks: Sequence[TrackSummary]) -> int:
    return max(
        (sum(other.start_s <= each.start_s <= other.end_s for other in tracks) for each in tracks),
        default=0,
    )


def _unknown(count: int) -> str:
    return "an unknown person" if count == 1 else f"{count} unknown people"


def _nobody_seen(count: int) -> str:
    return f"{count} people" if count > 1 else "somebody"


def _did(event: Event, zone: tzinfo | None) -> str:
    if not event.presses:
        return f"came at {_clock(event, event.start_s, zone)}"
    at = _clock(event, event.presses[0], zone)
    count = len(event.presses)
    if count == 1:
        return f"rang at {at}"
    return f"rang {_TIMES.get(count, f'{count} times')}, first at {at}"


def _things(labels: Sequence[str]) -> str:
    things = [f"{'an' if label[0] in 'aeiou' else 'a'} {label}" for label in labels if label]
    return _list(things) if things else "something moved"


def _clock(event: Event, pts_s: float, zone: tzinfo | None) -> str:
    moment = event.started_at + timedelta(seconds=pts_s - event.start_s)
    return f"{moment.astimezone(zone):%H:%M}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole else ""
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _list(parts: Iterable[str]) -> str:
    words = list(parts)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
