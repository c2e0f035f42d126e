"""The terms of changing settings: what becomes of a change, what is changed, what keeps it."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from spyoncino.core.config_load import LoadedConfig
from spyoncino.core.config_parts import CameraHouse
from spyoncino.core.config_plan import Specs
from spyoncino.core.orchestrator import Orchestrator
from spyoncino.core.registry import Registry
from spyoncino.core.settings import CameraSettings

SpecsOf = Callable[[LoadedConfig], Specs]
"""What the capture processes are asked to do by a configuration; may raise as loading may."""


class Fate(StrEnum):
    """What became of a change."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Result:
    """How a change ended.

    Args:
        fate: What became of it.
        version: Number of the version that is in force now.
        keys: Settings that changed, or would have.
        problems: Why it was rejected or rolled back.
        waiting: Settings that were taken, but hold from the next start on.
        notices: Sentences worth showing that stopped nothing.
    """

    fate: Fate
    version: int
    keys: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


class Keeper(Protocol):
    """Where versions and changes outlive the program; see ``ConfigKeeper``."""

    def check(self, loaded: LoadedConfig, changes: Mapping[str, Any]) -> None:
        """Refuse changes that could not be written."""
        ...

    def write(self, loaded: LoadedConfig, changes: Mapping[str, Any]) -> None:
        """Write changes into the user's file."""
        ...

    def record(self, document: Mapping[str, Any], author: str, keys: tuple[str, ...]) -> int:
        """Keep a numbered version of the document, unless the newest one says the same."""
        ...

    def prune(self, keep: int) -> None:
        """Remove the oldest versions."""
        ...

    def changes_to(self, number: int, document: Mapping[str, Any]) -> dict[str, Any]:
        """What makes a version of the present document."""
        ...


@dataclass(frozen=True, slots=True)
class System:
    """What the service changes.

    Args:
        registry: The modules that run.
        orchestrator: Their life.
        captures: Their cameras.
        cameras: The dictionary that every module's context has.
        specs_of: What capture processes are asked to do.
    """

    registry: Registry
    orchestrator: Orchestrator
    captures: CameraHouse
    cameras: MutableMapping[str, CameraSettings]
    specs_of: SpecsOf
