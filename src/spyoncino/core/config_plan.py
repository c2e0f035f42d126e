"""What a new configuration changes: which modules, which cameras, and what waits for a start.

Pure: compares two valid configurations and touches nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from spyoncino.core.config_changes import difference, leaves
from spyoncino.core.config_errors import dotted
from spyoncino.core.config_load import LoadedConfig
from spyoncino.core.registry import Module, Registry
from spyoncino.core.settings import CameraSettings, Settings
from spyoncino.runtime.capture.spec import CaptureSpec

TAKEN_AT_ONCE = frozenset({"cameras", "packets", "privacy", "updates", "preset"})
"""Fixed keys that a running system takes over; every other one is read once, at the start."""

Specs = Mapping[str, CaptureSpec]
"""Id of each camera that is used to what its capture process is asked to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done.

    Args:
        modules: Names of modules to configure, those of the end of the line first.
        captures: Cameras whose capture process comes, goes or is started anew.
        keys: Every setting that changes, dotted.
    """

    modules: tuple[str, ...] = ()
    captures: frozenset[str] = frozenset()
    keys: tuple[str, ...] = ()


def held(
    running: LoadedConfig, wanted: LoadedConfig, registry: Registry
) -> tuple[LoadedConfig, tuple[str, ...]]:
    """The wanted configuration as far as a running system can take it over.

    Args:
        running: What is in force.
        wanted: What somebody wants.
        registry: The modules, which say what they read at their start only.

    Returns:
        The wanted configuration with the old value of every key that needs a new start, and those
        keys, dotted.
    """
    fixed = {name: getattr(running.settings, name) for name in _fixed_keys()}
    waiting = [
        dotted((name, *location))
        for name, before in fixed.items()
        for location in _changed(before, getattr(wanted.settings, name))
    ]
    sections = dict(wanted.sections)
    for module in registry.modules:
        old, new = running.sections.get(module.section), sections.get(module.section)
        if old is None or new is None:
            continue
        kept = {key: getattr(old, key) for key in module.fixed_at_start}
        differs = [key for key in kept if kept[key] != getattr(new, key)]
        if differs:
            sections[module.section] = new.model_copy(update={key: kept[key] for key in differs})
            waiting += [f"{module.section}.{key}" for key in sorted(differs)]
    settings = wanted.settings.model_copy(update=fixed)
    return replace(wanted, settings=settings, sections=sections), tuple(waiting)


def plan_of(
    old: LoadedConfig, new: LoadedConfig, registry: Registry, old_specs: Specs, new_specs: Specs
) -> Plan:
    """What makes the new configuration of the old one.

    Args:
        old: What is in force.
        new: What shall be; nothing in it waits for a start.
        registry: The modules that run.
        old_specs: The capture processes as they are.
        new_specs: The capture processes as they shall be.
    """
    cameras = old.settings.cameras.keys() | new.settings.cameras.keys()
    captures = frozenset(name for name in cameras if old_specs.get(name) != new_specs.get(name))
    modules = [
        module
        for module in registry.modules
        if old.sections.get(module.section) != new.sections.get(module.section)
        or (module.per_camera and _override_changed(module.section, old, new))
        or (module.camera_keys and (captures or _camera_changed(module, old, new)))
    ]
    modules.sort(key=lambda module: module.category)
    tree = difference(_tree(old), _tree(new))
    keys = tuple(dotted(location) for location, _ in leaves(tree))
    return Plan(tuple(module.name for module in modules), captures, keys)


def _fixed_keys() -> list[str]:
    return [name for name in Settings.model_fields if name not in TAKEN_AT_ONCE]


def _changed(old: Any, new: Any) -> list[tuple[str | int, ...]]:
    """Locations inside one fixed key that differ."""
    if old == new:
        return []
    if hasattr(old, "model_dump") and hasattr(new, "model_dump"):
        return [place for place, _ in leaves(difference(old.model_dump(), new.model_dump()))]
    return [()]


def _override_changed(section: str, old: LoadedConfig, new: LoadedConfig) -> bool:
    return _overrides(section, old) != _overrides(section, new)


def _overrides(section: str, loaded: LoadedConfig) -> dict[str, Any]:
    cameras = loaded.settings.cameras.items()
    return {name: own for name, camera in cameras if (own := camera.overrides.get(section))}


def _camera_changed(module: type[Module], old: LoadedConfig, new: LoadedConfig) -> bool:
    before, after = old.settings.cameras, new.settings.cameras
    if before.keys() != after.keys():
        return True
    return any(
        _key(before[name], key) != _key(after[name], key)
        for name in before
        for key in module.camera_keys
    )


def _key(camera: CameraSettings, key: str) -> Any:
    return getattr(camera, key)


def _tree(loaded: LoadedConfig) -> dict[str, Any]:
    """Every setting in force, for comparing; holds secrets, so it is never shown."""
    fixed = loaded.settings.model_dump()
    return fixed | {name: section.model_dump() for name, section in loaded.sections.items()}
