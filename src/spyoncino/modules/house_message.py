"""How what is told about the house itself is kept, so that a restart counts its revisions on."""

from typing import Any

from spyoncino.core.contracts import BaseModule
from spyoncino.errors import StorageError
from spyoncino.persistence.alert_sheets import AlertSheet, AlertSheetStore
from spyoncino.schemas.topics import NOTIFY_QUEUED


async def keep_and_publish(
    module: BaseModule[Any], store: AlertSheetStore, sheet: AlertSheet
) -> None:
    """Keep a message, then publish it to its channels; a full disk is no reason to be silent.

    Args:
        module: That tells it.
        store: The table of sheets.
        sheet: The message; one without channels is not kept.
    """
    if not sheet.alerts:
        return
    try:
        await store.keep(sheet, module.context.clock.utc_now())
    except StorageError as error:
        module.context.log.error("what is told is not kept", ref=sheet.ref, error=str(error))
    for alert in sheet.alerts:
        await module.publish(NOTIFY_QUEUED.of(alert.channel), alert)
