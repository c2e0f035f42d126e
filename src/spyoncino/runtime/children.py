"""Child processes that never outlive main, and the folder of shared memory that dies with a run.

A child is told of main's death twice: its pipe ends, and the kernel kills it (parent-death
signal). What a killed run left in shared memory is removed at the next start.
"""

import asyncio
import ctypes
import fcntl
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any

from spyoncino.errors import StorageError

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- its folders are private (0700) and named at random
LOCK_NAME = "main.lock"
UNLOCKED_GRACE_S = 60.0
"""A folder without a lock may belong to a run that starts right now, but not for this long."""

REAP_S = 1.0
"""Longest wait for the exit code of a process whose files are closed already: microseconds."""

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def prepare_child(parent_pid: int) -> None:
    """Tie this process to its parent's life and leave Ctrl-C to the parent; first call of a child.

    The kernel kills the child when the *thread* that started it ends (prctl(2)); start children
    with ``ChildStarter``, whose thread lives as long as they do.

    Args:
        parent_pid: Process id of main, as main saw it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


class LeaveRequest:
    """SIGTERM in a child: main, which got it too, has some time to order an orderly end.

    A service manager sends SIGTERM to every process of a service at once; a child that left at once
    would take away what main still wants to finish.

    Args:
        grace_s: Seconds after the signal in which main's order is awaited.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._leave_at: float | None = None
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    @property
    def is_overdue(self) -> bool:
        """Whether the signal came and main gave no order in time."""
        return self._leave_at is not None and time.monotonic() >= self._leave_at

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._leave_at is None:
            self._leave_at = time.monotonic() + self._grace_s


class ChildStarter:
    """Starts children from one thread that lives until ``close``.

    Children get SIGINT and SIGTERM blocked from their first instruction on: both go to the whole
    process group or service, and a child that is still importing would die of them, with a
    traceback or in the way of main's orderly end. ``prepare_child`` ignores the one,
    ``LeaveRequest`` takes the other.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "child-starter", _block_signals)
        self._context = multiprocessing.get_context("spawn")

    async def start(
        self, target: Callable[..., None], args: tuple[Any, ...], name: str
    ) -> SpawnProcess:
        """Start a child; returns when it exists, not when it is ready.

        Args:
            target: Top-level function of an import-light module; must call ``prepare_child``.
            args: Its arguments, picklable.
            name: What process lists and error sentences call it.
        """
        process = self._context.Process(target=target, args=args, name=name, daemon=True)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, process.start)
        return process

    def close(self) -> None:
        """End the thread; the kernel kills children that are still there."""
        self._executor.shutdown()


async def has_ended(process: SpawnProcess, timeout_s: float) -> bool:
    """Wait for a child's end without blocking the loop; ``False`` when it still runs."""
    if process.exitcode is not None:
        return True
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(process.sentinel, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), timeout_s)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(process.sentinel)
    # The pipe that announced the end closes a moment before the kernel has the exit code ready.
    process.join(REAP_S)
    return True


def how_it_ended(process: SpawnProcess) -> str:
    """The end of a child in words, for a sentence that begins with its name."""
    code = process.exitcode
    if code is None:
        return "still runs"
    if code < 0:
        return f"was killed by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"


class RunFolder:
    """A private folder of shared memory that belongs to one running main.

    Args:
        path: The folder.
        descriptor: Its locked lock file.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def create(cls, base: Path | None = None) -> "RunFolder":
        """Make ``spyoncino-<uid>-<random>`` with mode 0700 and lock it for this process.

        Args:
            base: Where; ``/dev/shm`` when not given, the temporary folder where there is none.

        Raises:
            StorageError: The folder cannot be made there.
        """
        base = base or shared_memory_base()
        try:
            path = Path(tempfile.mkdtemp(prefix=_prefix(), dir=base))
        except OSError as error:
            raise StorageError(
                f"No folder for shared memory can be made in {base}: {error.strerror}; "
                "make it writable or set TMPDIR."
            ) from error
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path / LOCK_NAME, flags, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return cls(path, descriptor)

    def remove(self) -> None:
        """Delete the folder with all that is in it, and let go of the lock; may be called twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def shared_memory_base() -> Path:
    """``/dev/shm`` where it can be written, else the temporary folder."""
    if SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK):
        return SHARED_MEMORY
    return Path(tempfile.gettempdir())


def remove_leftovers(base: Path | None = None) -> list[Path]:
    """Delete the run folders of this user whose main is dead; call it before ``RunFolder.create``.

    A folder belongs to a living run while its lock is held; the kernel lets go of it with the
    process, however that ended.

    Returns:
        The folders that were removed.
    """
    removed = []
    for path in sorted((base or shared_memory_base()).glob(f"{_prefix()}*")):
        if path.is_dir() and not path.is_symlink() and _is_left_over(path):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


def _is_left_over(path: Path) -> bool:
    try:
        facts = path.stat()
        if facts.st_uid != os.getuid():
            return False
        descriptor = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return path.exists() and time.time() - facts.st_mtime > UNLOCKED_GRACE_S
    except OSError:
        return False
    try:
        # Written right after the lock is taken: an empty file is a run between the two.
        is_young = not os.fstat(descriptor).st_size and time.time() - facts.st_mtime < (
            UNLOCKED_GRACE_S
        )
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return not is_young
    finally:
        os.close(descriptor)


def _prefix() -> str:
    return f"spyoncino-{os.getuid()}-"


def _block_signals() -> None:
    # Starting the tracker unblocks SIGINT in the thread that does it, so it must come first.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
