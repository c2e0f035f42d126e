"""One layer of configuration: raw values and where each of them was written.

Layers are merged by Dynaconf: groups are joined key by key, everything else (also a list) is
replaced by the later layer. Its value casting is switched off, so that ``@jinja`` or ``@format`` in
a value stay plain text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dynaconf import Dynaconf

Location = tuple[str | int, ...]
"""Keys and list places from the root to a value."""

_ROOT = "CONFIGURATION"
"""Everything is merged below one key: names at Dynaconf's own top level have meanings of theirs."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written.

    Args:
        place: File, name of a variable, or other words a person can find it by.
        line: Line in the file, from 1; 0 where there are no lines.
        folder: What relative paths written there are relative to.
    """

    place: str
    line: int = 0
    folder: Path | None = None

    def __str__(self) -> str:
        """``spyoncino.yaml:12``, or the place alone."""
        return f"{self.place}:{self.line}" if self.line else self.place


def nearest_origin(origins: "Mapping[Location, Origin]", location: Location) -> Origin | None:
    """Where a value, or the closest group around it, was written; ``None``: it is a default."""
    for depth in range(len(location), 0, -1):
        if location[:depth] in origins:
            return origins[location[:depth]]
    return None


@dataclass(slots=True)
class Layer:
    """Values of one file, of the environment or of the command line."""

    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[Location, Origin] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any], origin: Origin) -> "Layer":
        """A layer whose values all come from one place."""
        layer = cls(dict(data))
        for location, _ in walk(layer.data):
            layer.origins[location] = origin
        return layer


def walk(value: Any, location: Location = ()) -> Iterator[tuple[Location, Any]]:
    """Every value of a tree with its location, groups and lists before what they hold."""
    if location:
        yield location, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from walk(inner, (*location, key))
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            yield from walk(inner, (*location, place))


def has_part(data: Any, part: str | int) -> bool:
    """Whether a raw value has something at this key or list place."""
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data)


def merge_layers(layers: Sequence[Layer]) -> Layer:
    """All layers as one; later ones win."""
    merger = Dynaconf(
        core_loaders=[],
        loaders=[],
        settings_files=[],
        envvar_prefix=None,
        environments=False,
        load_dotenv=False,
        auto_cast=False,
        dotted_lookup=False,
        nested_separator=None,
        merge_enabled=True,
    )
    origins: dict[Location, Origin] = {}
    groups: set[Location] = set()
    for layer in layers:
        merger.update({_ROOT: _with_wholes(layer.data)}, merge=True, dotted_lookup=False)
        for location, value in walk(layer.data):
            is_group = isinstance(value, Mapping)
            if is_group and location in groups:
                continue  # a group is where it was begun
            if location in origins:
                _forget(origins, location)
                groups -= {known for known in groups if known not in origins}
            origins[location] = layer.origins[location]
            if is_group:
                groups.add(location)
    return Layer(_plain(merger.as_dict().get(_ROOT, {})), origins)


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    """A list on its way through Dynaconf, which would append one list to another."""

    items: Sequence[Any]


def _with_wholes(value: Any) -> Any:
    """The same tree with every list hidden from Dynaconf."""
    if isinstance(value, Mapping):
        return {key: _with_wholes(inner) for key, inner in value.items()}
    return _Whole(value) if isinstance(value, (list, tuple)) else value


def _plain(value: Any) -> Any:
    """The same tree in plain dictionaries and lists."""
    if isinstance(value, _Whole):
        value = value.items
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _forget(origins: dict[Location, Origin], location: Location) -> None:
    """A later layer replaced this value: it and what lay inside are gone."""
    depth = len(location)
    for known in [known for known in origins if known[:depth] == location]:
        del origins[known]
