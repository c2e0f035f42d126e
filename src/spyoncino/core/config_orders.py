"""Orders about settings that commands give to the running main."""

from dataclasses import asdict
from typing import Any

from spyoncino.core.config_service import ConfigService
from spyoncino.core.control_desk import ControlDesk
from spyoncino.errors import UsageError

UPDATE, ROLLBACK = "config.update", "config.rollback"


def register_config(desk: ControlDesk, service: ConfigService) -> None:
    """Have the running main obey orders about its settings."""

    async def update(arguments: dict[str, Any]) -> dict[str, Any]:
        changes = arguments["changes"]
        if not isinstance(changes, dict):
            raise UsageError("changes are a group of settings")
        persist = bool(arguments.get("persist", True))
        author = str(arguments.get("author", "command"))
        return asdict(await service.update(changes, author=author, persist=persist))

    async def rollback(arguments: dict[str, Any]) -> dict[str, Any]:
        author = str(arguments.get("author", "command"))
        return asdict(await service.restore(int(arguments["version"]), author=author))

    desk.register(UPDATE, update)
    desk.register(ROLLBACK, rollback)
