"""How full the disk of the data folder is: a health probe that warns before it is full."""

import asyncio
import shutil
from pathlib import Path

from spyoncino.core.settings import HealthSettings
from spyoncino.schemas.status import HealthState, HealthStatus


class DiskProbe:
    """Compares free space with ``health.disk_free_bytes`` and ``.disk_free_percent``.

    Args:
        settings: The limits.
        folder: The data folder.
    """

    def __init__(self, settings: HealthSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder

    async def __call__(self) -> HealthStatus:
        """Degraded while less is free than either limit; failed when nothing is free."""
        try:
            usage = await asyncio.to_thread(shutil.disk_usage, self._folder)
        except OSError as error:
            detail = f"the data folder {self._folder} cannot be reached ({error.strerror})"
            return HealthStatus(state=HealthState.FAILED, detail=detail)
        free_percent = 100.0 * usage.free / max(usage.total, 1)
        numbers = {"free_bytes": float(usage.free), "free_percent": free_percent}
        least = int(self._settings.disk_free_bytes)
        least_percent = self._settings.disk_free_percent
        if usage.free >= least and free_percent >= least_percent:
            return HealthStatus(numbers=numbers)
        return HealthStatus(
            state=HealthState.DEGRADED,
            detail=f"{usage.free / 1e6:.0f} MB ({free_percent:.1f} %) are free for "
            f"{self._folder}; below {least / 1e6:.0f} MB or {least_percent:g} % the oldest "
            "recordings go and new clips are not begun: make room, or lower media.max_bytes",
            numbers=numbers,
        )
