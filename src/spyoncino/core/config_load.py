"""Load the configuration: find it, merge its layers, validate it, say every problem at once.

Layers, later ones win: defaults in code, the user's file, the environment's file, variables,
secrets (``.env``, files), the command line.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from spyoncino.core.config_changes import with_changes
from spyoncino.core.config_environment import (
    ALIASES,
    CONFIG_VARIABLE,
    DOTENV_NAME,
    ENVIRONMENT_VARIABLE,
    PREFIX,
    read_dotenv,
    read_secret_files,
    read_variables,
)
from spyoncino.core.config_errors import ConfigSentences, dotted
from spyoncino.core.config_files import FILE_NAME, environment_file, find_user_file, read_yaml
from spyoncino.core.config_layers import (
    Layer,
    Location,
    Origin,
    merge_layers,
    nearest_origin,
)
from spyoncino.core.config_model import (
    OverrideError,
    document_model,
    resolve_paths,
    split_document,
)
from spyoncino.core.config_old_keys import take_old_keys
from spyoncino.core.config_presets import NONE, preset_layer
from spyoncino.core.config_secrets import shown
from spyoncino.core.contracts import ModuleSettings
from spyoncino.core.doorbell_map import doorbell_problems
from spyoncino.core.registry import Registry
from spyoncino.core.settings import Settings
from spyoncino.errors import ConfigError

COMMAND_LINE = Origin("command line")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a configuration is loaded from, so that it can be loaded again.

    Args:
        file: The user's file from ``--config``.
        variables: Environment variables.
        overrides: Settings from the command line, nested as in the file.
        working_folder: Where ``./spyoncino.yaml`` is looked for.
        config_home: The platform's configuration folder when another one is meant.
        measure: Whether the preset ``auto`` may look at this machine.
    """

    file: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    overrides: Mapping[str, Any] = field(default_factory=dict, repr=False)
    working_folder: Path = Path()
    config_home: Path | None = None
    measure: bool = True


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A valid configuration.

    Args:
        settings: The fixed keys.
        sections: Section name to the validated settings of its module.
        origins: Location to where it was written; what is missing is a default.
        user_file: The user's file, or ``None`` when there is none.
        files: Every file that was read, in order.
        notices: Sentences worth showing that stop nothing.
        document: The merged values as they were written, without preset, types and defaults.
        recipe: What it was loaded from.
    """

    settings: Settings = field(repr=False)
    sections: Mapping[str, ModuleSettings] = field(repr=False)
    origins: Mapping[Location, Origin]
    user_file: Path | None = None
    files: tuple[Path, ...] = ()
    notices: tuple[str, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    recipe: Recipe = field(default_factory=Recipe, repr=False)

    @property
    def config_hash(self) -> str:
        """Hash of what influences results: sections and how cameras are set.

        Names of cameras and where their sources lie do not count, so that one more camera of the
        same settings changes nothing.
        """
        cameras = sorted(
            {
                camera.model_dump_json(exclude={"source"})
                for camera in self.settings.cameras.values()
            }
        )
        sections = {
            name: section.model_dump(mode="json") for name, section in self.sections.items()
        }
        text = json.dumps([cameras, sections], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def shown(self) -> dict[str, Any]:
        """Every setting in force as plain data, secrets hidden."""
        tree: dict[str, Any] = shown(self.settings)
        for camera in tree["cameras"].values():
            camera.update(camera.pop("overrides"))
        return tree | {name: shown(section) for name, section in self.sections.items()}


def load_config(
    registry: Registry,
    *,
    file: Path | None = None,
    variables: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    working_folder: Path = Path(),
    config_home: Path | None = None,
    measure: bool = True,
) -> LoadedConfig:
    """Load and validate the configuration.

    Args:
        registry: The modules, whose sections belong to the document.
        file: The user's file from ``--config``.
        variables: Environment variables; those of this process when not given.
        overrides: Settings from the command line, nested as in the file.
        working_folder: Where ``./spyoncino.yaml`` is looked for.
        config_home: The platform's configuration folder when another one is meant.
        measure: Whether the preset ``auto`` may look at this machine.

    Raises:
        ConfigError: One sentence for every problem found.
    """
    environment = dict(os.environ) if variables is None else variables
    recipe = Recipe(file, environment, overrides or {}, working_folder, config_home, measure)
    return load_recipe(registry, recipe)


def load_recipe(
    registry: Registry,
    recipe: Recipe,
    changes: Mapping[str, Any] | None = None,
    author: str = "",
) -> LoadedConfig:
    """Load and validate again what was loaded before, with changes that are in no file.

    Args:
        registry: The modules, whose sections belong to the document.
        recipe: Of the ``LoadedConfig`` from before.
        changes: Nested keys; ``None`` takes a key back to its default.
        author: Who wants them, for the sentences.

    Raises:
        ConfigError: One sentence for every problem found.
    """
    layers, user_file, files = _read_layers(
        recipe.file,
        recipe.variables,
        working_folder=recipe.working_folder,
        config_home=recipe.config_home,
    )
    layers.append(Layer.of(recipe.overrides, COMMAND_LINE))
    origin = Origin(f"change by {author or 'unknown'}")
    written = merge_layers(layers)
    _drop_empty_groups(written.data)
    old_keys = take_old_keys(written, Settings.model_fields.keys() | registry.sections.keys())
    written = with_changes(written, changes or {}, origin)
    merged = _above_preset(written, registry, measure=recipe.measure)
    notices = old_keys + _drop_unborn_aliases(merged, registry)
    notices += _drop_keys_of_missing_modules(merged, registry)
    settings, sections = _validated(merged, registry)
    notices += _check_policies(merged, registry, settings, sections)
    return LoadedConfig(
        settings, sections, merged.origins, user_file, files, notices, written.data, recipe
    )


def _above_preset(written: Layer, registry: Registry, *, measure: bool) -> Layer:
    """What is written, on top of the preset that it asks for."""
    known = frozenset(Settings.model_fields.keys() | registry.sections.keys())
    preset = preset_layer(written.data.get("preset", NONE), known, measure=measure)
    if not preset.data:  # spares nearly every start and change a third of its work
        return Layer(dict(written.data), dict(written.origins))
    return merge_layers([preset, written])


def _drop_unborn_aliases(merged: Layer, registry: Registry) -> tuple[str, ...]:
    """Names of the specification whose setting is not there yet must not stop the program."""
    known = Settings.model_fields.keys() | registry.sections.keys()
    notices = []
    for alias, name in ALIASES.items():
        section = name.removeprefix(PREFIX).partition("__")[0].lower()
        origin = merged.origins.get((section,))
        if section not in known and origin and origin.place == f"environment variable {alias}":
            del merged.data[section]
            notices.append(f"{origin} is ignored; there is no section {section} in this version")
    return tuple(notices)


def _read_layers(
    file: Path | None,
    variables: Mapping[str, str],
    *,
    working_folder: Path,
    config_home: Path | None,
) -> tuple[list[Layer], Path | None, tuple[Path, ...]]:
    named = variables.get(CONFIG_VARIABLE)
    wanted = file or (Path(named) if named else None)
    user_file = find_user_file(wanted, working_folder, config_home)
    files = [user_file] if user_file else []
    environment_name = variables.get(ENVIRONMENT_VARIABLE)
    if environment_name:
        files.append(environment_file(user_file or working_folder / FILE_NAME, environment_name))
    dotenv = (user_file.parent if user_file else working_folder) / DOTENV_NAME
    here = working_folder.absolute()
    layers = [read_yaml(path) for path in files]
    layers.append(read_variables(variables, here))
    layers.append(read_dotenv(dotenv))
    layers.append(read_secret_files(variables, here))
    if layers[-2].data:
        files.append(dotenv)
    return layers, user_file, tuple(files)


def _drop_empty_groups(data: dict[str, Any]) -> None:
    """A heading with nothing below it (``motion:``) sets nothing."""
    for key in [key for key, value in data.items() if value is None]:
        del data[key]
    cameras = data.get("cameras")
    for camera in cameras.values() if isinstance(cameras, dict) else ():
        if isinstance(camera, dict):
            for key in [key for key, value in camera.items() if value is None]:
                del camera[key]


def _drop_keys_of_missing_modules(merged: Layer, registry: Registry) -> tuple[str, ...]:
    """Sections of a module that could not be loaded must not stop the others."""
    if not registry.failures:
        return ()
    known = Settings.model_fields.keys() | registry.sections.keys()
    notices = []
    for key in [key for key in merged.data if key not in known]:
        del merged.data[key]
        notices.append(
            f"{merged.origins.get((key,), COMMAND_LINE)}: {key} is ignored; it may belong to a "
            f"module that could not be loaded ({registry.failures[0].name}: "
            f"{registry.failures[0].error})"
        )
    return tuple(notices)


def _validated(merged: Layer, registry: Registry) -> tuple[Settings, dict[str, ModuleSettings]]:
    model = document_model(registry)
    try:
        document = model.model_validate(merged.data)
        return split_document(resolve_paths(document, merged.origins), registry)
    except ValidationError as error:
        sentences = ConfigSentences(model, merged, registry.camera_sections)
        raise ConfigError(*sentences.of(error)) from None
    except OverrideError as error:
        sentences = ConfigSentences(model, merged, registry.camera_sections)
        raise ConfigError(*sentences.of(error.error, error.location)) from None


def _check_policies(
    merged: Layer, registry: Registry, settings: Settings, sections: Mapping[str, ModuleSettings]
) -> tuple[str, ...]:
    """Rules over more than one setting; what is no reason to refuse them comes back."""
    problems: list[str] = []
    notices: list[str] = []
    known = {module.name for module in registry.modules}
    for name in settings.modules.disabled:
        if name not in known and not registry.failures:
            origin = merged.origins.get(("modules", "disabled"), COMMAND_LINE)
            problems.append(
                f'{origin}: modules.disabled names "{name}", but there is no such module; '
                f"there are {', '.join(sorted(known))}"
            )
    for module in registry.modules if settings.privacy.local_only else ():
        is_there = module.is_outbound and module.section in merged.data
        if is_there and sections[module.section].reaches_out:
            problems.append(
                f"{merged.origins[(module.section,)]}: {module.section} tells somebody outside, "
                "but privacy.local_only is true; remove one of the two"
            )
    for name, section in sections.items():
        for misfit in section.misfits(sections, settings, registry):
            place = (name, *misfit.place)
            origin = nearest_origin(merged.origins, place) or COMMAND_LINE
            told = problems if misfit.is_refused else notices
            told.append(f"{origin}: {dotted(place)}: {misfit.sentence}")
    for place, sentence in doorbell_problems(settings):
        origin = nearest_origin(merged.origins, place) or COMMAND_LINE
        problems.append(f"{origin}: {dotted(place)}: {sentence}")
    if problems:
        raise ConfigError(*problems)
    return tuple(notices)
