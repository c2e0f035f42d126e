"""A worker without a process, for tests and for machines where nothing may be spawned.

It builds the same tasks and does the same jobs, on the caller's own event loop, which it blocks
meanwhile. Tests may make it hold its answers, say something, or die.
"""

import asyncio
import itertools
from collections.abc import Sequence

from spyoncino.runtime.attempt import Failure, attempt
from spyoncino.runtime.jobs import Task, TaskSpec
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.worker import build_tasks, run_job
from spyoncino.runtime.worker_link import WorkerListener
from spyoncino.runtime.worker_messages import FromWorker, Ready, RunJob, StartFailed, ToWorker


class InlineWorker:
    """One worker on the event loop; made by ``InlineWorkers``.

    Attributes:
        pid: A number of its own, from 1.
        held: Jobs that wait for ``release``.
        holds: Whether jobs wait for ``release``.
        is_alive: Whether it still answers.
        ignores_stop: It does not end when told to.
        ignores_kill: Nor by force, like a process that waits for a broken disk.
    """

    def __init__(self, pid: int, listener: WorkerListener, *, holds: bool) -> None:
        self.pid = pid
        self.held: list[RunJob] = []
        self.is_alive = True
        self.holds = holds
        self.ignores_stop = False
        self.ignores_kill = False
        self._is_stopping = False
        self._listener = listener
        self._built: dict[str, Task] = {}
        self._loop = asyncio.get_running_loop()

    def send(self, message: ToWorker) -> None:
        """Do a job soon, or end after those at hand."""
        if isinstance(message, RunJob):
            self.held.append(message)
        elif not self.ignores_stop:
            self._is_stopping = True
        self._loop.call_soon(self._go_on)

    def kill(self) -> None:
        """End at once; whatever it held is lost."""
        if not self.ignores_kill:
            self._loop.call_soon(self.die, "was killed by signal 9 (SIGKILL)")

    def release(self) -> None:
        """Do the oldest held job now."""
        self.say(run_job(self._built, self.held.pop(0)))
        self._go_on()

    def say(self, message: FromWorker) -> None:
        """Say something to main."""
        if self.is_alive:
            self._listener.on_message(self, message)

    def die(self, how: str) -> None:
        """End as a process would; a second death changes nothing."""
        if self.is_alive:
            self.is_alive = False
            self._listener.on_gone(self, how)

    def build(self, tasks: Sequence[TaskSpec]) -> None:
        """Build the tasks and tell main."""
        built = attempt(build_tasks, tasks)
        if isinstance(built, Failure):
            self.say(StartFailed(built.error_type, built.error))
            self.die("ended with exit code 0")
        else:
            self._built = built
            self.say(Ready(build_ms=0.0, pss_bytes=0))

    def _go_on(self) -> None:
        if self.held and not self.holds:
            self.release()
        elif self._is_stopping and not self.held:
            self.die("ended with exit code 0")


class InlineWorkers:
    """Starts inline workers; pass it to ``WorkerPool`` as ``launcher``.

    Args:
        holds: Jobs wait until the test releases them.

    Attributes:
        started: Every worker ever started, in order.
        is_slow: Workers launched from here on are never ready.
    """

    def __init__(self, *, holds: bool = False) -> None:
        self.holds = holds
        self.is_slow = False
        self.started: list[InlineWorker] = []
        self._pids = itertools.count(1)

    def launch(
        self, name: str, tasks: Sequence[TaskSpec], limits: PoolLimits, listener: WorkerListener
    ) -> InlineWorker:
        """Start one; it is ready a moment later and beats only when told to."""
        del name, limits
        worker = InlineWorker(next(self._pids), listener, holds=self.holds)
        if not self.is_slow:
            asyncio.get_running_loop().call_soon(worker.build, tasks)
        self.started.append(worker)
        return worker

    async def close(self) -> None:
        """There is nothing to give back."""
