"""What became of a thread's time: computed, ready but not let run, or waited.

Linux keeps these accounts for every thread: ``schedstat`` counts how long it stood in a queue for a
processor (``Documentation/scheduler/sched-stats.rst``), ``getrusage`` how often it gave its
processor away by itself.
"""

import os
import resource
import sys
import time
from typing import NamedTuple

_ACCOUNT = "/proc/thread-self/schedstat"
"""Nanoseconds on a processor, nanoseconds in a queue for one, turns; no disk is read for it."""


class ThreadTimes(NamedTuple):
    """The accounts of the calling thread since it began.

    Args:
        busy_ns: It computed.
        queued_ns: It was ready and not let run; ``None`` where the system does not tell.
        waits: How often it began to wait for something.
    """

    busy_ns: int
    queued_ns: int | None
    waits: int


def thread_times() -> ThreadTimes:
    """Of the calling thread, now; takes about 10 microseconds."""
    busy_ns = time.thread_time_ns()
    try:
        queued_ns = _queued_ns()
        waits = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    except (OSError, AttributeError, ValueError, IndexError):  # not Linux, or without the account
        return ThreadTimes(busy_ns, None, 0)
    return ThreadTimes(busy_ns, queued_ns, waits)


def _queued_ns() -> int:
    account = os.open(_ACCOUNT, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.pread(account, 128, 0).split()[1])
    finally:
        os.close(account)


def own_ns(took_ns: int, before: ThreadTimes, after: ThreadTimes) -> int:
    """Of a stretch of time, what the thread's own doing certainly took, in nanoseconds.

    That is computing, and waiting in a call. It is neither the time in the queue for a processor,
    nor time without a single wait that the system puts down to nobody, as when a virtual machine
    stands still. Nor is it what may have been waiting for the interpreter's lock: who waits for
    the lock asks for it anew after each switch interval (5 ms, ``sys.setswitchinterval``), each
    time beginning to wait again; a ``sleep`` or a call to the network begins once.
    Where the system does not tell, computing alone is certain.

    Args:
        took_ns: From ``before`` to ``after``, by the bus's clock.
        before: The accounts at its beginning.
        after: The accounts at its end.
    """
    busy_ns = after.busy_ns - before.busy_ns
    if before.queued_ns is None or after.queued_ns is None:
        return busy_ns
    waited_ns = max(0, took_ns - busy_ns - (after.queued_ns - before.queued_ns))
    waits = after.waits - before.waits
    if not waits:
        return busy_ns
    for_lock_ns = waits * int(sys.getswitchinterval() * 1e9)
    return busy_ns + max(0, waited_ns - for_lock_ns)
