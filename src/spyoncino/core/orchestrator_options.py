"""How an orchestrator looks after its modules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from spyoncino.core.context import ModuleContext
from spyoncino.core.health import HealthProbe, HealthReporter
from spyoncino.core.registry import Module
from spyoncino.core.settings import HealthSettings

ModuleFactory = Callable[[ModuleContext], Module]
"""Builds a module, in place of calling its class with the context."""


@dataclass(frozen=True, slots=True)
class Options:
    """How modules are looked after.

    Args:
        health: How often to look, and what to do about failures.
        lossless: Nothing may be dropped, drain has no deadline, and a module that fails to start
            stops everything: a result with a hole would look like a result.
        factories: Module name to what builds it instead of its class.
        probes: Name of other parts to what asks them for their health.
        reporters: Who is told each summary, besides the bus.
    """

    health: HealthSettings = field(default_factory=HealthSettings)
    lossless: bool = False
    factories: Mapping[str, ModuleFactory] = field(default_factory=dict)
    probes: Mapping[str, HealthProbe] = field(default_factory=dict)
    reporters: Sequence[HealthReporter] = ()
