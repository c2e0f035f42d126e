"""Changes single settings in the text of a YAML file; every other character stays as it is.

The text is cut where the parser says that a value begins and ends, so comments, order, quotes and
blank lines outside the changed values survive. What comes out is read again and compared: an edit
that would say anything else than what was meant is refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from spyoncino.core.config_changes import leaves, patched
from spyoncino.core.config_errors import dotted
from spyoncino.core.config_files import YamlWriter, compose_yaml, read_yaml_text
from spyoncino.core.config_layers import Location, has_part
from spyoncino.errors import ConfigError

INDENT = 2
BYTE_ORDER_MARK = "\ufeff"


class _CannotEditError(Exception):
    """The place is written in a form that cannot be changed without losing it."""


def edited(text: str, changes: Mapping[str, Any], place: str) -> str:
    """The text with the changes written into it.

    Args:
        text: Of a configuration file.
        changes: Nested keys; ``None`` removes a key.
        place: Name of the file, for the sentence.

    Raises:
        ConfigError: The file is not YAML, or a change cannot be written without spoiling it.
    """
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    text = text.removeprefix(BYTE_ORDER_MARK)
    before = read_yaml_text(text, place).data
    wanted = patched(before, changes)
    location: Location = ()
    try:
        for location, value in _edits(before, changes):
            text = _removed(text, location) if value is None else _set(text, location, value)
        if read_yaml_text(text, place).data == wanted:
            return mark + text
    except (_CannotEditError, yaml.YAMLError, ConfigError):
        pass
    raise ConfigError(
        f"{place}: {dotted(location)} is written in a form that cannot be changed by a program "
        "without spoiling it; change it by hand"
    )


def _edits(before: Any, changes: Mapping[str, Any]) -> Iterator[tuple[Location, Any]]:
    """The changes as single values, as deep inside lists as both sides have the same shape."""
    for location, value in leaves(changes):
        data: Any = before
        for part in location:
            data = data[part] if has_part(data, part) else None
        if value is None and not _is_there(before, location):
            continue
        yield from _refined(location, data, value)


def _is_there(data: Any, location: Location) -> bool:
    for part in location:
        if not has_part(data, part):
            return False
        data = data[part]
    return True


def _refined(location: Location, old: Any, new: Any) -> Iterator[tuple[Location, Any]]:
    if isinstance(old, list) and isinstance(new, (list, tuple)) and len(old) == len(new):
        for place, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from _refined((*location, place), left, right)
    elif isinstance(old, dict) and isinstance(new, dict) and location and old and new:
        for key in [key for key in old if key not in new]:
            yield (*location, key), None
        for key, value in new.items():
            if key not in old:
                yield (*location, key), value
            else:
                yield from _refined((*location, key), old[key], value)
    elif type(old) is not type(new) or old != new:
        yield location, new


# --- places in the text --------------------------------------------------------------------------


def _found(text: str, location: Location) -> list[tuple[yaml.Node | None, yaml.Node]]:
    """Key and value nodes on the way to a location, as far as it is there."""
    root = compose_yaml(text)
    if root is None:
        return []
    way: list[tuple[yaml.Node | None, yaml.Node]] = [(None, root)]
    for part in location:
        node = way[-1][1]
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == part), None)
            if pair is None:
                break
            way.append(pair)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            way.append((None, node.value[part]))
        else:
            break
    return way


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.start_mark.index == node.end_mark.index


def _end(text: str, node: yaml.Node) -> int:
    """Index behind the last character of a value, without what only follows it."""
    end: int = node.end_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        if isinstance(node, yaml.MappingNode):
            key, value = last
            return _colon(text, key) if _is_empty(value) else _end(text, value)
        return _end(text, last)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return node.start_mark.index + len(text[node.start_mark.index : end].rstrip())
    return end


def _colon(text: str, key: yaml.Node) -> int:
    """Index behind the colon of a key."""
    return text.index(":", key.end_mark.index) + 1


def _line_end(text: str, index: int) -> int:
    """Index of the end of the line, in front of its line break."""
    end = text.find("\n", index)
    if end < 0:
        return len(text)
    return end - 1 if text[end - 1 : end] == "\r" else end


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


# --- edits ---------------------------------------------------------------------------------------


def _set(text: str, location: Location, value: Any) -> str:
    way = _found(text, location)
    if not way:
        line = _pair(location[0], _nested(location[1:], value), 0, _line_break(text))
        gap = "" if not text or text.endswith("\n") else _line_break(text)
        return f"{text}{gap}{line}{_line_break(text)}"
    depth = len(way) - 1
    key, node = way[-1]
    if depth == len(location):
        return _replaced(text, key, node, value)
    rest = _nested(location[depth + 1 :], value)
    if isinstance(node, yaml.MappingNode) and node.value:
        return _inserted(text, node, location[depth], rest)
    return _replaced(text, key, node, {str(location[depth]): rest})


def _nested(keys: Location, value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _replaced(text: str, key: yaml.Node | None, node: yaml.Node, value: Any) -> str:
    start, end = node.start_mark.index, _end(text, node)
    is_flow = not isinstance(node, yaml.CollectionNode) or bool(node.flow_style)
    if key is None or (is_flow and not _is_empty(node) and not isinstance(value, (dict, list))):
        return text[:start] + _flow(value) + text[end:]
    colon = _colon(text, key)
    in_flow = start == key.start_mark.index
    if _is_empty(node):
        start = end = colon
    between = text[colon:start].rstrip()
    inside = _inline(value)
    if inside is None and not in_flow and "#" not in between and _stands_alone(text, key):
        body = _block(value, key.start_mark.column + INDENT, _line_break(text))
        return text[:colon] + between + _line_break(text) + body + text[end:]
    return f"{text[:colon]} {inside or _flow(value)}{between}{text[end:]}"


def _stands_alone(text: str, key: yaml.Node) -> bool:
    """Whether nothing but spaces and dashes stands before the key: it is in no flow group."""
    line = text.rfind("\n", 0, key.start_mark.index) + 1
    return not text[line : key.start_mark.index].strip(" -")


def _inserted(text: str, group: yaml.MappingNode, key: Any, value: Any) -> str:
    if group.flow_style:
        at = group.end_mark.index - 1
        return f"{text[:at]}, {_flow({key: value})[1:-1]}{text[at:]}"
    at = _line_end(text, _end(text, group))
    column = group.value[0][0].start_mark.column
    return (
        f"{text[:at]}{_line_break(text)}{_pair(key, value, column, _line_break(text))}{text[at:]}"
    )


def _removed(text: str, location: Location) -> str:
    way = _found(text, location)
    key, node = way[-1]
    group = way[-2][1]
    if key is None or not isinstance(group, yaml.MappingNode):
        raise _CannotEditError
    if len(group.value) == 1 and len(location) > 1:
        return _replaced(text, way[-2][0], group, {})
    if group.flow_style:
        return _removed_in_flow(text, group, key)
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    if text[start : key.start_mark.index].strip():
        raise _CannotEditError
    end = text.find("\n", _colon(text, key) if _is_empty(node) else _end(text, node))
    return text[:start] + (text[end + 1 :] if end >= 0 else "")


def _removed_in_flow(text: str, group: yaml.MappingNode, key: yaml.Node) -> str:
    pairs = group.value
    place = next(i for i, pair in enumerate(pairs) if pair[0] is key)
    if place + 1 < len(pairs):
        return text[: key.start_mark.index] + text[pairs[place + 1][0].start_mark.index :]
    return text[: pairs[place - 1][1].end_mark.index] + text[pairs[place][1].end_mark.index :]


# --- values as text ------------------------------------------------------------------------------


def _dumped(value: Any, *, flow: bool | None) -> str:
    text: str = yaml.dump(
        value,
        Dumper=YamlWriter,
        default_flow_style=flow,
        sort_keys=False,
        allow_unicode=True,
        width=1_000_000,
    )
    return text.removesuffix("...\n").strip("\n")


def _flow(value: Any) -> str:
    return _dumped(value, flow=True)


def _inline(value: Any) -> str | None:
    """The value on the line of its key; ``None`` when it is better written below."""
    if not isinstance(value, (dict, list)) or not value:
        return _flow(value)
    text = _dumped(value, flow=None)
    return text if text[0] in "[{" else None


def _block(value: Any, column: int, line_break: str) -> str:
    lines = _dumped(value, flow=None).split("\n")
    return line_break.join(f"{' ' * column}{line}" for line in lines)


def _pair(key: Any, value: Any, column: int, line_break: str) -> str:
    return (
        _block({key: value}, column, line_break)
        if _inline(value) is None
        else (f"{' ' * column}{_flow(key)}: {_inline(value)}")
    )
