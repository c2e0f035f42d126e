"""The worker without a process keeps the promises that crews rely on."""

import asyncio

from tests.fixtures.pool_stage import BROKEN, ECHO, settle

from spyoncino.runtime.inline_worker import InlineWorker, InlineWorkers
from spyoncino.runtime.jobs import TaskSpec
from spyoncino.runtime.pool_limits import PoolLimits
from spyoncino.runtime.worker_link import WorkerLink
from spyoncino.runtime.worker_messages import (
    FromWorker,
    JobDone,
    Ready,
    RunJob,
    StartFailed,
    Stop,
    pack,
    unpack,
)


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.messages: list[FromWorker] = []
        self.ends: list[str] = []

    def on_message(self, _link: WorkerLink, message: FromWorker) -> None:
        """Note it."""
        self.messages.append(message)

    def on_gone(self, _link: WorkerLink, how: str) -> None:
        """Note it."""
        self.ends.append(how)


def launch(
    task: TaskSpec = ECHO, *, holds: bool = False
) -> tuple[InlineWorker, Listener, InlineWorkers]:
    """One worker and who listens to it."""
    workers, listener = InlineWorkers(holds=holds), Listener()
    return workers.launch("worker-1", (task,), PoolLimits(), listener), listener, workers


async def test_nothing_is_said_from_inside_launch_or_send() -> None:
    worker, listener, workers = launch()
    assert listener.messages == []
    await settle()
    assert isinstance(listener.messages.pop(), Ready)

    worker.send(RunJob("a-1", "echo", pack(1)))
    assert listener.messages == []
    await settle()

    done = listener.messages.pop()
    assert isinstance(done, JobDone)
    assert unpack(done.value) == 1
    assert workers.started == [worker]
    await workers.close()


async def test_told_to_stop_it_does_its_jobs_first() -> None:
    worker, listener, _ = launch()
    worker.send(RunJob("a-1", "echo", pack(1)))
    worker.send(Stop())
    await settle()

    assert isinstance(listener.messages[-1], JobDone)
    assert listener.ends == ["ended with exit code 0"]


async def test_held_jobs_wait_for_release() -> None:
    worker, listener, _ = launch(holds=True)
    worker.send(RunJob("a-1", "echo", pack(1)))
    await settle()
    assert len(listener.messages) == 1

    worker.release()

    assert len(listener.messages) == 2


async def test_it_dies_once_and_says_nothing_afterwards() -> None:
    worker, listener, _ = launch()
    worker.kill()
    worker.kill()
    await asyncio.sleep(0)
    await settle()
    worker.say(JobDone("a-1"))

    assert len(listener.ends) == 1
    assert not any(isinstance(message, JobDone) for message in listener.messages)


async def test_task_that_cannot_be_built_is_told_and_ends_it() -> None:
    _, listener, _ = launch(BROKEN)
    await settle()

    assert isinstance(listener.messages[0], StartFailed)
    assert listener.ends == ["ended with exit code 0"]
