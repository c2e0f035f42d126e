"""Orders about muted cameras, for a running main and for a data folder at rest.

Main gets them as a ``ControlCommand`` to ``alerts``, from commands, bots and plug-ins alike. It is
published on a critical topic, so it is obeyed also when main dies at once.
"""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.paths import DataFolder
from spyoncino.errors import UsageError
from spyoncino.persistence.database import Database
from spyoncino.persistence.mutes import Mute, MuteStore
from spyoncino.schemas.base import utc_now
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.topics import CONTROL_COMMAND

TARGET, COMMAND = "alerts", "mute"
ORDER = "alerts.mute"

LONGEST_S: Final = 30 * 86_400.0
"""A camera that is muted for longer is better left out of the rules."""


def mute_command(camera: str, for_s: float, author: str) -> ControlCommand:
    """The command that mutes a camera from now on; 0 seconds end its mute."""
    arguments = {"camera": camera, "for_s": for_s}
    return ControlCommand(source=author, target=TARGET, command=COMMAND, arguments=arguments)


def muted_by(command: ControlCommand, cameras: Collection[str]) -> Mute | None:
    """What a command wants; the same however late or often it is read.

    Returns:
        ``None`` for a command that is not about mutes.

    Raises:
        UsageError: It makes no sense.
    """
    if (command.target, command.command) != (TARGET, COMMAND):
        return None
    camera = str(command.arguments.get("camera", ""))
    for_s = checked(camera, command.arguments.get("for_s"), cameras)
    until = command.timestamp + timedelta(seconds=for_s)
    return Mute(camera, until, command.source or "bus")


def checked(camera: str, for_s: object, cameras: Collection[str]) -> float:
    """Seconds of a mute of a camera that exists.

    Raises:
        UsageError: There is no such camera, or it is too long or no number.
    """
    if camera not in cameras:
        known = ", ".join(sorted(cameras)) or "none"
        raise UsageError(f"there is no camera {camera!r}; there are: {known}")
    if not isinstance(for_s, int | float) or not 0 <= for_s <= LONGEST_S:
        days = LONGEST_S / 86_400
        raise UsageError(f"a camera is muted for 0 s to {days:.0f} d, not for {for_s!r}")
    return float(for_s)


def register_mutes(desk: ControlDesk, bus: Bus, cameras: Collection[str]) -> None:
    """Have the desk of a running main take orders about mutes."""

    async def order(arguments: dict[str, Any]) -> None:
        camera, for_s = arguments["camera"], arguments["for_s"]
        checked(camera, for_s, cameras)
        await bus.publish(CONTROL_COMMAND, mute_command(camera, for_s, "cli"))

    desk.register(ORDER, order)


async def order_mute(
    folder: DataFolder, camera: str, for_s: float, cameras: Collection[str]
) -> datetime:
    """Mute a camera, whether main runs or not.

    Args:
        folder: The data folder, with a database.
        camera: Which one.
        for_s: Seconds; 0 ends a mute.
        cameras: The configured ones.

    Returns:
        When the mute ends.

    Raises:
        UsageError: There is no such camera, or it is too long.
        StorageError: Main does not answer, or the disk refused.
    """
    checked(camera, for_s, cameras)
    until = utc_now() + timedelta(seconds=for_s)
    if await asyncio.to_thread(lambda: folder.running_process) is not None:
        await ask_main(folder.socket, ORDER, camera=camera, for_s=for_s)
        return until
    database = Database(folder.database)
    await database.open()
    try:
        store = MuteStore(database)
        await (store.put(Mute(camera, until, "cli")) if for_s else store.end(camera))
    finally:
        await database.close()
    return until
