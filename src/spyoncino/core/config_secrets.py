"""What is a secret, and how settings are shown without any.

A value is hidden when its type is ``SecretStr``, when its key's name says so, or where an address
carries a user name and password.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from spyoncino.core.logs import MASK, mask_text, mask_value


def is_secret_key(key: object) -> bool:
    """Whether a value under this key is never shown; the rule is that of log lines."""
    return mask_value({str(key): "anything"}) == {str(key): MASK}


def shown(value: Any, key: object = "") -> Any:
    """A value as plain data for people: JSON types only, secrets hidden.

    Args:
        value: A setting, a group of them, or a whole tree.
        key: The key it stands under.
    """
    if isinstance(value, BaseModel):
        return {name: shown(getattr(value, name), name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(name): shown(inner, name) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(inner, key) for inner in value]
    return _shown_scalar(value, key)


def _shown_scalar(value: Any, key: object) -> Any:
    if isinstance(value, (SecretStr, SecretBytes)):
        return MASK if value.get_secret_value() else ""
    if value not in (None, "") and is_secret_key(key):
        return MASK
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return int(value)  # a ByteSize is an int that YAML does not know
    return mask_text(str(value))
