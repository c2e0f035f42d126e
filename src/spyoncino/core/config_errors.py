"""From Pydantic's errors to one sentence each: place, key, what was wrong, what would be right."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from spyoncino.core.config_layers import Layer, Location, has_part, nearest_origin
from spyoncino.core.config_schema import SchemaReader
from spyoncino.core.config_secrets import is_secret_key, shown
from spyoncino.core.logs import MASK

MAX_SHOWN_CHARACTERS = 60
"""Longer values are cut in a sentence."""


class ConfigSentences:
    """Writes the sentences for one document.

    Args:
        model: The composed model of the configuration.
        layer: The merged values and where each was written.
        camera_sections: Sections that a camera may override.
    """

    def __init__(
        self, model: type[BaseModel], layer: Layer, camera_sections: Iterable[str] = ()
    ) -> None:
        self._reader = SchemaReader(model.model_json_schema())
        self._layer = layer
        self._camera_sections = frozenset(camera_sections)

    def of(self, error: ValidationError, below: Location = ()) -> list[str]:
        """One sentence for each wrong setting, in the order of the document.

        Args:
            error: What Pydantic said about the document, or about a part of it.
            below: Location of that part.
        """
        grouped: dict[Location, list[ErrorDetails]] = {}
        for details in error.errors():
            location = below + self._data_location((*below, *details["loc"]), details)[len(below) :]
            grouped.setdefault(location, []).append(details)
        ordered = sorted(grouped.items(), key=lambda item: self._line(item[0]))
        return [self._sentence(location, group) for location, group in ordered]

    def at(self, location: Location) -> str:
        """Place and key of a value: ``spyoncino.yaml:3: cameras.door``."""
        origin = nearest_origin(self._layer.origins, location)
        return f"{origin}: {dotted(location)}" if origin else dotted(location)

    def _line(self, location: Location) -> tuple[str, int]:
        origin = nearest_origin(self._layer.origins, location)
        return (origin.place, origin.line) if origin else ("", 0)

    def _data_location(self, loc: Location, details: ErrorDetails) -> Location:
        """Pydantic's location without the names of union branches that it mixes in."""
        found: list[str | int] = []
        data: Any = self._layer.data
        for place, part in enumerate(loc):
            is_last = place == len(loc) - 1
            if has_part(data, part):
                data = data[part]
            elif not (is_last and details["type"] == "missing"):
                continue
            found.append(part)
        return tuple(found)

    def _sentence(self, location: Location, group: list[ErrorDetails]) -> str:
        details = group[0]
        kind = details["type"]
        if kind == "extra_forbidden":
            return self._unknown(location)
        if kind == "missing":
            return self._missing(location)
        if details["loc"] and details["loc"][-1] == "[key]":
            rule = self._key_rule(details)
            return f'{self.at(location)}: the name "{location[-1]}" {rule}'
        if kind in ("value_error", "assertion_error"):
            reason = str(details.get("ctx", {}).get("error", details["msg"]))
            return f"{self.at(location)}: {reason.rstrip('.')}"
        if kind in ("union_tag_not_found", "union_tag_invalid"):
            return self._wrong_type(location, details)
        return self._wrong_value(location, group)

    def _unknown(self, location: Location) -> str:
        *group, key = location
        parent = tuple(group)
        known = self._reader.keys(parent, self._layer.data)
        where = f"a setting of {dotted(parent)}" if parent else "a setting"
        sentence = f"{self.at(location)}: there is no such setting"
        if len(parent) == 2 and parent[0] == "cameras" and key in self._reader.keys((), {}):
            return f'{sentence}; "{key}" can only be set for all cameras, at the top level'
        near = difflib.get_close_matches(str(key), known, n=1)
        if near:
            return f'{sentence}; did you mean "{near[0]}"?'
        homes = self._reader.homes_of(str(key)) if not parent else []
        if homes:
            return f'{sentence}; did you mean "{key}" inside "{homes[0]}"?'
        return f"{sentence}; {where} is one of {', '.join(known)}" if known else sentence

    def _missing(self, location: Location) -> str:
        schema = self._reader.at(location, self._layer.data)
        parent = nearest_origin(self._layer.origins, location)
        place = f"{parent}: " if parent else ""
        if self._reader.is_secret(schema) or is_secret_key(location[-1]):
            variable = "SPYONCINO_" + "__".join(str(part) for part in location).upper()
            return (
                f"{place}{dotted(location)} is missing; it is a secret, so write {variable}=… "
                f"into the .env file, or name a file with it in {variable}_FILE"
            )
        right = self._reader.expectation(schema)
        return f"{place}{dotted(location)} is missing" + (f"; it must be {right}" if right else "")

    def _wrong_type(self, location: Location, details: ErrorDetails) -> str:
        context = details.get("ctx", {})
        key = str(context.get("discriminator", "type")).strip("'")
        choices = self._reader.choices(self._reader.at(location, self._layer.data))
        given = context.get("tag")
        if given is None:
            return f'{self.at(location)}: "{key}" is missing; it must be {_one_of(choices)}'
        at = self.at((*location, key))
        return f'{at} is "{given}", but must be {_one_of(choices)}{_near(str(given), choices)}'

    def _wrong_value(self, location: Location, group: list[ErrorDetails]) -> str:
        value = group[0]["input"]
        schema = self._reader.at(location, self._layer.data)
        hidden = self._reader.is_secret(schema) or any(is_secret_key(key) for key in location)
        said = f'"{MASK}"' if hidden else _said(value, location)
        right = self._reader.expectation(schema)
        if not right:
            return f"{self.at(location)} is {said}: {group[0]['msg']}"
        near = "" if hidden else _near(str(value), self._reader.choices(schema))
        return f"{self.at(location)} is {said}, but must be {right}{near}"

    @staticmethod
    def _key_rule(details: ErrorDetails) -> str:
        if details["type"] == "string_pattern_mismatch":
            return "must begin with a small letter or digit; then small letters, digits, _ and -"
        return f"is not allowed: {details['msg']}"


def dotted(location: Location) -> str:
    """``cameras.door.zones[0].name``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _said(value: Any, location: Location) -> str:
    if isinstance(value, Mapping):
        return "a group of settings"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if value is None:
        return "empty"
    text = str(shown(value, location[-1] if location else ""))
    if len(text) > MAX_SHOWN_CHARACTERS:
        text = text[:MAX_SHOWN_CHARACTERS] + "…"
    return (
        text.lower() if isinstance(value, bool) else f'"{text}"' if isinstance(value, str) else text
    )


def _one_of(choices: list[str]) -> str:
    return f"one of {', '.join(choices)}" if len(choices) > 1 else "".join(choices)


def _near(given: str, choices: list[str]) -> str:
    by_letters = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(given.lower(), by_letters, n=1)
    return f'; did you mean "{by_letters[near[0]]}"?' if near else ""
