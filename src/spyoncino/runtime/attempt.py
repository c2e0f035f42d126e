"""The worker pool's border: whatever foreign code raises becomes a value, and the rest goes on."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from spyoncino.runtime.jobs import FINAL_ERRORS

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """What a call raised, as plain text that every process can read.

    Args:
        error_type: Class name of the exception.
        error: What it says, or its class name when it says nothing.
        is_final: Trying again cannot help.
        trace: For the log.
    """

    error_type: str
    error: str
    is_final: bool
    trace: str


def attempt(action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Failure:
    """What ``action`` returns, or how it failed; tasks, their factories and results are foreign."""
    try:
        return action(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - a supervisor's border, the only one of the pool
        name = type(error).__name__
        return Failure(
            name, str(error) or name, isinstance(error, FINAL_ERRORS), traceback.format_exc()
        )
