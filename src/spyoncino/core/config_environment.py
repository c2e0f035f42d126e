"""Variables and secrets as layers: ``SPYONCINO_…``, a ``.env`` file, files named by ``…_FILE``.

``SPYONCINO_CAMERAS__DOOR__ANALYSIS_FPS=10`` sets ``cameras.door.analysis_fps``: two underscores
step into a group. A value that begins with ``[`` or ``{`` is read as YAML; every other value is
text that the setting's type converts.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spyoncino.core.config_files import read_yaml_text
from spyoncino.core.config_layers import Layer, Location, Origin
from spyoncino.errors import ConfigError

PREFIX = "SPYONCINO_"
CONFIG_VARIABLE = "SPYONCINO_CONFIG"
ENVIRONMENT_VARIABLE = "SPYONCINO_ENV"
DOTENV_NAME = ".env"

NOT_SETTINGS = frozenset({CONFIG_VARIABLE, ENVIRONMENT_VARIABLE, "SPYONCINO_TESTDATA"})
"""Variables with the prefix that are no settings."""

ALIASES: Mapping[str, str] = {
    "HEALTH_CHECK_INTERVAL": "SPYONCINO_HEALTH__INTERVAL_S",
    "AUTO_RECOVERY_ENABLED": "SPYONCINO_HEALTH__AUTO_RECOVERY",
    "MAX_RESTART_ATTEMPTS": "SPYONCINO_HEALTH__MAX_RESTART_ATTEMPTS",
    "CPU_THRESHOLD": "SPYONCINO_HEALTH__CPU_THRESHOLD",
    "MEMORY_THRESHOLD": "SPYONCINO_HEALTH__MEMORY_THRESHOLD",
    "WORKER_COUNT": "SPYONCINO_POOL__WORKERS",
    "FACE_RECOGNITION_TOLERANCE": "SPYONCINO_RECOGNITION__TOLERANCE",
}
"""Older names without prefix; the name with the prefix wins."""

_SECRET_FILE = re.compile(r"[^_]_FILE$")
_ASSIGNMENT = re.compile(r"^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$")


def read_variables(variables: Mapping[str, str], folder: Path) -> Layer:
    """The settings among environment variables.

    Args:
        variables: The environment.
        folder: What relative paths in them are relative to.

    Raises:
        ConfigError: A value that looks like a list or group is none, or two variables contradict.
    """
    layer = Layer()
    for alias, name in ALIASES.items():
        if alias in variables and name not in variables:
            origin = Origin(f"environment variable {alias}", folder=folder)
            _put(layer, name, variables[alias], origin)
    for name in sorted(variables):
        if _is_setting(name) and not _SECRET_FILE.search(name):
            origin = Origin(f"environment variable {name}", folder=folder)
            _put(layer, name, variables[name], origin)
    return layer


def read_secret_files(variables: Mapping[str, str], folder: Path) -> Layer:
    """Secrets in files of their own: ``SPYONCINO_<KEY>_FILE`` names the file of ``<KEY>``.

    Raises:
        ConfigError: Such a file cannot be read.
    """
    layer = Layer()
    for name in sorted(variables):
        if _is_setting(name) and _SECRET_FILE.search(name):
            origin = Origin(f"environment variable {name}", folder=folder)
            _put_from_file(layer, name, variables[name], origin)
    return layer


def read_dotenv(path: Path) -> Layer:
    """The settings in a ``.env`` file; an empty layer where there is none.

    Raises:
        ConfigError: A line is no assignment, or the file cannot be read.
    """
    layer = Layer()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return layer
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text; check its permissions") from error
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = _ASSIGNMENT.match(stripped)
        if found is None:
            raise ConfigError(f"{path}:{number}: this is not NAME=value")
        name, value = found[1], _unquoted(found[2])
        origin = Origin(str(path), number, path.absolute().parent)
        if _is_setting(name) and _SECRET_FILE.search(name):
            _put_from_file(layer, name, value, origin)
        elif _is_setting(name):
            _put(layer, name, value, origin)
    return layer


def _is_setting(name: str) -> bool:
    return name.startswith(PREFIX) and name not in NOT_SETTINGS


def _unquoted(value: str) -> str:
    """A value without its quotes, or without a comment that follows it."""
    if len(value) >= 2 and value[0] in "\"'":
        closing = value.find(value[0], 1)
        if closing > 0:
            return value[1:closing]
    return re.split(r"\s+#", value, maxsplit=1)[0].strip()


def _put_from_file(layer: Layer, name: str, file: str, origin: Origin) -> None:
    path = (origin.folder or Path()) / Path(file).expanduser()
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{origin}: {name} names the file {path}, which cannot be read; "
            "check that it exists and that this user may read it"
        ) from error
    _put(layer, name.removesuffix("_FILE"), secret, origin, is_text=True)


def _put(layer: Layer, name: str, text: str, origin: Origin, *, is_text: bool = False) -> None:
    """Write one variable into the tree of a layer."""
    keys = name.removeprefix(PREFIX).lower().split("__")
    if not all(keys):
        raise ConfigError(f"{origin}: between two double underscores must be a name")
    group: dict[str, Any] = layer.data
    for depth, key in enumerate(keys[:-1], start=1):
        inner = group.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                f"{origin}: sets a key inside {'.'.join(keys[:depth])}, "
                "which another variable sets as a whole; use one of them"
            )
        layer.origins.setdefault(tuple(keys[:depth]), origin)
        group = inner
    if isinstance(group.get(keys[-1]), dict):
        raise ConfigError(
            f"{origin}: sets {'.'.join(keys)} as a whole, while another variable sets "
            "a key inside it; use one of them"
        )
    location: Location = tuple(keys)
    if not is_text and text.lstrip()[:1] in ("[", "{"):
        inner_layer = _yaml_value(name, text, origin)
        group[keys[-1]] = inner_layer.data["value"]
        for inner_location in inner_layer.origins:
            layer.origins[location + inner_location[1:]] = origin
    else:
        group[keys[-1]] = text
    layer.origins[location] = origin


def _yaml_value(name: str, text: str, origin: Origin) -> Layer:
    """A list or group that a variable holds, as the value of the one key ``value``.

    Raises:
        ConfigError: It is none. What is wrong with it is not quoted: it may be a secret.
    """
    try:
        return read_yaml_text(f"value: {text}", str(origin), origin.folder)
    except ConfigError:
        key = ".".join(name.removeprefix(PREFIX).lower().split("__"))
        raise ConfigError(
            f"{origin}: {name} sets {key} and begins with {text.lstrip()[0]}, so it is read as a "
            f"list or group of YAML, which it is not; correct it, or if it is text (a password), "
            f"put it into a file of its own and name that in {name}_FILE"
        ) from None
