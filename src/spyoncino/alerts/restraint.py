"""What is not told although a rule wants it, and the digest of it.

Pauses, rate limits and quiet hours hold back what does not ring; a mute of its camera holds back
everything: a person asked for it.
"""

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from spyoncino.alerts.rules import Rule, TimeWindow
from spyoncino.persistence.told_names import without_names
from spyoncino.schemas.alerts import AlertPriority
from spyoncino.schemas.events import Event

WINDOW_S: Final = 60.0
"""A rate limit counts the messages of so many seconds."""

MAX_REMEMBERED: Final = 1024
"""Pauses that are remembered: rules times cameras and persons; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is told at most.

    Args:
        per_minute: New messages of one camera and channel in a minute.
        quiet: Time of day in which only what has high priority is told.
    """

    per_minute: int = 6
    quiet: TimeWindow | None = None


@dataclass(slots=True)
class Digest:
    """What one channel held back since the last digest.

    Args:
        reasons: Reason and camera to how many events.
        first: When the first of them began, local time.
        last: When the last of them began.
    """

    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    @property
    def count(self) -> int:
        """Events that were held back."""
        return self.reasons.total()

    def text(self) -> str:
        """One sentence."""
        begin = f"{self.first:%H:%M}" if self.first else "?"
        end = f"{self.last:%H:%M}" if self.last else "?"
        parts = [
            f"{count} at {camera} ({reason})"
            for (reason, camera), count in self.reasons.most_common()
        ]
        noun = "event was" if self.count == 1 else "events were"
        return f"{self.count} {noun} not told between {begin} and {end}: {'; '.join(parts)}"


class Restraint:
    """Decides whether a new message may be sent now; edits of a sent message always may.

    Args:
        limits: How much is told at most.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._told: dict[tuple[str, str, str], float] = {}
        self._times: dict[tuple[str, str], deque[float]] = {}
        self.digests: dict[str, Digest] = {}
        self.mutes: dict[str, datetime] = {}
        """Camera to when its mute ends."""

    def why_not(self, rule: Rule, channel: str, event: Event, local: datetime, now_s: float) -> str:
        """Why a first message is held back; empty when it may be sent, which ``told`` then notes.

        Args:
            rule: That wants it.
            channel: That would tell it.
            event: The event.
            local: Local time now.
            now_s: Monotonic time now.
        """
        until = self.mutes.get(event.camera)
        if until is not None and local < until:
            return f"muted until {end_of_mute(until, local)}"
        if event.presses:
            return ""
        subjects = _subjects(rule, channel, event)
        if all(self._is_told(key, now_s - rule.cooldown_s) for key in subjects):
            about = " and ".join(key[2] for key in subjects)
            return f"pause of {rule.cooldown_s:g} s after the last message about {about}"
        quiet = self.limits.quiet
        is_urgent = rule.priority is AlertPriority.HIGH
        if quiet is not None and not is_urgent and local.time() in quiet:
            return f"quiet hours {quiet}"
        times = self._times.get((channel, event.camera), ())
        if sum(now_s - told_s < WINDOW_S for told_s in times) >= self.limits.per_minute:
            return f"more than {self.limits.per_minute} messages a minute"
        return ""

    def _is_told(self, subject: tuple[str, str, str], since_s: float) -> bool:
        return self._told.get(subject, float("-inf")) > since_s

    def told(self, rule: Rule, channel: str, event: Event, now_s: float) -> None:
        """Note that a first message is sent."""
        for key in _subjects(rule, channel, event):
            self._told.pop(key, None)
            self._told[key] = now_s
        while len(self._told) > MAX_REMEMBERED:
            del self._told[next(iter(self._told))]
        if not event.presses:
            times = self._times.setdefault((channel, event.camera), deque())
            times.append(now_s)
            while len(times) > self.limits.per_minute:  # which may have changed
                times.popleft()

    def held_back(self, channel: str, event: Event, reason: str, local: datetime) -> None:
        """Count an event for the channel's next digest."""
        digest = self.digests.setdefault(channel, Digest())
        digest.reasons[reason, event.camera] += 1
        digest.first = digest.first or local
        digest.last = local

    def told_after_all(self, channel: str, event: Event, reason: str) -> None:
        """Take an event out of the channel's next digest: what held it back is over, it is told."""
        digest = self.digests.get(channel)
        if digest is not None:
            digest.reasons -= Counter([(reason, event.camera)])
            if not digest.reasons:
                del self.digests[channel]

    def forget(self, names: Collection[str], others: Collection[str] = ()) -> None:
        """Tell no digest of somebody any more; ``others`` are names that stay."""
        self._told = {key: at_s for key, at_s in self._told.items() if key[2] not in names}
        for digest in self.digests.values():
            reasons: Counter[tuple[str, str]] = Counter()
            for (reason, camera), count in digest.reasons.items():
                reasons[without_names(reason, names, others), camera] += count
            digest.reasons = reasons

    def take_digests(self) -> dict[str, Digest]:
        """What was held back by each channel since the last call."""
        taken, self.digests = self.digests, {}
        return taken


def end_of_mute(until: datetime, local: datetime) -> str:
    """When a mute ends, as short as it can be understood.

    Args:
        until: Its end.
        local: Local time now.
    """
    days = (until - local) // timedelta(days=1)
    day = "" if days < 1 else "%a " if days < 6 else "%Y-%m-%d "
    return f"{until.astimezone(local.tzinfo):{day}%H:%M}"


def _subjects(rule: Rule, channel: str, event: Event) -> list[tuple[str, str, str]]:
    """What a pause is counted for: persons where they are known, else the camera."""
    who = event.names or (event.camera,)
    return [(rule.name, channel, each) for each in who]
