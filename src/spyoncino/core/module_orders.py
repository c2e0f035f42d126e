"""Orders about modules for a running main: how each is doing, and the end of a quarantine."""

from typing import Any

from spyoncino.core.control_desk import ControlDesk
from spyoncino.core.orchestrator import Orchestrator

STATES, RELEASE = "modules.states", "modules.release"


def register_modules(desk: ControlDesk, orchestrator: Orchestrator) -> None:
    """Have the running main obey orders about its modules."""

    async def states(_: dict[str, Any]) -> dict[str, dict[str, str]]:
        quarantined = orchestrator.quarantined
        return {
            name: {
                "state": "quarantine" if name in quarantined else health.state.value,
                "detail": health.detail,
            }
            for name, health in (await orchestrator.module_health()).items()
        }

    async def release(arguments: dict[str, Any]) -> bool:
        return await orchestrator.release(str(arguments["name"]))

    desk.register(STATES, states)
    desk.register(RELEASE, release)
