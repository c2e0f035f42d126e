"""JSON Schema of every payload and the table of topics, as files for other programs.

``python -m spyoncino.schemas.export FOLDER`` writes them; the folder ``schemas`` of the repository
holds them, and a test compares.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from spyoncino.schemas import (
    alerts,
    control,
    decisions,
    detections,
    events,
    faces,
    frames,
    inquiry,
    media,
    modes,
    picture,
    push,
    status,
    topics,
)
from spyoncino.schemas.base import Payload

_ALSO: tuple[type[BaseModel], ...] = (
    control.ZoneDefinition,
    control.ZoningSettings,
    decisions.Decision,
)
"""Exported though they are no message of their own."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def exported_models() -> tuple[type[BaseModel], ...]:
    """Every payload, and the few models beside them that others read; sorted by name."""
    found: set[type[BaseModel]] = set(_ALSO)
    for module in (
        alerts,
        control,
        detections,
        events,
        faces,
        frames,
        inquiry,
        media,
        modes,
        picture,
        push,
        status,
    ):
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Payload)
                and value.__module__ == module.__name__
            ):
                found.add(value)
    return tuple(sorted(found, key=lambda model: model.__name__))


def file_name(model: type[BaseModel]) -> str:
    """``detection_event.json`` for ``DetectionEvent``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", model.__name__).lower() + ".json"


def exported_files() -> dict[str, str]:
    """Name of each file to its text."""
    files = {
        file_name(model): _text({"$schema": _DIALECT, **model.model_json_schema()})
        for model in exported_models()
    }
    files["topics.json"] = _text(
        {
            topic.name: {
                "payload": file_name(topic.payload),
                "stage": topic.stage.name.lower(),
                "delivery": topic.delivery.value,
            }
            for topic in vars(topics).values()
            if isinstance(topic, topics.Topic)
        }
    )
    return files


def export(folder: Path) -> list[Path]:
    """Write every file; files of payloads that are gone are removed.

    Returns:
        The paths of the files that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = exported_files()
    for stale in folder.glob("*.json"):
        if stale.name not in files:
            stale.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in sorted(files)]


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Export into the folder that is named, else ``schemas``."""
    folder = Path(arguments[0] if arguments else "schemas")
    paths = export(folder)
    sys.stdout.write(f"{len(paths)} files in {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
