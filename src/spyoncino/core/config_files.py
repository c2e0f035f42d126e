"""YAML files as layers: found in the usual places, read with the line of every key.

Scalars are read as YAML 1.2 has them: only ``true`` and ``false`` are truth values, so that a
setting may be ``off`` without quotes, and ``14:03`` is not a number.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_config_path

from spyoncino.core.config_layers import Layer, Location, Origin
from spyoncino.errors import ConfigError

FILE_NAME = "spyoncino.yaml"
MAX_FILE_BYTES = 4_000_000
"""Beyond this it is no configuration but a mistake (the default file has 20 kB)."""

_TAG = "tag:yaml.org,2002:"


class _Reader(yaml.SafeLoader):
    """PyYAML's safe loader with the truth values and numbers of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML has it


for _name, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    ("merge", r"^<<$", "<"),
):
    _letters = [letter if letter != "\0" else "" for letter in _first]
    _Reader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(_pattern), _letters)


_Reader.add_constructor(f"{_TAG}int", lambda _, node: int(node.value))


def find_user_file(
    wanted: Path | None, working_folder: Path, config_home: Path | None = None
) -> Path | None:
    """The user's file: the one asked for, else the one here, else the platform's.

    Args:
        wanted: From ``--config`` or ``SPYONCINO_CONFIG``.
        working_folder: Where ``./spyoncino.yaml`` is looked for.
        config_home: The platform's folder, for tests.

    Raises:
        ConfigError: The wanted file is not there.
    """
    if wanted is not None:
        path = wanted.expanduser()
        if not path.is_file():
            raise ConfigError(
                f"{path}: there is no such configuration file; check --config, "
                "or write one with `spyoncino config init`"
            )
        return path
    home = config_home or user_config_path("spyoncino", appauthor=False)
    candidates = (working_folder / FILE_NAME, home / FILE_NAME)
    return next((path for path in candidates if path.is_file()), None)


def environment_file(user_file: Path, name: str) -> Path:
    """``spyoncino.<name>.yaml`` beside the user's file, for ``SPYONCINO_ENV=<name>``.

    Raises:
        ConfigError: There is none.
    """
    path = user_file.with_name(f"{user_file.stem}.{name}{user_file.suffix}")
    if not path.is_file():
        raise ConfigError(
            f"{path}: there is no such file, but SPYONCINO_ENV={name} asks for it; "
            "create it or unset SPYONCINO_ENV"
        )
    return path


def read_yaml(path: Path) -> Layer:
    """Read one file.

    Raises:
        ConfigError: It cannot be read, is not YAML, or has a key twice; with file and line.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(
                f"{path}: is larger than {MAX_FILE_BYTES} bytes; it is no settings file"
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check it") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    return read_yaml_text(text, str(path), path.absolute().parent)


def read_yaml_text(text: str, place: str, folder: Path | None = None) -> Layer:
    """Read YAML text that was written at a place.

    Raises:
        ConfigError: As ``read_yaml``.
    """
    reader: _Reader | None = None
    try:
        reader = _Reader(text)
        node = reader.get_single_node()
        if node is None:
            return Layer()
        tree = _Tree(reader, place, folder)
        data = tree.value(node, ())
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax_sentence(error, place)) from error
    except yaml.YAMLError as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{place}: is not YAML ({reason})") from error
    except RecursionError as error:
        raise ConfigError(f"{place}: is nested too deeply") from error
    finally:
        if reader is not None:
            reader.dispose()
    if data is None:
        return Layer()
    if not isinstance(data, dict):
        raise ConfigError(
            f"{place}:{node.start_mark.line + 1}: a configuration is a group of settings "
            f'("key: value" lines), but here is {_kind(data)}'
        )
    return Layer(data, tree.origins)


def compose_yaml(text: str) -> yaml.Node | None:
    """The nodes of YAML text with their places in it; ``None`` for an empty document.

    Raises:
        yaml.YAMLError: It is not YAML.
    """
    reader = _Reader(text)
    try:
        node: yaml.Node | None = reader.get_single_node()
    finally:
        reader.dispose()
    return node


class YamlWriter(yaml.SafeDumper):
    """Writes values so that this file's rules of reading give the same ones back."""


for _letter, _rules in _Reader.yaml_implicit_resolvers.items():
    for _tag, _rule in _rules:
        if _tag != f"{_TAG}merge":
            YamlWriter.add_implicit_resolver(_tag, _rule, [_letter])


class _Tree:
    """Builds plain values from YAML nodes and notes the line of each."""

    def __init__(self, reader: _Reader, place: str, folder: Path | None) -> None:
        self._reader = reader
        self._place = place
        self._folder = folder
        self._open: set[int] = set()
        self.origins: dict[Location, Origin] = {}

    def value(self, node: yaml.Node, location: Location) -> Any:
        """The value of a node; notes where everything inside it stands."""
        if id(node) in self._open:
            raise ConfigError(f"{self._at(node)}: an alias (*) contains itself; write it out")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, location)
            if isinstance(node, yaml.SequenceNode):
                return [self._item(item, (*location, i)) for i, item in enumerate(node.value)]
            return self._reader.construct_object(node)
        finally:
            self._open.discard(id(node))

    def _item(self, node: yaml.Node, location: Location) -> Any:
        self.origins[location] = self._origin(node)
        return self.value(node, location)

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        self._refuse_doubles(node)
        self._reader.flatten_mapping(node)
        group: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            self.origins[(*location, key)] = self._origin(key_node)
            group[key] = self.value(value_node, (*location, key))
        return group

    def _refuse_doubles(self, node: yaml.MappingNode) -> None:
        lines: dict[str, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == f"{_TAG}merge":
                continue
            key = self._key(key_node)
            if key.lower() in lines:
                raise ConfigError(
                    f'{self._at(key_node)}: "{key}" is written twice, first in line '
                    f"{lines[key.lower()]}; keep one of them"
                )
            lines[key.lower()] = key_node.start_mark.line + 1

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise ConfigError(f"{self._at(node)}: a key must be one word, not a list or a group")
        if node.tag != f"{_TAG}str":
            raise ConfigError(
                f'{self._at(node)}: the key {node.value} must be text: "{node.value}"'
            )
        return str(node.value)

    def _origin(self, node: yaml.Node) -> Origin:
        return Origin(self._place, node.start_mark.line + 1, self._folder)

    def _at(self, node: yaml.Node) -> str:
        return str(self._origin(node))


def _syntax_sentence(error: yaml.MarkedYAMLError, place: str) -> str:
    mark = error.problem_mark or error.context_mark
    at = f"{place}:{mark.line + 1}" if mark else place
    reason = error.problem or error.context or "it cannot be parsed"
    if "\\t" in reason:
        reason = "there is a tab; indent with spaces"
    elif "mapping values are not allowed" in reason:
        reason = (
            "there is a colon where none can be; check the indentation, and put text that "
            "contains a colon in quotes"
        )
    elif "constructor" in reason and "tag" in reason:
        reason = f"{reason}; tags (!) are not supported"
    return f"{at}: this is not YAML: {reason}"


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    return "a group" if isinstance(value, Mapping) else f"only {value!r}"
