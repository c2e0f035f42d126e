"""The words of a message: templates over the facts of an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

from spyoncino.alerts.rules import Moment, identities_of
from spyoncino.schemas.events import Event

FIELDS: Final = (
    "camera",
    "type",
    "labels",
    "names",
    "identity",
    "zones",
    "time",
    "date",
    "duration",
    "story",
    "mode",
)
"""What a template may have in braces."""


@dataclass(frozen=True, slots=True)
class Words:
    """Title and text of one message."""

    title: str
    text: str


def wrong_field(template: str) -> str:
    """The first thing in braces that no event has, or what else is wrong with a template.

    Returns:
        One sentence; empty when the template is right.
    """
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        return f"{template!r} is no template: {error}"
    for name in names:
        if name not in FIELDS:
            return f"{template!r} has {{{name}}}; there are: {', '.join(FIELDS)}"
    try:  # what stands behind a name, such as {time:%H}, fails only when it is filled in
        template.format_map(dict.fromkeys(FIELDS, ""))
    except (ValueError, LookupError) as error:
        return f"{template!r} cannot be filled in ({error}); write {{name}} and nothing else"
    return ""


def words(event: Event, moment: Moment, camera_name: str, template: str = "") -> Words:
    """What is told about an event now.

    Args:
        event: As far as it is known.
        moment: Around it.
        camera_name: How people call the camera.
        template: Of the text; empty: one sentence about what happened.
    """
    facts = _facts(event, moment, camera_name)
    text = template.format_map(facts) if template else facts["story"]
    return Words(_title(event, camera_name), text)


def _title(event: Event, camera_name: str) -> str:
    who = _who(event)
    if event.presses:
        return f"{who or 'Somebody'} rang at {camera_name}"
    if who:
        return f"{who} at {camera_name}"
    return f"{event.type.capitalize()} at {camera_name}"


def _who(event: Event) -> str:
    names = event.names
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _facts(event: Event, moment: Moment, camera_name: str) -> Mapping[str, str]:
    lasted_s = event.end_s - event.start_s
    zones = sorted({zone for track in event.tracks for zone in track.zones})
    return {
        "camera": camera_name,
        "type": event.type,
        "labels": ", ".join(event.labels),
        "names": ", ".join(event.names),
        "identity": ", ".join(sorted(identities_of(event))),
        "zones": ", ".join(zones),
        "time": f"{moment.local:%H:%M}",
        "date": f"{moment.local:%Y-%m-%d}",
        "duration": f"{lasted_s:.0f} s",
        "story": event.story or _plain_story(event, moment, camera_name),
        "mode": moment.mode.value if moment.mode else "",
    }


def _plain_story(event: Event, moment: Moment, camera_name: str) -> str:
    return f"{_title(event, camera_name)}, {moment.local:%H:%M}"
