"""What the rules would have told of events that are over."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from spyoncino.alerts.restraint import Restraint
from spyoncino.alerts.rules import Moment, Rule, matching, why_not
from spyoncino.schemas.events import Event
from spyoncino.schemas.modes import Mode


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One event and what would have become of it.

    Args:
        event: As it was in the end.
        told: Channel to the name of the rule.
        silent: Otherwise the reasons: what held it back, else one of each rule.
    """

    event: Event
    told: dict[str, str]
    silent: tuple[str, ...]


def rehearse(
    events: Iterable[Event], rules: Sequence[Rule], restraint: Restraint, mode: Mode
) -> Iterator[Rehearsed]:
    """Let events pass by the rules once more, the oldest first.

    Args:
        events: As they were in the end; who was recognised late counts from the beginning.
        rules: The rules.
        restraint: That has told nothing yet.
        mode: Taken to have held all the time: which one did is not kept.
    """
    for event in sorted(events, key=lambda each: each.started_at):
        local = event.started_at.astimezone()
        moment = Moment(local, mode)
        chosen = matching(rules, event, moment)
        told, held = _restrained(restraint, event, chosen, local)
        silent = tuple(held)
        if not told and not held:
            silent = tuple(
                f"{rule.name}: {why_not(rule.when, event, moment) or 'no enabled channel'}"
                for rule in rules
            )
        yield Rehearsed(event, told, silent)


def _restrained(
    restraint: Restraint, event: Event, chosen: dict[str, Rule], local: datetime
) -> tuple[dict[str, str], list[str]]:
    now_s = event.started_at.timestamp()
    told: dict[str, str] = {}
    held: list[str] = []
    for channel, rule in chosen.items():
        reason = restraint.why_not(rule, channel, event, local, now_s)
        if reason:
            held.append(f"held back from {channel}: {reason}")
        else:
            restraint.told(rule, channel, event, now_s)
            told[channel] = rule.name
    return told, held
