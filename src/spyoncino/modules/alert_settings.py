"""Section ``alerts``: the rules as a person writes them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from spyoncino.alerts.restraint import Limits
from spyoncino.alerts.rules import Rule, TimeWindow, When
from spyoncino.alerts.text import wrong_field
from spyoncino.core.config_layers import Location
from spyoncino.core.contracts import Misfit, ModuleSettings
from spyoncino.core.registry import Registry
from spyoncino.core.settings import Settings
from spyoncino.core.settings_group import SettingsGroup
from spyoncino.modules.channel_names import channel_misfits
from spyoncino.schemas.alerts import AlertPriority
from spyoncino.schemas.modes import Mode

MediaName = Literal["snapshot", "gif", "clip"]


def _has_length(window: tuple[time, time] | None) -> tuple[time, time] | None:
    if window is not None and window[0] == window[1]:
        raise ValueError(f"begins and ends at {window[0]:%H:%M}, so it is never; leave it out")
    return window


Window = Annotated[tuple[time, time] | None, AfterValidator(_has_length)]
"""A part of each day; without a length it would hold never, and who wrote it meant always."""


class WhenSettings(SettingsGroup):
    """What an event must be like; what is left out takes anything."""

    types: tuple[str, ...] = Field(
        default=(), description="doorbell, person, car, cat, …; vehicle, animal: any of these."
    )
    labels: tuple[str, ...] = Field(default=(), description="At least one of these was seen.")
    identities: tuple[Literal["known", "unsure", "unknown", "blocked", "nobody"], ...] = Field(
        default=(), description="At least one face was judged so; nobody: no face was seen."
    )
    names: tuple[str, ...] = Field(default=(), description="One of these persons, for certain.")
    zones: tuple[str, ...] = Field(default=(), description="In at least one of these zones.")
    cameras: tuple[str, ...] = Field(default=(), description="At one of these cameras.")
    modes: tuple[Mode, ...] = Field(default=(), description="While one of these modes holds.")
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        default=(), description="On one of these days, local time."
    )
    between: Window = Field(
        default=None, description="Begun at this time of day, such as ['22:00', '06:00']."
    )
    min_duration_s: float = Field(default=0.0, ge=0, description="Once it has lasted so long.")

    def misfits(self, place: Location, house: Settings) -> Iterator[Misfit]:
        """Cameras that the house does not have, and zones that those cameras do not."""
        watched = [
            camera
            for name, camera in house.cameras.items()
            if not self.cameras or name in self.cameras
        ]
        zones = {zone.name for camera in watched for zone in camera.zones}
        for what, named, known in (
            ("camera", self.cameras, house.cameras.keys()),
            ("zone", self.zones, zones),
        ):
            for name in named:
                if name not in known:
                    there = f"there are {', '.join(sorted(known))}" if known else "there is none"
                    sentence = f'no {what} is called "{name}" here; {there}'
                    yield Misfit((*place, f"{what}s"), sentence)

    def to_when(self) -> When:
        """The same as the pure rules want it."""
        return When(
            types=frozenset(self.types),
            labels=frozenset(self.labels),
            identities=frozenset(self.identities),
            names=frozenset(self.names),
            zones=frozenset(self.zones),
            cameras=frozenset(self.cameras),
            modes=frozenset(self.modes),
            days=frozenset(self.days),
            between=None if self.between is None else TimeWindow(*self.between),
            min_duration_s=self.min_duration_s,
        )


class RuleSettings(SettingsGroup):
    """One rule: which events are told, by whom and how."""

    name: str = Field(description="For people; every message and every reason names its rule.")
    when: WhenSettings = Field(default=WhenSettings(), description="Which events.")
    channels: tuple[str, ...] = Field(
        default=(), description="Who tells them; empty: every channel that is enabled."
    )
    priority: AlertPriority = Field(
        default=AlertPriority.NORMAL, description="low, normal, or high: also in quiet hours."
    )
    text: str = Field(
        default="",
        description="Own words with {camera} {type} {names} {time} {zones} {story} …; empty: the "
        "story of the event.",
    )
    media: tuple[MediaName, ...] = Field(
        default=("snapshot", "clip"), description="What is shown, the most wanted first."
    )
    cooldown_s: float = Field(
        default=0.0,
        ge=0,
        description="So long after a message this rule begins no other about the same person, or "
        "of the same camera where nobody is known.",
    )

    @model_validator(mode="after")
    def _text_has_fields_that_exist(self) -> Self:
        if self.text and (problem := wrong_field(self.text)):
            raise ValueError(problem)
        return self

    def to_rule(self, channels: tuple[str, ...]) -> Rule:
        """The same as the pure rules want it.

        Args:
            channels: Those that are enabled; of the named ones the others tell nobody.
        """
        return Rule(
            name=self.name,
            when=self.when.to_when(),
            channels=tuple(name for name in self.channels or channels if name in channels),
            priority=self.priority,
            text=self.text,
            media=self.media,
            cooldown_s=self.cooldown_s,
        )


FIRST_RULES = (
    RuleSettings(
        name="somebody rang",
        when=WhenSettings(types=("doorbell",)),
        priority=AlertPriority.HIGH,
    ),
    RuleSettings(
        name="somebody on the block list",
        when=WhenSettings(identities=("blocked",)),
        priority=AlertPriority.HIGH,
    ),
    RuleSettings(
        name="somebody while nobody is at home",
        when=WhenSettings(types=("person",), modes=(Mode.AWAY, Mode.NIGHT)),
        cooldown_s=60.0,
    ),
)
"""What is told where no rule is written: the bell, the block list, people while nobody watches."""


class AlertSettings(ModuleSettings):
    """Section ``alerts``: which events are told."""

    rules: tuple[RuleSettings, ...] = Field(
        default=FIRST_RULES, description="The first rule that fits decides, for each channel."
    )
    per_minute: int = Field(
        default=6,
        ge=1,
        le=600,
        description="New messages of one camera and channel in a minute; a press is always told.",
    )
    quiet: Window = Field(
        default=None,
        description="Time of day in which only high priority and presses are told, such as "
        "['23:00', '06:30'].",
    )
    digest_every_s: float = Field(
        default=900.0, gt=0, description="How often what was held back is told in one message."
    )
    keep_days: float = Field(
        default=90.0, ge=1, description="How long it is known what was told to whom."
    )

    @model_validator(mode="after")
    def _rules_have_their_own_names(self) -> Self:
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules are named {twice[0]!r}; give each its own name")
        return self

    def misfits(
        self, sections: Mapping[str, ModuleSettings], house: Settings, registry: Registry
    ) -> Iterable[Misfit]:
        """Channels, cameras and zones of rules that are not there; rules that are never asked."""
        for number, rule in enumerate(self.rules):
            place = ("rules", number)
            yield from channel_misfits(rule.channels, (*place, "channels"), sections, registry)
            yield from rule.when.misfits((*place, "when"), house)
            if (taker := self._taker_of_all(number)) is not None:
                sentence = f"it is never asked: {taker.name!r} before it takes every event"
                yield Misfit(place, sentence)

    def _taker_of_all(self, number: int) -> RuleSettings | None:
        """The rule above another that takes whatever that one could, on all its channels."""
        channels = set(self.rules[number].channels)
        for rule in self.rules[:number]:
            has_all = not rule.channels or (channels and channels <= set(rule.channels))
            if rule.when == WhenSettings() and has_all:
                return rule
        return None

    def to_rules(self, channels: tuple[str, ...]) -> tuple[Rule, ...]:
        """The rules as the pure part wants them."""
        return tuple(rule.to_rule(channels) for rule in self.rules)

    def to_limits(self) -> Limits:
        """The limits as the pure part wants them."""
        quiet = None if self.quiet is None else TimeWindow(*self.quiet)
        return Limits(per_minute=self.per_minute, quiet=quiet)
