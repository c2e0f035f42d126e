"""Tells on the bus and in the log what became of a change of settings."""

import logging
from contextlib import suppress
from typing import Any

from structlog.typing import FilteringBoundLogger

from spyoncino.core.bus import Bus
from spyoncino.core.config_load import LoadedConfig
from spyoncino.core.config_transaction import Outcome
from spyoncino.errors import BusClosedError
from spyoncino.schemas import topics
from spyoncino.schemas.base import Payload
from spyoncino.schemas.control import ConfigRejected, ConfigRollback, ConfigSnapshotPayload
from spyoncino.schemas.status import ContractNotice

NAME = "config"
"""The service's name as subscriber, source and in notices."""

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class ConfigNews:
    """Publishes; nothing happens when the bus is already closed.

    Args:
        bus: Where news go.
        log: Where notices go too.
    """

    def __init__(self, bus: Bus, log: FilteringBoundLogger) -> None:
        self._bus = bus
        self._log = log

    async def snapshot(self, version: int, loaded: LoadedConfig) -> None:
        """Tell what is in force; secrets are masked."""
        payload = ConfigSnapshotPayload(source=NAME, version=version, settings=loaded.shown())
        await self._publish(topics.CONFIG_SNAPSHOT, payload)

    async def rejected(self, author: str, problems: tuple[str, ...], *, from_file: bool) -> None:
        """Tell that a change was refused before anything was touched."""
        payload = ConfigRejected(source=NAME, problems=problems, author=author)
        await self._publish(topics.CONFIG_REJECTED, payload)
        whose = "the edited file is not taken" if from_file else "a change is not taken"
        await self.notice(f"{whose}, the old settings stay: {'; '.join(problems)}", "warning")

    async def rolled_back(
        self, version: int, author: str, keys: tuple[str, ...], outcome: Outcome
    ) -> str:
        """Tell that a change was taken back.

        Args:
            version: Number of the version that is in force again.
            author: Who wanted the change.
            keys: What it wanted to change.
            outcome: Of the transaction.

        Returns:
            One sentence: which part did not bear it, and why.
        """
        payload = ConfigRollback(
            source=NAME,
            version=version,
            author=author,
            changes=keys,
            part=outcome.part,
            reason=outcome.reason,
            diagnostics=outcome.diagnostics,
            is_complete=outcome.is_complete,
        )
        await self._publish(topics.CONFIG_ROLLBACK, payload)
        said = f"{outcome.part} did not bear new settings ({outcome.reason})"
        severity = "warning" if outcome.is_complete else "error"
        how = "the old ones are in force again" if outcome.is_complete else "not all went back"
        await self.notice(f"{said}; {how}: {'; '.join(outcome.diagnostics)}", severity)
        return said

    async def notice(self, message: str, severity: str) -> None:
        """Say a sentence on ``status.contract`` and in the log.

        Args:
            message: The sentence.
            severity: info, warning or error.
        """
        self._log.log(LEVELS[severity], message)
        notice = ContractNotice(source=NAME, component=NAME, message=message, severity=severity)
        await self._publish(topics.STATUS_CONTRACT, notice)

    async def _publish(self, topic: topics.Topic[Any], payload: Payload) -> None:
        with suppress(BusClosedError):
            await self._bus.publish(topic, payload)
