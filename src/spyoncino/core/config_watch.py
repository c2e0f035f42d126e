"""Notices when a file of the configuration was saved, and has it taken over.

The folder is watched, not the file: editors write a new file and rename it. Where the system cannot
watch (some network folders), this is said once and a change needs a command or a new start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from structlog.typing import FilteringBoundLogger
from watchfiles import Change, awatch

SETTLE_MS = 300
"""Editors write a file in several steps: wait until none follows for so long."""

logging.getLogger("watchfiles").setLevel(logging.WARNING)


class ConfigWatch:
    """Watches the folder of some files.

    Args:
        files: Those that matter, all in one folder or a few.
        saved: Called after one of them changed; one call at a time.
        log: Where it is told that nothing can be watched.
    """

    def __init__(
        self,
        files: tuple[Path, ...],
        saved: Callable[[], Awaitable[object]],
        log: FilteringBoundLogger,
    ) -> None:
        self._files = frozenset(str(file.absolute()) for file in files)
        self._folders = {file.absolute().parent for file in files}
        self._saved = saved
        self._log = log
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch; nothing happens without files."""
        if self._files:
            self._task = asyncio.create_task(self._watch(), name="configuration watch")

    async def stop(self) -> None:
        """Watch no more; what is being taken over is not waited for."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _watch(self) -> None:
        try:
            async for _ in awatch(
                *self._folders,
                watch_filter=self._matters,
                step=SETTLE_MS,
                stop_event=self._stop,
                recursive=False,
            ):
                await self._saved()
        except (OSError, RuntimeError) as error:
            self._log.warning(
                "the configuration file cannot be watched; after editing it start Spyoncino again",
                error=str(error),
            )

    def _matters(self, _change: Change, path: str) -> bool:
        return path in self._files
