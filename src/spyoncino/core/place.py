"""Where a module stands in the system."""

from dataclasses import dataclass, field

from spyoncino.core.registry import Module
from spyoncino.core.subscription import Subscription


@dataclass(slots=True)
class Place:
    """One module's place in the system, whether it runs or not.

    Args:
        kind: Its class.
        candidate: The module while it starts.
        module: The module while it runs.
        subscriptions: Its handlers on the bus.
        error: Why it does not run; empty while it does.
    """

    kind: type[Module]
    candidate: Module | None = None
    module: Module | None = None
    subscriptions: list[Subscription] = field(default_factory=list)
    error: str = ""
