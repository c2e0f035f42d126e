"""Ctrl-C before a command has begun and after it has ended: the end, at once and without a word.

While modules are imported, Python's own way (an exception wherever the program happens to be) is
no good: one that is raised inside a callback of the import system is printed and forgotten, and
the program goes on. Nothing is open then, so the process may simply end. It is the same when the
command has ended and only the interpreter is left. In between, Ctrl-C is ``KeyboardInterrupt``
and the command's to answer. Imports nothing heavy.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path
from types import FrameType

EXIT_INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended: 128 + SIGINT."""

PROCESS_NAME = "spyoncino"
OWN_NAME = Path("/proc/self/comm")


def leave_at_once(_number: int, _frame: FrameType | None) -> None:
    """End the process; nothing is finished or closed."""
    os._exit(EXIT_INTERRUPTED)


def end_at_ctrl_c() -> None:
    """From here on Ctrl-C ends the process; one that is told to ignore Ctrl-C goes on doing so."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, leave_at_once)


def raise_at_ctrl_c() -> None:
    """From here on Ctrl-C is a ``KeyboardInterrupt``, if ``end_at_ctrl_c`` came before."""
    if signal.getsignal(signal.SIGINT) is leave_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def forget_answered() -> None:
    """Let the interpreter forget a ``KeyboardInterrupt`` that was answered.

    CPython remembers one that passed through code compiled from text (``dataclass`` makes such),
    also when it was caught later, and ``python -m`` then kills itself with SIGINT in place of the
    exit code. Running any other text makes it forget.
    """
    exec("")  # noqa: S102 - a constant


def name_process() -> None:
    """Be ``spyoncino`` and not ``python`` in lists of processes, where the kernel lets one."""
    with suppress(OSError):
        OWN_NAME.write_text(PROCESS_NAME, encoding="ascii")
