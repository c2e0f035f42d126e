"""Rules that decide which events are told: read by a person, one reason for each that is silent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Final

from spyoncino.schemas.alerts import AlertPriority
from spyoncino.schemas.events import ANIMAL_LABELS, VEHICLE_LABELS, Event
from spyoncino.schemas.modes import Mode

NOBODY: Final = "nobody"
"""Stands among identities for an event in which no face was seen."""

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Names of the days as ``datetime.weekday`` counts them."""

KINDS: Final = {"vehicle": VEHICLE_LABELS, "animal": ANIMAL_LABELS}
"""What people call types of events together, and the types: those are the detector's labels."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """A part of each day, from ``begin`` until before ``end``; over midnight where end is first."""

    begin: time
    end: time

    def __contains__(self, moment: time) -> bool:
        if self.begin <= self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class When:
    """What an event must be like; an empty field takes anything.

    Args:
        types: Types of events: person, car, cat, doorbell, …, or vehicle, animal.
        labels: At least one of these was seen.
        identities: At least one face was so: known, unsure, unknown, blocked; or nobody.
        names: At least one of these persons was there, for certain.
        zones: Somebody or something was in at least one of these.
        cameras: It is of one of these.
        modes: One of these holds in the house.
        days: It began on one of these, see ``DAYS``; local time.
        between: It began at this time of day; local time.
        min_duration_s: It has lasted so long.
    """

    types: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    cameras: frozenset[str] = frozenset()
    modes: frozenset[Mode] = frozenset()
    days: frozenset[str] = frozenset()
    between: TimeWindow | None = None
    min_duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Which events are told, by whom and how.

    Args:
        name: For people: it is in every message and in every reason.
        when: What they must be like.
        channels: Who tells them.
        priority: How much the message may disturb.
        text: Template of the text, see ``alerts.text``; empty: the event's story.
        media: What is shown with it, the most wanted first: snapshot, gif, clip.
        cooldown_s: So long after such a message the same camera, and the same person, starts no
            other by this rule.
    """

    name: str
    when: When = field(default_factory=When)
    channels: tuple[str, ...] = ()
    priority: AlertPriority = AlertPriority.NORMAL
    text: str = ""
    media: tuple[str, ...] = ("snapshot", "clip")
    cooldown_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What holds around an event.

    Args:
        local: When it began, in the house's own time.
        mode: The mode of the house; ``None`` where it is not known.
    """

    local: datetime
    mode: Mode | None


def why_not(when: When, event: Event, moment: Moment) -> str:
    """The first thing in which an event is not as a rule wants it; empty when it is."""
    checks = (
        ("type", when.types, types_of(event)),
        ("label", when.labels, set(event.labels)),
        ("identity", when.identities, identities_of(event)),
        ("name", when.names, set(event.names)),
        ("zone", when.zones, {zone for track in event.tracks for zone in track.zones}),
        ("camera", when.cameras, {event.camera}),
        ("mode", when.modes, set() if moment.mode is None else {moment.mode.value}),
        ("day", when.days, {DAYS[moment.local.weekday()]}),
    )
    for what, wanted, present in checks:
        if wanted and not wanted & present:
            seen = _listed(present) or "none"
            return f"{what} is {seen}, the rule wants {_listed(wanted)}"
    if when.between is not None and moment.local.time() not in when.between:
        return f"it began at {moment.local:%H:%M}, the rule wants {when.between}"
    lasted_s = event.end_s - event.start_s
    if lasted_s < when.min_duration_s:
        return f"it has lasted {lasted_s:.1f} s, the rule wants {when.min_duration_s:g} s"
    return ""


def matching(rules: Sequence[Rule], event: Event, moment: Moment) -> dict[str, Rule]:
    """Channel to the first rule that wants the event told there."""
    chosen: dict[str, Rule] = {}
    for rule in rules:
        if not why_not(rule.when, event, moment):
            for channel in rule.channels:
                chosen.setdefault(channel, rule)
    return chosen


def is_louder(rule: Rule, event: Event, told_by: Rule, told: Event | None) -> bool:
    """Whether a message that was begun is to be heard once more: an edit makes no sound.

    Args:
        rule: That wants the event told now.
        event: As it is now.
        told_by: The rule of the message.
        told: The event as the message tells it.
    """
    if rule.priority is AlertPriority.LOW:
        return False
    has_rung = bool(event.presses) and not (told and told.presses)
    ranks = tuple(AlertPriority)
    return has_rung or ranks.index(rule.priority) > ranks.index(told_by.priority)


def types_of(event: Event) -> set[str]:
    """Its type, what kind of thing that is, and doorbell where somebody rang.

    Who is seen before, is still who rang.
    """
    types = {event.type, *(kind for kind, labels in KINDS.items() if event.type in labels)}
    return types | {"doorbell"} if event.presses else types


def identities_of(event: Event) -> set[str]:
    """How the faces of an event were judged; ``nobody`` where there was none."""
    return {identity.decision.value for identity in event.identities} or {NOBODY}


def _listed(values: "frozenset[str] | set[str]") -> str:
    return " or ".join(sorted(values))
