"""The life of one worker process: build every task once, then do one job after the other.

It imports nothing heavy itself; each task's factory does. It never raises for a job: a failed job
is an answer. It ends when main closes the socket, when main dies, or when it is told to.
"""

import importlib
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from spyoncino.errors import ConfigError
from spyoncino.runtime.attempt import Failure, attempt
from spyoncino.runtime.children import LeaveRequest, prepare_child
from spyoncino.runtime.jobs import Task, TaskSpec
from spyoncino.runtime.message_pipe import ChildPipe, PipeClosedError
from spyoncino.runtime.process_cost import pss_bytes
from spyoncino.runtime.worker_messages import (
    Heartbeat,
    JobDone,
    Ready,
    RunJob,
    StartFailed,
    Stop,
    pack,
    unpack,
)

_LOOK_UP_S: Final = 1.0
"""An idle worker looks this often whether it should leave."""

_BEATS_PER_MEASUREMENT: Final = 10
"""Reading one's own memory map costs the kernel about 2 ms, so not with every beat."""


def worker_main(
    connection: socket.socket,
    tasks: Sequence[TaskSpec],
    heartbeat_interval_s: float,
    leave_grace_s: float,
    parent_pid: int,
) -> None:
    """Entry point of the process.

    Args:
        connection: Leads to main.
        tasks: What to build.
        heartbeat_interval_s: How often to say that it lives.
        leave_grace_s: After SIGTERM main has this long to order an orderly end.
        parent_pid: Main's process id.
    """
    prepare_child(parent_pid)
    request = LeaveRequest(leave_grace_s)
    serve(connection, tasks, heartbeat_interval_s, lambda: request.is_overdue)


def serve(
    connection: socket.socket,
    tasks: Sequence[TaskSpec],
    heartbeat_interval_s: float,
    should_leave: Callable[[], bool],
) -> None:
    """Build the tasks and do jobs until told to stop, until it should leave or main is gone."""
    pipe = ChildPipe(connection)
    try:
        built = _build_and_tell(pipe, tasks)
        over = threading.Event()
        heart = threading.Thread(
            target=_beat, args=(pipe, over, heartbeat_interval_s), name="heart", daemon=True
        )
        heart.start()
        try:
            if built:
                _work(pipe, built, should_leave)
        finally:
            over.set()
            heart.join()
            for task in built.values():
                close = getattr(task, "close", None)
                if close is not None:
                    close()
    except PipeClosedError:
        return
    finally:
        pipe.close()


def _build_and_tell(pipe: ChildPipe, tasks: Sequence[TaskSpec]) -> dict[str, Task]:
    """The tasks; none when one could not be built, which main is told."""
    began = time.perf_counter()
    built = attempt(build_tasks, tasks)
    if isinstance(built, Failure):
        pipe.send(StartFailed(built.error_type, built.error))
        return {}
    pipe.send(Ready(1000 * (time.perf_counter() - began), pss_bytes(os.getpid())))
    return built


def build_tasks(tasks: Sequence[TaskSpec]) -> dict[str, Task]:
    """Build each task from its settings and let it check its health, if it can.

    Raises:
        ConfigError: A factory's name leads nowhere.
        Exception: Whatever a factory or a health check raises.
    """
    built: dict[str, Task] = {}
    for spec in tasks:
        module_name, _, function_name = spec.factory.partition(":")
        try:
            factory = getattr(importlib.import_module(module_name), function_name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(
                f"The task '{spec.kind}' cannot be built: '{spec.factory}' cannot be imported "
                f"({error}); write it as package.module:callable."
            ) from error
        task: Task = factory(dict(spec.settings))
        health = getattr(task, "health", None)
        if health is not None:
            health()
        built[spec.kind] = task
    return built


def run_job(built: Mapping[str, Task], job: RunJob) -> JobDone:
    """Do one job; a failure is an answer, never an exception."""
    began = time.perf_counter()
    packed = attempt(_do, built, job)
    spent_ms = 1000 * (time.perf_counter() - began)
    if isinstance(packed, Failure):
        return JobDone(
            job.job_id,
            processing_time_ms=spent_ms,
            error=packed.error,
            error_type=packed.error_type,
            is_final=packed.is_final,
            traceback=packed.trace,
        )
    return JobDone(job.job_id, packed, spent_ms)


def _do(built: Mapping[str, Task], job: RunJob) -> bytes:
    return pack(built[job.kind](unpack(job.payload)))


def _beat(pipe: ChildPipe, over: threading.Event, interval_s: float) -> None:
    beats = 0
    while not over.wait(interval_s):
        beats += 1
        measured = pss_bytes(os.getpid()) if beats % _BEATS_PER_MEASUREMENT == 0 else None
        try:
            pipe.send(Heartbeat(measured))
        except PipeClosedError:
            return


def _work(pipe: ChildPipe, built: Mapping[str, Task], should_leave: Callable[[], bool]) -> None:
    while not should_leave():
        for message in pipe.receive(_LOOK_UP_S):
            if isinstance(message, Stop):
                return
            pipe.send(run_job(built, message))
