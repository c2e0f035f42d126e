"""What the worker pool is asked and what it answers: jobs, tasks, results.

These are plain values that both sides of the process border import, so this file stays light.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Final

from spyoncino import errors
from spyoncino.errors import (
    ConfigError,
    JobExpiredError,
    JobFailedError,
    JobRejectedError,
    SpyoncinoError,
    StaleFrameError,
    UsageError,
)

FINAL_ERRORS: Final = (ConfigError, StaleFrameError, UsageError)
"""What a task raises when trying again cannot help; everything else is retried."""

Task = Callable[[Any], Any]
"""Does the work of one kind of job: payload in, result out.

It may have ``health()`` (called once after it was built; raises when it cannot work) and
``close()`` (called before the worker ends).
"""


class Priority(IntEnum):
    """Who goes first; within one priority the older job does."""

    PRESS = 1
    CONTINUOUS = 2
    BACKGROUND = 3


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One kind of work that every worker can do.

    Args:
        kind: Name that jobs ask for.
        factory: ``package.module:callable``; called once in each worker with ``settings``, it
            returns the task. Named by text, so that main never imports what workers need.
        settings: Plain values for the factory.
        timeout_s: Hard limit of one attempt; ``None`` takes the pool's.
    """

    kind: str
    factory: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work.

    Args:
        kind: Which task does it.
        payload: What the task is given; pickled when the job is accepted, so later changes of the
            object have no effect. Pixels go by reference (``FrameHandle``), never in here.
        priority: A press overtakes everything, is never dropped and never expires.
        deadline_s: Seconds after acceptance in which the job must have been given to a worker, or
            it is dropped. For a press: how long it is retried. ``None`` takes the pool's rule.
            Not applied in lossless runs.
        max_retries: Further attempts after the first one failed.
        retry_delay_s: Wait before the first retry; doubles with each further one.
    """

    kind: str
    payload: Any = None
    priority: Priority = Priority.CONTINUOUS
    deadline_s: float | None = None
    max_retries: int = 3
    retry_delay_s: float = 1.0


class Outcome(StrEnum):
    """How a job ended."""

    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobMetrics:
    """What a job cost.

    Args:
        waited_ms: From acceptance until its last attempt began.
        processing_time_ms: Inside the task, measured by the worker; 0 if it never got that far.
        total_ms: From acceptance until the result was there.
        attempts: How often it was given to a worker.
        worker_id: Who had it last; empty if nobody.
    """

    waited_ms: float = 0.0
    processing_time_ms: float = 0.0
    total_ms: float = 0.0
    attempts: int = 0
    worker_id: str = ""


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended, and with what.

    Args:
        job_id: Unique in this run of the program.
        outcome: The way it ended.
        value: What the task returned; ``None`` unless ``success``.
        metrics: What it cost.
        error: One sentence; empty when ``success``.
        error_type: Class name of what the task raised; empty when nothing was raised.
    """

    job_id: str
    outcome: Outcome
    value: Any = None
    metrics: JobMetrics = JobMetrics()
    error: str = ""
    error_type: str = ""

    @property
    def success(self) -> bool:
        """Whether there is a value."""
        return self.outcome is Outcome.DONE

    def unwrap(self) -> Any:
        """The value.

        Raises:
            JobExpiredError: Its deadline passed before a worker was free.
            JobRejectedError: It was shed, or the pool was stopped first.
            JobFailedError: It failed; ``__cause__`` is the task's own error if that is one of this
                program's family, so a caller can tell a stale frame from a full disk.
        """
        if self.outcome is Outcome.DONE:
            return self.value
        if self.outcome is Outcome.EXPIRED:
            raise JobExpiredError(self.error)
        if self.outcome is Outcome.FAILED:
            raise JobFailedError(self.error) from family_error(self.error_type, self.error)
        raise JobRejectedError(self.error)


def family_error(error_type: str, message: str) -> SpyoncinoError | None:
    """An error of this program's family by its class name, ``None`` for any other name."""
    found = getattr(errors, error_type, None)
    if isinstance(found, type) and issubclass(found, SpyoncinoError):
        return found(message)
    return None
