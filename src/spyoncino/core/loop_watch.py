"""Notices when the event loop of main is blocked: a thread looks, because the loop cannot.

The stack of the blocked loop is logged once for each block, with the name of the task that runs.
A process that was stopped as a whole (SIGSTOP, a suspended machine) is not blocked: then the thread
is late, too. Who ends a main that stays blocked is the service manager, whose signs of life come
from the loop (``host.notify``).
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from spyoncino.schemas.status import HealthState, HealthStatus

BEAT_S = 0.1
"""How often the loop shows that it lives."""

LOOK_S = 0.2
"""How often the thread looks."""

BLOCKED_S = 1.0
"""A beat that is so late means that something blocks the loop."""

REMEMBERED_S = 300.0
"""For so long after a block health is degraded."""

STACK_FRAMES = 12
"""Innermost frames of the blocked stack that are logged."""


class LoopWatch:
    """Watches the loop in which it was started.

    Args:
        log: Where blocks are told.
        blocked_s: From which delay on the loop counts as blocked.
        now_s: Monotonic time; read by two threads.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        blocked_s: float = BLOCKED_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._blocked_s = blocked_s
        self._now_s = now_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._due_s = 0.0
        self._longest_lag_s = 0.0
        self._told_due_s = -1.0
        self._last_block_s: float | None = None
        self._culprit = ""
        self.blocks = 0
        self.longest_s = 0.0

    async def start(self) -> None:
        """Begin, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._due_s = self._now_s()
        self._beat()
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)
        await asyncio.to_thread(self._thread.start)

    async def stop(self) -> None:
        """End; harmless before ``start``."""
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def take_lag_s(self) -> float:
        """The longest delay of the loop in seconds since this was asked last."""
        lag_s, self._longest_lag_s = self._longest_lag_s, 0.0
        return lag_s

    async def health(self) -> HealthStatus:
        """Degraded for some minutes after a block."""
        numbers = {"blocks": float(self.blocks), "longest_block_s": self.longest_s}
        if self._last_block_s is None:
            return HealthStatus(numbers=numbers)
        since_s = self._now_s() - self._last_block_s
        if since_s > REMEMBERED_S:
            return HealthStatus(numbers=numbers)
        return HealthStatus(
            state=HealthState.DEGRADED,
            detail=f"the main process was blocked {since_s:.0f} s ago by {self._culprit}; "
            "the log has its stack",
            numbers=numbers,
        )

    def _beat(self) -> None:
        if self._loop is None or self._over.is_set():
            return
        now_s = self._now_s()
        lag_s = now_s - self._due_s
        self._longest_lag_s = max(self._longest_lag_s, lag_s)
        if self._told_due_s == self._due_s:
            self.longest_s = max(self.longest_s, lag_s)
            self._log.warning("recovery: the main process goes on", blocked_s=round(lag_s, 2))
        self._due_s = now_s + BEAT_S
        self._timer = self._loop.call_later(BEAT_S, self._beat)

    def _watch(self) -> None:
        looked_s = self._now_s()
        while not self._over.wait(LOOK_S):
            now_s, due_s = self._now_s(), self._due_s
            was_stopped = now_s - looked_s > LOOK_S + self._blocked_s / 2
            looked_s = now_s
            if was_stopped or due_s == self._told_due_s or now_s - due_s < self._blocked_s:
                continue
            self._tell(now_s, due_s)

    def _tell(self, now_s: float, due_s: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the only way there is
        task = asyncio.current_task(self._loop)
        self._told_due_s = due_s
        self.blocks += 1
        self.longest_s = max(self.longest_s, now_s - due_s)
        self._culprit = task.get_name() if task is not None else "a callback"
        self._last_block_s = now_s
        stack = traceback.format_stack(frame)[-STACK_FRAMES:] if frame is not None else []
        self._log.error(
            "the main process is blocked",
            for_s=round(now_s - due_s, 2),
            task=self._culprit,
            stack="".join(stack),
        )
