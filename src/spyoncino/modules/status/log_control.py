"""Obeys ``dashboard.control.command`` about log levels: target ``logs``, command ``level``."""

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ModuleSettings, StatusModule
from spyoncino.core.log_levels import set_level
from spyoncino.core.queues import Policy
from spyoncino.errors import UsageError
from spyoncino.schemas import topics
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.status import ContractNotice, HealthStatus

TARGET, COMMAND = "logs", "level"


class LogControlSettings(ModuleSettings):
    """Section ``log_control``: nothing to set."""


class LogControl(StatusModule[LogControlSettings]):
    """Changes log levels on order, until the next start; the arguments are module and level."""

    name = "status.log_control"
    section = "log_control"
    settings_model = LogControlSettings
    consumes = (Consume(topics.CONTROL_COMMAND, "on_command", Policy.BLOCK),)
    publishes = (topics.STATUS_CONTRACT,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._obeyed = 0

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Nothing to release."""

    async def health(self) -> HealthStatus:
        """Always well; tells how many orders were obeyed."""
        return HealthStatus(numbers={"obeyed": float(self._obeyed)})

    async def on_command(self, command: ControlCommand) -> None:
        """Change a level; an order that makes no sense is answered on ``status.contract``."""
        if (command.target, command.command) != (TARGET, COMMAND):
            return
        arguments = command.arguments
        name, level = str(arguments.get("module", "all")), str(arguments.get("level", ""))
        try:
            set_level(name, level)
        except UsageError as error:
            notice = ContractNotice(
                source=self.name,
                component=command.source or "unknown",
                message=f"log level not changed: {error}",
                correlation_id=command.correlation_id or command.event_id,
            )
            await self.publish(topics.STATUS_CONTRACT, notice)
            return
        self._obeyed += 1
        self.context.log.warning("log level changed", of=name, level=level, by=command.source)
