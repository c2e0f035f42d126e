"""Which modules there are: the built-in table and the entry points ``spyoncino.modules``.

A module that cannot be loaded, or whose declaration is wrong, becomes a ``LoadFailure``: a visible
degraded state of the system, never an exception and never a swallowed log line.
"""

import importlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

from spyoncino.core.contracts import BaseModule, Category, Consume, ModuleSettings
from spyoncino.core.plugin_imports import foreign_import
from spyoncino.core.settings import CameraBase, Settings
from spyoncino.core.topic_versions import TopicAdapter
from spyoncino.errors import WiringError
from spyoncino.schemas.topics import Topic

ENTRY_POINT_GROUP = "spyoncino.modules"

Module = BaseModule[Any]

_NAME = re.compile(r"^[a-z]+(\.[a-z0-9_]+)+$")
_SECTION = re.compile(r"^[a-z][a-z0-9_]*$")


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A module that is not there.

    Args:
        name: Its entry: ``package.module:Class``, or the name of the entry point.
        error: One sentence that says why.
    """

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class Registry:
    """The module classes that were loaded, in the order of their table, and those that were not.

    Args:
        modules: What was loaded.
        failures: What was not, and why.
        plug_ins: Names of the modules that came through entry points.
    """

    modules: tuple[type[Module], ...]
    failures: tuple[LoadFailure, ...] = ()
    plug_ins: frozenset[str] = frozenset()

    @classmethod
    def discover(
        cls,
        builtin: Sequence[str],
        entry_points: Iterable[metadata.EntryPoint] | None = None,
    ) -> "Registry":
        """Load every module; never raises for a module that cannot be had.

        Args:
            builtin: Rows ``package.module:Class``.
            entry_points: Plug-ins; those of the installed packages when not given.
        """
        if entry_points is None:
            entry_points = metadata.entry_points(group=ENTRY_POINT_GROUP)
        own = [metadata.EntryPoint(row, row, ENTRY_POINT_GROUP) for row in builtin]
        plug_ins = sorted(entry_points, key=lambda entry: entry.name)
        strangers = [*_kept_apart([*_load_each(plug_ins)])]
        found = cls.of([*_load_each(own), *strangers])
        names = {getattr(kind, "name", "") for _, kind in strangers}
        return replace(found, plug_ins=frozenset(names & {kind.name for kind in found.modules}))

    @classmethod
    def of(cls, loaded: "Iterable[tuple[str, type[Module] | LoadFailure]]") -> "Registry":
        """A registry of classes at hand.

        Args:
            loaded: Name of each entry with its class, or with why there is none.
        """
        modules: list[type[Module]] = []
        failures: list[LoadFailure] = []
        for entry, found in loaded:
            if isinstance(found, LoadFailure):
                failures.append(found)
            elif problem := _declaration_problem(found, modules):
                failures.append(LoadFailure(entry, problem))
            else:
                modules.append(found)
        return cls(tuple(modules), tuple(failures))

    def without(self, names: Iterable[str]) -> "Registry":
        """The registry without the modules of these names.

        Raises:
            WiringError: A name belongs to no module.
        """
        unwanted = set(names)
        unknown = sorted(unwanted - {module.name for module in self.modules})
        if unknown and not self.failures:
            known = ", ".join(module.name for module in self.modules)
            raise WiringError(f"there is no module {unknown[0]!r} to leave out; there are: {known}")
        kept = tuple(module for module in self.modules if module.name not in unwanted)
        return replace(self, modules=kept)

    def leaving_out(self, misfits: Sequence[LoadFailure]) -> "Registry":
        """The registry with these modules among the failures, by their names."""
        names = {misfit.name for misfit in misfits}
        kept = tuple(module for module in self.modules if module.name not in names)
        return replace(self, modules=kept, failures=(*self.failures, *misfits))

    def by_name(self, name: str) -> type[Module]:
        """The class of one module.

        Raises:
            WiringError: There is none of this name.
        """
        for module in self.modules:
            if module.name == name:
                return module
        known = ", ".join(module.name for module in self.modules)
        raise WiringError(f"there is no module {name!r}; there are: {known}")

    @property
    def sections(self) -> dict[str, type[ModuleSettings]]:
        """Section of the configuration to the model that validates it."""
        return {module.section: module.settings_model for module in self.modules}

    @property
    def camera_sections(self) -> dict[str, type[ModuleSettings]]:
        """The sections that ``cameras.<id>.<section>`` may override."""
        return {
            module.section: module.settings_model for module in self.modules if module.per_camera
        }


def _load_each(
    candidates: Iterable[metadata.EntryPoint],
) -> Iterator[tuple[str, type[Module] | LoadFailure]]:
    for entry in candidates:
        try:
            package, _, attribute = entry.value.partition(":")
            found: Any = getattr(importlib.import_module(package.strip()), attribute.strip())
        except Exception as error:  # noqa: BLE001 - the border to plug-ins: any of them may be broken
            reason = f"{type(error).__name__}: {error}"
            yield entry.name, LoadFailure(entry.name, f"cannot be loaded ({reason})")
        else:
            yield entry.name, found


def _kept_apart(
    plug_ins: "Sequence[tuple[str, type[Module] | LoadFailure]]",
) -> "Iterator[tuple[str, type[Module] | LoadFailure]]":
    """Plug-ins as they are, except those that import another module."""
    homes = {kind.__module__ for _, kind in plug_ins if isinstance(kind, type)}
    for entry, kind in plug_ins:
        if isinstance(kind, type):
            foreign = foreign_import(kind.__module__, frozenset(homes - {kind.__module__}))
            if foreign:
                reason = f"imports another module ({foreign}); modules meet on the bus only"
                yield entry, LoadFailure(entry, reason)
                continue
        yield entry, kind


def _declaration_problem(found: Any, earlier: Sequence[type[Module]]) -> str:
    """One sentence about what is wrong with a class as a module; empty when it is right."""
    if not (isinstance(found, type) and issubclass(found, BaseModule)):
        return "is not a class that extends BaseModule"
    for attribute, expected in (("name", str), ("category", Category), ("section", str)):
        if not isinstance(getattr(found, attribute, None), expected):
            return f"does not declare its {attribute} ({expected.__name__})"
    model = getattr(found, "settings_model", None)
    if not (isinstance(model, type) and issubclass(model, ModuleSettings)):
        return "does not declare a settings_model that extends ModuleSettings"
    return (
        _name_problem(found, earlier)
        or _section_problem(found, earlier)
        or _topic_problem(found)
        or _consume_problem(found)
        or _abstract_problem(found)
    )


def _name_problem(module: type[Module], earlier: Sequence[type[Module]]) -> str:
    if not _NAME.match(module.name):
        return f"is named {module.name!r}; a name is category.noun in small letters"
    if any(other.name == module.name for other in earlier):
        return f"is named {module.name!r} as another module is"
    return ""


def _section_problem(module: type[Module], earlier: Sequence[type[Module]]) -> str:
    section = module.section
    if not _SECTION.match(section):
        return f"has the section {section!r}; a section is one word in small letters"
    if section in Settings.model_fields:
        return f"has the section {section!r}, which is a key of the system itself"
    if module.per_camera and section in CameraBase.model_fields:
        return f"has the section {section!r}, which is a key of every camera"
    if any(other.section == section for other in earlier):
        return f"has the section {section!r} as another module has"
    required = [
        name for name, field in module.settings_model.model_fields.items() if field.is_required()
    ]
    if module.per_camera and required:
        return f"may be set per camera, but its setting {required[0]!r} has no default"
    return ""


def _topic_problem(module: type[Module]) -> str:
    """What is declared is of the right kind; wiring reads it before anything is started."""
    kinds = (("publishes", Topic), ("consumes", Consume), ("adapters", TopicAdapter))
    for attribute, kind in kinds:
        declared: Any = getattr(module, attribute)
        if not isinstance(declared, tuple):
            return f"declares {attribute} as {declared!r}, which is no tuple"
        for each in declared:
            if not isinstance(each, kind):
                return f"{attribute} {each!r}, which is no {kind.__name__}"
            topic: Any = getattr(each, "topic", None)
            if kind is Consume and not isinstance(topic, Topic):
                return f"consumes {topic!r}, which is no Topic"
    return ""


def _consume_problem(module: type[Module]) -> str:
    for consume in module.consumes:
        if not callable(getattr(module, consume.handler, None)):
            return f"consumes {consume.topic.name} with {consume.handler!r}, which it does not have"
    return ""


def _abstract_problem(module: type[Module]) -> str:
    missing = sorted(getattr(module, "__abstractmethods__", ()))
    return f"does not implement {', '.join(missing)}" if missing else ""
