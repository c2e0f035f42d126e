"""Background work of one module: every task is known and awaited or cancelled, no error is lost."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


class Chores:
    """The tasks that a module has started and not yet finished.

    A task that raises harms nobody else: the error is logged and counted for the module's health.

    Args:
        log: Where unexpected errors go.
    """

    def __init__(self, log: "FilteringBoundLogger") -> None:
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed_count = 0
        self.last_error = ""

    def __len__(self) -> int:
        return len(self._tasks)

    def start(
        self, work: Coroutine[Any, Any, None], name: str, context: Context | None = None
    ) -> asyncio.Task[None]:
        """Run the coroutine in the background.

        Args:
            work: What to do.
            name: For the log.
            context: For whose message it is done; the message being handled now if not given.
        """
        task = asyncio.get_running_loop().create_task(work, name=name, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._on_done, context=context)
        return task

    async def finished(self) -> None:
        """Wait until nothing is left to do, including what the tasks start meanwhile."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def progress(self) -> None:
        """Wait until at least one task has finished; at once when there is none."""
        if self._tasks:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def cancel(self) -> None:
        """Cancel everything, also what the cancelled tasks start, and wait until it is gone."""
        while self._tasks:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.wait(self._tasks)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.failed_count += 1
            self.last_error = str(error) or type(error).__name__
            self._log.error("background work failed", task=task.get_name(), exc_info=error)
