"""The whole configuration as one Pydantic model: fixed keys plus a section for each module.

Composed at run time from the registry, so that unknown keys are refused everywhere and the JSON
Schema shows every key there is.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, create_model

from spyoncino.core.config_layers import Location, Origin, nearest_origin
from spyoncino.core.contracts import ModuleSettings
from spyoncino.core.entity_id import EntityId
from spyoncino.core.registry import Registry
from spyoncino.core.settings import CameraBase, CameraSettings, Settings

_SECTION_PREFIX = re.compile(r"^Section ``\w+``: ")


def document_model(registry: Registry) -> type[BaseModel]:
    """The model of a configuration document for these modules."""
    overridable: dict[str, Any] = {
        section: (model | None, Field(default=None, description=_duty(model)))
        for section, model in registry.camera_sections.items()
    }
    camera = create_model("Camera", __base__=CameraBase, __doc__=CameraBase.__doc__, **overridable)
    cameras = Settings.model_fields["cameras"]
    fields: dict[str, Any] = {
        "cameras": (
            dict[EntityId, camera],
            Field(default_factory=dict, description=cameras.description),
        )
    }
    for section, model in registry.sections.items():
        needs_user = any(field.is_required() for field in model.model_fields.values())
        fields[section] = (
            model,
            Field(description=_duty(model))
            if needs_user
            else Field(default_factory=model, description=_duty(model)),
        )
    return create_model(
        "Configuration", __base__=Settings, __doc__="Configuration of Spyoncino.", **fields
    )


class OverrideError(Exception):
    """A camera's override does not fit the section it is joined to.

    Args:
        location: ``("cameras", id, section)``.
        error: What Pydantic said about the joined section.
    """

    def __init__(self, location: Location, error: ValidationError) -> None:
        super().__init__(str(error))
        self.location = location
        self.error = error


def split_document(
    document: BaseModel, registry: Registry
) -> tuple[Settings, dict[str, ModuleSettings]]:
    """Take a validated document apart into fixed settings and sections.

    Raises:
        OverrideError: A section with a camera's overrides is not valid as a whole.
    """
    sections: dict[str, ModuleSettings] = {
        section: getattr(document, section) for section in registry.sections
    }
    cameras = {
        name: _camera_settings(name, camera, sections, registry)
        for name, camera in document.cameras.items()  # type: ignore[attr-defined]  # composed model
    }
    fixed = {name: getattr(document, name) for name in Settings.model_fields if name != "cameras"}
    return Settings(cameras=cameras, **fixed), sections


def resolve_paths(value: Any, origins: Mapping[Location, Origin], location: Location = ()) -> Any:
    """The same tree with relative paths joined to the folder of the file that has them."""
    if isinstance(value, Path):
        origin = nearest_origin(origins, location)
        expanded = value.expanduser()
        return origin.folder / expanded if origin and origin.folder else expanded
    if isinstance(value, BaseModel):
        changes = {}
        for name in type(value).model_fields:
            before = getattr(value, name)
            after = resolve_paths(before, origins, (*location, name))
            if after is not before:
                changes[name] = after
        return value.model_copy(update=changes) if changes else value
    if isinstance(value, dict):
        inside = {key: resolve_paths(v, origins, (*location, key)) for key, v in value.items()}
        return inside if any(inside[key] is not value[key] for key in value) else value
    if type(value) is tuple:
        items = tuple(resolve_paths(v, origins, (*location, i)) for i, v in enumerate(value))
        return (
            items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        )
    return value


def _duty(model: type[BaseModel]) -> str:
    """First line of a model's docstring: what the section is about."""
    line = (model.__doc__ or "").strip().partition("\n")[0]
    words = _SECTION_PREFIX.sub("", line)
    return words[:1].upper() + words[1:]


def _camera_settings(
    name: str, camera: CameraBase, sections: Mapping[str, ModuleSettings], registry: Registry
) -> CameraSettings:
    overrides: dict[str, dict[str, Any]] = {}
    for section, model in registry.camera_sections.items():
        own: ModuleSettings | None = getattr(camera, section)
        if own is None:
            continue
        whole = sections[section].model_dump()
        given = own.model_dump(exclude_unset=True)
        changed = {key: _joined(whole[key], value) for key, value in given.items()}
        try:
            model.model_validate({**whole, **changed})
        except ValidationError as error:
            raise OverrideError(("cameras", name, section), error) from error
        if changed:
            overrides[section] = changed
    fixed = {field: getattr(camera, field) for field in CameraBase.model_fields}
    return CameraSettings(overrides=overrides, **fixed)


def _joined(base: Any, change: Any) -> Any:
    """Groups joined key by key; anything else is replaced."""
    if isinstance(base, dict) and isinstance(change, dict):
        return {
            **base,
            **{key: _joined(base.get(key), value) for key, value in change.items()},
        }
    return change
