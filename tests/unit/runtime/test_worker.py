"""The worker's loop, in a thread behind a real socket."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spyoncino.errors import ConfigError, ModelError
from spyoncino.runtime import worker as worker_module
from spyoncino.runtime.jobs import TaskSpec
from spyoncino.runtime.message_pipe import ChildPipe, PipeClosedError
from spyoncino.runtime.process_cost import pss_bytes
from spyoncino.runtime.worker import build_tasks, run_job, serve
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

TASKS = "tests.fixtures.pool_tasks"
ECHO = TaskSpec("echo", f"{TASKS}:build_echo", {"prefix": "hello"})
FAILING = TaskSpec("fail", f"{TASKS}:build_failing")
PATIENCE_S = 10.0


class Served:
    """A worker's loop in a thread, and main's end of its socket."""

    def __init__(self, *tasks: TaskSpec, heartbeat_s: float = 60.0) -> None:
        ours, theirs = socket.socketpair()
        self.pipe = ChildPipe(ours)
        self.should_leave = threading.Event()
        self.thread = threading.Thread(
            target=serve, args=(theirs, tasks, heartbeat_s, self.should_leave.is_set)
        )
        self.thread.start()
        self._unread: list[Any] = []

    def next_message(self) -> Any:
        """The next message from the worker."""
        while not self._unread:
            self._unread = self.pipe.receive(PATIENCE_S)
        return self._unread.pop(0)

    def ended(self) -> bool:
        """Wait until the loop is over."""
        self.thread.join(PATIENCE_S)
        return not self.thread.is_alive()


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    """Starts a worker's loop; its socket is closed afterwards."""
    started: list[Served] = []

    def start_one(*tasks: TaskSpec, heartbeat_s: float = 60.0) -> Served:
        started.append(Served(*tasks, heartbeat_s=heartbeat_s))
        return started[-1]

    yield start_one
    for served in started:
        served.pipe.close()
        assert served.ended()


@pytest.fixture
def _quick_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_LOOK_UP_S", 0.01)


def test_worker_is_ready_does_jobs_and_stops_when_told(start: Callable[..., Served]) -> None:
    served = start(ECHO, FAILING)
    ready = served.next_message()
    assert isinstance(ready, Ready)
    assert ready.pss_bytes > 0

    served.pipe.send(RunJob("a-1", "echo", pack("world")))
    done = served.next_message()
    assert (done.job_id, unpack(done.value), done.error) == ("a-1", ("hello", "world"), "")
    served.pipe.send(RunJob("a-2", "fail", pack("disk")))
    failed = served.next_message()
    assert (failed.error, failed.error_type) == ("The disk is full.", "MediaError")
    assert not failed.is_final
    assert "pool_tasks.py" in failed.traceback

    served.pipe.send(Stop())
    assert served.ended()


def test_worker_beats_and_measures_itself_now_and_then(start: Callable[..., Served]) -> None:
    served = start(ECHO, heartbeat_s=0.001)
    served.next_message()

    beats = [served.next_message() for _ in range(20)]

    assert all(isinstance(beat, Heartbeat) for beat in beats)
    measured = [number for number, beat in enumerate(beats, 1) if beat.pss_bytes is not None]
    assert measured == [10, 20]
    served.pipe.close()
    assert served.ended()


def test_heart_stops_when_main_is_gone() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    pipe = ChildPipe(theirs)

    worker_module._beat(pipe, threading.Event(), 0.001)

    pipe.close()


def test_worker_ends_when_main_closes_the_socket(start: Callable[..., Served]) -> None:
    served = start(ECHO)
    served.next_message()

    served.pipe.close()

    assert served.ended()


@pytest.mark.usefixtures("_quick_look_up")
def test_idle_worker_leaves_when_it_should(start: Callable[..., Served]) -> None:
    served = start(ECHO)
    served.next_message()

    served.should_leave.set()

    assert served.ended()


def test_worker_that_cannot_build_a_task_says_why_and_ends(start: Callable[..., Served]) -> None:
    served = start(ECHO, TaskSpec("broken", f"{TASKS}:build_broken"))

    failed = served.next_message()

    assert failed == StartFailed("ModelError", "The model file nanodet.onnx was altered.")
    assert served.ended()
    with pytest.raises(PipeClosedError):
        served.pipe.receive(PATIENCE_S)


def test_tasks_are_checked_when_built_and_closed_at_the_end(
    start: Callable[..., Served], tmp_path: Path
) -> None:
    served = start(TaskSpec("careful", f"{TASKS}:build_careful", {"folder": str(tmp_path)}))
    served.next_message()
    assert (tmp_path / "checked").exists()
    assert not (tmp_path / "closed").exists()

    served.pipe.send(Stop())

    assert served.ended()
    assert (tmp_path / "closed").exists()


def test_task_that_is_not_healthy_is_not_ready(tmp_path: Path) -> None:
    settings = {"folder": str(tmp_path), "is_healthy": False}

    with pytest.raises(ModelError, match="finds nothing on a test picture"):
        build_tasks([TaskSpec("careful", f"{TASKS}:build_careful", settings)])


@pytest.mark.parametrize(
    "factory", ["no.such.module:build", f"{TASKS}:no_such_function", "nothing", ""]
)
def test_factory_that_leads_nowhere_is_named(factory: str) -> None:
    with pytest.raises(ConfigError, match=r"'echo' cannot be built.*package\.module:callable"):
        build_tasks([TaskSpec("echo", factory)])


def test_job_of_an_unknown_kind_or_with_an_unreadable_payload_fails_as_an_answer() -> None:
    unknown = run_job({}, RunJob("a-1", "faces", pack(1)))
    unreadable = run_job({"echo": str}, RunJob("a-2", "echo", b"no pickle"))

    assert (unknown.job_id, unknown.error_type) == ("a-1", "KeyError")
    assert isinstance(unreadable, JobDone)
    assert unreadable.error


def test_stale_frame_is_final() -> None:
    built = build_tasks([FAILING])

    assert run_job(built, RunJob("a-1", "fail", pack("stale"))).is_final


def test_memory_is_zero_where_the_kernel_does_not_tell(tmp_path: Path) -> None:
    assert pss_bytes(os.getpid()) > 1_000_000
    assert pss_bytes(os.getpid(), tmp_path) == 0
