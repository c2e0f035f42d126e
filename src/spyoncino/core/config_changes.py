"""Changes of a configuration as nested keys; ``None`` takes a key back to its default.

Groups are joined key by key, lists and values are replaced: the merge patch of RFC 7396.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from spyoncino.core.config_layers import Layer, Location, Origin, has_part, walk


def patched(data: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The tree with the changes; the given one stays as it is."""
    result = dict(data) if isinstance(data, Mapping) else {}
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            result[key] = patched(result.get(key), value)
        else:
            result[key] = value
    return result


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that make ``new`` of ``old``."""
    changes: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if key not in old or type(before) is not type(value) or before != value:
            if isinstance(before, Mapping) and isinstance(value, Mapping):
                changes[key] = difference(before, value)
            else:
                changes[key] = value
    return changes


def without(changes: Mapping[str, Any], locations: set[Location]) -> dict[str, Any]:
    """The changes without those at, below or around these locations."""

    def kept(group: Mapping[str, Any], above: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in group.items():
            here = (*above, key)
            if any(here[: len(one)] == one for one in locations):
                continue
            if isinstance(value, Mapping):
                inside = kept(value, here)
                if inside or not value:
                    result[key] = inside
            elif not any(one[: len(here)] == here for one in locations):
                result[key] = value
        return result

    return kept(changes, ())


def leaves(changes: Mapping[str, Any], above: Location = ()) -> Iterator[tuple[Location, Any]]:
    """Every key that is changed, with its new value; an empty group counts as a value."""
    for key, value in changes.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def with_changes(layer: Layer, changes: Mapping[str, Any], origin: Origin) -> Layer:
    """Merged layers with changes on top of them, and where each value now comes from.

    Args:
        layer: The merged layers; stays as it is.
        changes: Nested keys.
        origin: Where the changes come from.
    """
    data = patched(layer.data, changes)
    origins = {
        location: place for location, place in layer.origins.items() if _is_there(data, location)
    }
    for location, value in leaves(changes):
        if value is None:
            continue
        for depth in range(1, len(location)):
            origins.setdefault(location[:depth], origin)
        for inside, _ in walk(value, location):
            origins[inside] = origin
    return Layer(data, origins)


def _is_there(data: Any, location: Location) -> bool:
    for part in location:
        if not has_part(data, part):
            return False
        data = data[part]
    return True
