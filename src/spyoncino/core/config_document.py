"""The configuration as a commented YAML file, written from the models.

``config/default.yaml`` is made by this; a test compares both.
"""

import textwrap
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ByteSize
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from spyoncino.core.config_model import document_model
from spyoncino.core.config_schema import Schema, SchemaReader
from spyoncino.core.registry import Registry
from spyoncino.core.settings import CameraBase

WIDTH = 96

_HEADER = """\
Every setting with its default. Copy what you change into your own spyoncino.yaml and leave
out the rest.
Written by: spyoncino config init --full
"""

_STARTER = """\
# Spyoncino's configuration. Check it with `spyoncino config check`, run it with `spyoncino run`.
# Every setting with its default: `spyoncino config init --full all-settings.yaml`.
# Secrets belong into a file named .env beside this one.

cameras:
  door:
    # A drawn front door, so that everything can be seen without a camera. For a video file:
    #   source: {type: file, path: visit.mp4}
    source:
      type: sim
    doorbell: front
    zones:
      # Corners as [x, y]: [0, 0] is the upper left of the picture, [1, 1] the lower right.
      - name: porch
        polygon: [[0.0, 0.55], [1.0, 0.55], [1.0, 1.0], [0.0, 1.0]]
"""

_SIZES = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB"))


_STARTER_USB = """\

  # The USB camera that was found here. Remove it, or give it a name that says where it looks.
  usb:
    source:
      type: usb
      device: {device}
"""


def starter_document(usb_device: Path | None = None) -> str:
    """A short file to begin with; it is valid as it stands.

    Args:
        usb_device: A USB camera to put in beside the simulated one.
    """
    if usb_device is None:
        return _STARTER
    return _STARTER + _STARTER_USB.format(device=usb_device)


def full_document(registry: Registry) -> str:
    """Every setting with its default, its meaning and what it may be."""
    model = document_model(registry)
    reader = SchemaReader(model.model_json_schema())
    lines = [f"# {line}".rstrip() for line in _HEADER.splitlines()]
    for name, field in model.model_fields.items():
        schema = reader.at((name,), {})
        lines += ["", *_field_lines(name, field, reader, schema, depth=0)]
        if name == "cameras":
            lines += _camera_example(reader)
    return "\n".join(lines) + "\n"


def _field_lines(
    name: str, field: FieldInfo, reader: SchemaReader, schema: Schema, *, depth: int
) -> list[str]:
    """Comment and value of one setting; a group with everything inside it."""
    pad = "  " * depth
    default = field.get_default(call_default_factory=True, validated_data={})
    right = reader.expectation(schema)
    is_group = isinstance(default, BaseModel)
    says_more = right not in ("", "a text", "true or false", "a group of settings")
    words = (field.description or "").rstrip()
    if says_more and not is_group and not isinstance(default, (ByteSize, dict)):
        words = f"{words} [{right}]"
    lines = [f"{pad}# {line}" for line in textwrap.wrap(words, WIDTH - len(pad) - 2)]
    if default is PydanticUndefined:
        return [*lines, f"{pad}# {name}: (has no default)"]
    if _is_list_of_groups(default):
        kind = type(default[0])
        lines += [f"{pad}# Keys of one:", *_commented_keys(kind, reader, schema, depth=depth)]
        return [*lines, f"{pad}{name}:", *textwrap.indent(_blocks(default), f"{pad}  ").split("\n")]
    if not isinstance(default, BaseModel):
        return [*lines, f"{pad}{name}: {_scalar(default)}"]
    lines.append(f"{pad}{name}:")
    for inner_name, inner in type(default).model_fields.items():
        inner_schema = reader.inside(schema, inner_name)
        lines += _field_lines(inner_name, inner, reader, inner_schema, depth=depth + 1)
    return lines


def _is_list_of_groups(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], BaseModel)


def _commented_keys(
    kind: type[BaseModel], reader: SchemaReader, schema: Schema, *, depth: int
) -> list[str]:
    lines: list[str] = []
    for name, field in kind.model_fields.items():
        inner = reader.inside(reader.item(schema), name)
        lines += _field_lines(name, field, reader, inner, depth=0)
    return ["  " * depth + f"#   {line}" for line in lines]


def _blocks(groups: Sequence[BaseModel]) -> str:
    """Groups as a list of YAML, each with what differs from its defaults."""
    plain = [group.model_dump(mode="json", exclude_defaults=True) for group in groups]
    return yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=WIDTH).strip()


def _camera_example(reader: SchemaReader) -> list[str]:
    """Every key of a camera, as a comment: there is no default camera."""
    camera = reader.at(("cameras", "door"), {})
    lines = ["# Keys of a camera:", "#   door:"]
    for name, field in CameraBase.model_fields.items():
        inner = reader.inside(camera, name)
        if name == "source":
            lines += ["#     # Where its pictures come from.", "#     source: {type: sim}"]
            continue
        lines += [f"#   {line}" for line in _field_lines(name, field, reader, inner, depth=1)]
    lines += [
        "#     # The sections of some modules may be set for one camera too, for example:",
        "#     # motion: {sensitivity: 0.7}",
    ]
    return lines


def _scalar(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, ByteSize):
        for unit, name in _SIZES:
            if value and value % unit == 0:
                return f"{value // unit}{name}"
        return str(int(value))
    if isinstance(value, Enum):
        value = value.value
    plain = value if isinstance(value, (bool, int, float, str)) else _plain(value)
    text = yaml.safe_dump(plain, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
