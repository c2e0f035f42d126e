"""Versions of payloads and topics: what is tolerated, what is refused, how names carry them.

A payload grows by fields with defaults: its ``schema_version`` goes up, older readers ignore what
they do not know. A change that older readers cannot bear gets a topic of its own instead:
``process.detected`` becomes ``process.detected.v2``.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from spyoncino.errors import WiringError
from spyoncino.schemas.base import Payload

P = TypeVar("P", bound=Payload)

_VERSIONED = re.compile(r"(?P<base>.+)\.v(?P<version>[2-9]|[1-9]\d+)")


def split_version(name: str) -> tuple[str, int]:
    """Name without its version, and the version: ``process.detected.v2`` has 2, no suffix is 1."""
    found = _VERSIONED.fullmatch(name)
    return (found["base"], int(found["version"])) if found else (name, 1)


def versioned_name(name: str, version: int) -> str:
    """The name of a topic in this version; the first one has no suffix.

    Raises:
        WiringError: The version is below 1.
    """
    if version < 1:
        raise WiringError(f"{name} cannot have the version {version}; versions count from 1.")
    base, _ = split_version(name)
    return base if version == 1 else f"{base}.v{version}"


def current_version(model: type[Payload]) -> int:
    """The version that this program writes."""
    return int(model.model_fields["schema_version"].default)


def schema_version_of(payload: Payload | Mapping[str, Any]) -> int:
    """The version that a payload says it has; 1 when it says nothing.

    Raises:
        WiringError: What it says is no version.
    """
    if isinstance(payload, Payload):
        return payload.schema_version
    version = payload.get("schema_version", 1)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise WiringError(f"schema_version is {version!r}; it must be a whole number from 1.")
    return version


def read_payload(model: type[P], raw: Mapping[str, Any] | str | bytes) -> P:
    """A payload from JSON or a dictionary, written by this version of the program or another.

    Fields of a newer version are kept; fields that an older version did not have take defaults.

    Raises:
        WiringError: It is no object, says no possible version, or cannot be read in this version;
            the sentence names the field and, when the writer was newer, the way out.
    """
    document = _document(model, raw)
    version = schema_version_of(document)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the whole"
        known = current_version(model)
        hint = (
            f"; it was written as version {version}, this program reads {known}: a change that "
            "older readers cannot bear needs a topic of its own"
            if version > known
            else ""
        )
        raise WiringError(f"No {model.__name__}: {where}: {problem['msg']}{hint}.") from error


def _document(model: type[Payload], raw: Mapping[str, Any] | str | bytes) -> Mapping[str, Any]:
    if isinstance(raw, Mapping):
        return raw
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise WiringError(f"No {model.__name__}: it is not JSON ({error}).") from error
    if not isinstance(document, dict):
        raise WiringError(f"No {model.__name__}: it is {type(document).__name__}, not an object.")
    return document
