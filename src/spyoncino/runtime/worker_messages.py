"""What main and a worker say to each other.

Payloads and values are pickled by themselves inside the messages, so that one that cannot be read
spoils its own job and not the conversation.
"""

import pickle
from dataclasses import dataclass
from typing import Any, Final

from spyoncino.errors import UsageError

MAX_VALUE_BYTES: Final = 16 * 1024 * 1024
"""No honest message comes near: pixels travel through shared memory, files through the disk."""


@dataclass(frozen=True, slots=True)
class RunJob:
    """To the worker: do this."""

    job_id: str
    kind: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stop:
    """To the worker: finish the job at hand, then end."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From the worker: every task is built and healthy."""

    build_ms: float
    pss_bytes: int


@dataclass(frozen=True, slots=True)
class StartFailed:
    """From the worker: a task could not be built; the worker ends."""

    error_type: str
    error: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """From the worker: it lives.

    Args:
        pss_bytes: Its share of physical memory; ``None`` when not measured this time.
    """

    pss_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class JobDone:
    """From the worker: the job ended, with a value or an error.

    Args:
        job_id: Which job.
        value: The pickled result; empty when it failed.
        processing_time_ms: Spent inside the task.
        error: One sentence; empty when it went well.
        error_type: Class name of what was raised.
        is_final: Trying again cannot help.
        traceback: For the log.
    """

    job_id: str
    value: bytes = b""
    processing_time_ms: float = 0.0
    error: str = ""
    error_type: str = ""
    is_final: bool = False
    traceback: str = ""


ToWorker = RunJob | Stop
FromWorker = Ready | StartFailed | Heartbeat | JobDone


def pack(value: object) -> bytes:
    """A payload or a result, pickled by itself.

    Raises:
        UsageError: It cannot be pickled, or is larger than ``MAX_VALUE_BYTES``.
    """
    try:
        packed = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"A value of type {type(value).__name__} cannot go to another process ({error}): "
            "use plain values, dataclasses of a module, paths and FrameHandle."
        ) from error
    if len(packed) > MAX_VALUE_BYTES:
        raise UsageError(
            f"A value of {len(packed)} bytes is too large to go to another process (at most "
            f"{MAX_VALUE_BYTES}): pass pictures as FrameHandle and files as paths."
        )
    return packed


def unpack(packed: bytes) -> Any:
    """The value again; raises whatever its classes raise when they are rebuilt."""
    return pickle.loads(packed)  # noqa: S301 - from our own process, over a private socket
