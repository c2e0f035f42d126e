"""Main's end of one worker process: start it, talk to it without blocking, notice its death."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from multiprocessing.context import SpawnProcess
from typing import Final, Protocol

from spyoncino.runtime.children import ChildStarter, how_it_ended
from spyoncino.runtime.jobs import TaskSpec
from spyoncino.runtime.message_pipe import PipeClosedError, socket_pair
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.worker import worker_main
from spyoncino.runtime.worker_messages import FromWorker, ToWorker

_LAST_READS: Final = 512
"""After a worker's death its pipe is read to the end, or this often: twice the largest message."""


class WorkerLink(Protocol):
    """A running worker as the crew sees it."""

    @property
    def pid(self) -> int:
        """Process id; 0 before it exists."""
        ...

    def send(self, message: ToWorker) -> None:
        """Hand over a message; never blocks and never raises: a death is told by ``on_gone``."""
        ...

    def kill(self) -> None:
        """End it at once, whatever it does; ``on_gone`` follows."""
        ...


class WorkerListener(Protocol):
    """Who is told what a worker says; called on the event loop, never from inside ``launch``."""

    def on_message(self, link: WorkerLink, message: FromWorker) -> None:
        """It said something."""
        ...

    def on_gone(self, link: WorkerLink, how: str) -> None:
        """It is dead and reaped, and all that it had sent was passed on before.

        ``how`` says in words how it ended and follows after its name.
        """
        ...


class Launcher(Protocol):
    """Starts workers."""

    def launch(
        self, name: str, tasks: Sequence[TaskSpec], limits: PoolLimits, listener: WorkerListener
    ) -> WorkerLink:
        """Begin to start a worker; returns at once."""
        ...

    async def close(self) -> None:
        """Give back what starting needs; every worker is gone by then. It may be used again."""
        ...


class ProcessWorkers:
    """Starts each worker in a spawned process of its own."""

    def __init__(self) -> None:
        self._starter: ChildStarter | None = None

    def launch(
        self, name: str, tasks: Sequence[TaskSpec], limits: PoolLimits, listener: WorkerListener
    ) -> "ProcessWorker":
        """Begin to start a worker; a start that the system refuses is told by ``on_gone``."""
        if self._starter is None:
            self._starter = ChildStarter()
        return ProcessWorker(self._starter, name, tasks, limits, listener)

    async def close(self) -> None:
        """End the thread that starts processes."""
        if self._starter is not None:
            await asyncio.to_thread(self._starter.close)  # it waits for that thread
            self._starter = None


class ProcessWorker:
    """One worker process; created on the event loop's thread.

    Args:
        starter: Starts the process.
        name: ``worker-1`` and so on.
        tasks: What it can do.
        limits: How often it must beat, how long it waits for orders after SIGTERM.
        listener: Who is told.
    """

    def __init__(
        self,
        starter: ChildStarter,
        name: str,
        tasks: Sequence[TaskSpec],
        limits: PoolLimits,
        listener: WorkerListener,
    ) -> None:
        self.pid = 0
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._pipe, self._theirs = socket_pair()
        self._process: SpawnProcess | None = None
        self._is_open = True
        self._is_wanted = True
        args = (
            self._theirs,
            tuple(tasks),
            limits.heartbeat_interval_s,
            limits.stop_timeout_s,
            os.getpid(),
        )
        self._starting = self._loop.create_task(self._start(starter, args, name))

    def send(self, message: ToWorker) -> None:
        """Hand over a message; what the pipe does not take now follows when it can."""
        if self._is_open:
            try:
                self._pipe.send(message)
            except PipeClosedError:
                return  # its end is told by the sentinel
            if self._pipe.has_unsent:
                self._loop.add_writer(self._pipe, self._on_writable)

    def kill(self) -> None:
        """SIGKILL, which also ends a stopped process."""
        self._is_wanted = False
        if self._process is not None and self._is_open:
            self._process.kill()

    async def _start(self, starter: ChildStarter, args: tuple[object, ...], name: str) -> None:
        try:
            process = await starter.start(worker_main, args, name)
        except OSError as error:
            self._end(f"could not be started ({error})")
            return
        finally:
            self._theirs.close()
        self._process = process
        self.pid = process.pid or 0
        self._loop.add_reader(self._pipe, self._on_readable)
        self._loop.add_reader(process.sentinel, self._on_exit, process)
        if not self._is_wanted:
            process.kill()

    def _on_writable(self) -> None:
        try:
            self._pipe.flush()
        except PipeClosedError:
            self._loop.remove_writer(self._pipe)
            return
        if not self._pipe.has_unsent:
            self._loop.remove_writer(self._pipe)

    def _on_readable(self) -> bool:
        """Pass on what has come; whether the pipe is still open."""
        try:
            messages = self._pipe.receive()
        except PipeClosedError:
            self._loop.remove_reader(self._pipe)
            self.kill()  # a worker that cannot speak is of no use
            return False
        for message in messages:
            self._listener.on_message(self, message)
        return True

    def _on_exit(self, process: SpawnProcess) -> None:
        self._loop.remove_reader(process.sentinel)
        process.join()  # it is dying this moment; only when it is dead its pipe has an end
        for _ in range(_LAST_READS):
            if not self._on_readable():
                break
        self._loop.remove_reader(self._pipe)
        self._loop.remove_writer(self._pipe)
        how = how_it_ended(process)
        with contextlib.suppress(ValueError):  # the starter's thread is reaping it this moment
            process.close()
        self._end(how)

    def _end(self, how: str) -> None:
        self._is_open = False
        self._pipe.close()
        self._listener.on_gone(self, how)
