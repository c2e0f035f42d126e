"""Main's end of a worker process at the moments when it is not there, not yet or no longer."""

import array
import asyncio
import fcntl
import os
import signal
import termios
import time
from typing import Any, NoReturn

import pytest

from spyoncino.runtime.children import ChildStarter
from spyoncino.runtime.jobs import TaskSpec
from spyoncino.runtime.message_pipe import MainPipe
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.worker_link import ProcessWorker, ProcessWorkers, WorkerLink
from spyoncino.runtime.worker_messages import (
    FromWorker,
    Heartbeat,
    JobDone,
    Ready,
    RunJob,
    pack,
    unpack,
)

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

ECHO = TaskSpec("echo", "tests.fixtures.pool_tasks:build_echo")
PATIENCE_S = 20.0
BIGGER_THAN_A_PIPE = bytes(3_000_000)


class Listener:
    """Notes what it is told, and says when."""

    def __init__(self) -> None:
        self.messages: list[FromWorker] = []
        self.ready = asyncio.Event()
        self.gone = asyncio.Event()
        self.how = ""

    def on_message(self, _link: WorkerLink, message: FromWorker) -> None:
        """Note it."""
        self.messages.append(message)
        if isinstance(message, Ready):
            self.ready.set()

    def on_gone(self, _link: WorkerLink, how: str) -> None:
        """Note it."""
        self.how = how
        self.gone.set()


class RefusingStarter(ChildStarter):
    """A system that gives no more processes."""

    async def start(self, *_arguments: Any) -> NoReturn:
        """Refuse."""
        raise BlockingIOError(11, "Resource temporarily unavailable")


def wait_until_dead(pid: int) -> None:
    """Wait for the end of a process without reaping it; the event loop notices nothing yet."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def wait_for_bytes(pipe: MainPipe, count: int) -> None:
    """Wait until so many bytes can be read; the event loop notices nothing yet."""
    until = time.monotonic() + PATIENCE_S
    waiting = array.array("i", [0])
    while waiting[0] < count and time.monotonic() < until:
        fcntl.ioctl(pipe.fileno(), termios.FIONREAD, waiting)


async def within(event: asyncio.Event) -> None:
    """Wait for it, but not forever."""
    async with asyncio.timeout(PATIENCE_S):
        await event.wait()


async def test_start_that_the_system_refuses_is_told_as_an_end() -> None:
    starter, listener = RefusingStarter(), Listener()
    link = ProcessWorker(starter, "worker-1", (ECHO,), PoolLimits(), listener)
    await within(listener.gone)

    assert listener.how.startswith("could not be started")
    assert link.pid == 0
    await asyncio.to_thread(starter.close)


async def test_worker_killed_before_it_exists_is_killed_when_it_does() -> None:
    workers, listener = ProcessWorkers(), Listener()
    link = workers.launch("worker-1", (ECHO,), PoolLimits(), listener)
    link.kill()
    await within(listener.gone)

    assert listener.how == "was killed by signal 9 (SIGKILL)"
    await workers.close()


async def test_dead_worker_takes_messages_and_kills_in_silence() -> None:
    workers, listener = ProcessWorkers(), Listener()
    link = workers.launch("worker-1", (ECHO,), PoolLimits(), listener)
    await within(listener.ready)
    os.kill(link.pid, signal.SIGKILL)
    wait_until_dead(link.pid)
    link.send(RunJob("a-1", "echo", pack(1)))  # before main has noticed
    await within(listener.gone)

    link.send(RunJob("a-2", "echo", pack(2)))
    link.kill()
    assert not any(hasattr(message, "job_id") for message in listener.messages)
    await workers.close()


async def test_death_in_the_middle_of_a_long_message_ends_the_writing() -> None:
    workers, listener = ProcessWorkers(), Listener()
    link = workers.launch("worker-1", (ECHO,), PoolLimits(), listener)
    await within(listener.ready)
    os.kill(link.pid, signal.SIGSTOP)
    link.send(RunJob("a-1", "echo", pack(BIGGER_THAN_A_PIPE)))
    os.kill(link.pid, signal.SIGKILL)
    wait_until_dead(link.pid)
    link._on_writable()
    await within(listener.gone)

    assert listener.how == "was killed by signal 9 (SIGKILL)"
    await workers.close()


async def test_answer_sent_just_before_death_is_heard_to_its_end() -> None:
    workers, listener = ProcessWorkers(), Listener()
    link = workers.launch("worker-1", (ECHO,), PoolLimits(), listener)
    await within(listener.ready)
    text = os.urandom(130_000)
    link.send(RunJob("a-1", "echo", pack(text)))
    wait_for_bytes(link._pipe, len(text))
    os.kill(link.pid, signal.SIGKILL)
    wait_until_dead(link.pid)
    await within(listener.gone)

    done = listener.messages[-1]
    assert isinstance(done, JobDone)
    assert unpack(done.value) == text
    await workers.close()


async def test_worker_beats_unasked() -> None:
    workers, listener = ProcessWorkers(), Listener()
    link = workers.launch("worker-1", (ECHO,), PoolLimits(heartbeat_interval_s=0.01), listener)
    await within(listener.ready)
    async with asyncio.timeout(PATIENCE_S):
        while not any(  # noqa: ASYNC110 - the listener has no event for it
            isinstance(message, Heartbeat) for message in listener.messages
        ):
            await asyncio.sleep(0.01)

    link.kill()
    await within(listener.gone)
    await workers.close()


async def test_launcher_that_started_nothing_has_nothing_to_close() -> None:
    await ProcessWorkers().close()
