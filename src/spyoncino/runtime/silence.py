"""Tells a process that hangs from one that is only slow: how long it may say nothing.

Silence is counted in looks, not on the clock: while main itself was stopped, or the whole machine
paused, nobody looked, and nobody is killed for what was not heard.
"""

from dataclasses import dataclass
from pathlib import Path

LOOK_S = 1.0
"""Longest time between two looks: a process sends a heartbeat every second."""

LOOKS = 4
"""At least so many looks in the shortest patience."""

_WORKING = frozenset("RD")
"""States in proc(5) of a process that would go on if it could: it waits for the processor, or for a
disk. One that hangs, or was stopped, sleeps (S) or is stopped (T)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a process may say nothing, in seconds.

    Args:
        idle_s: One that neither works nor waits for the machine: it hangs.
        working_s: One that mostly wants the processor or a disk: it is slow.
    """

    idle_s: float
    working_s: float

    @property
    def look_s(self) -> float:
        """Seconds between two looks."""
        return min(LOOK_S, self.idle_s / LOOKS)


class SilenceMeter:
    """The silence of one process; pure."""

    def __init__(self) -> None:
        self._quiet_s = 0.0
        self._looks = 0
        self._working = 0

    def look(
        self, patience: Patience, *, was_heard: bool, is_working: bool = False
    ) -> float | None:
        """Note one look, ``patience.look_s`` after the last, however late it came.

        Args:
            patience: How long silence may last.
            was_heard: Whether it has said something since the last look, or nobody listened.
            is_working: Whether it works or waits for the machine now.

        Returns:
            The seconds of silence for which it has to be killed now; ``None`` as long as not.
        """
        if was_heard:
            self._quiet_s, self._looks, self._working = 0.0, 0, 0
            return None
        self._quiet_s += patience.look_s
        self._looks += 1
        self._working += is_working
        is_slow = 2 * self._working >= self._looks
        limit_s = patience.working_s if is_slow else patience.idle_s
        return limit_s if self._quiet_s >= limit_s else None


def is_working(pid: int, proc: Path = Path("/proc")) -> bool:
    """Whether a process works or waits for processor or disk; ``False`` where nobody tells."""
    try:
        text = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    state = text.rpartition(")")[2].split()[:1]  # the name before may hold spaces
    return bool(state) and state[0] in _WORKING
