"""How much memory each process of the system holds: a health probe over ``/proc``.

Memory is PSS, the process's share of what it has mapped (proc_pid_smaps(5)). Workers that hold too
much are replaced by the pool; main and cameras are told, because a restart would cost video.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from spyoncino.clock import Clock
from spyoncino.runtime.process_cost import pss_bytes
from spyoncino.schemas.status import HealthState, HealthStatus

GROWTH_OVER_S = 3600.0
GROWTH_AFTER_S = 1800.0
"""Growth is that of the last hour, and nothing before half an hour has passed."""


class MemoryProbe:
    """Compares each process with one limit and says how fast it grows.

    Args:
        limit_bytes: More than this degrades.
        clock: Dates the samples.
        processes: Names and ids of the processes as they are now.
        proc: Another folder for tests.
    """

    def __init__(
        self,
        limit_bytes: int,
        clock: Clock,
        processes: Callable[[], Mapping[str, int]],
        proc: Path = Path("/proc"),
    ) -> None:
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._processes = processes
        self._proc = proc
        self._past: dict[str, deque[tuple[float, int]]] = {}

    async def __call__(self) -> HealthStatus:
        """Degraded while a process holds more than the limit."""
        held = await asyncio.to_thread(self._read, dict(self._processes()))
        now_s = self._clock.monotonic_ns() / 1e9
        numbers: dict[str, float] = {}
        remarks = []
        for name, held_bytes in held.items():
            numbers[f"{name}_bytes"] = float(held_bytes)
            growth = self._growth(name, now_s, held_bytes)
            if growth is not None:
                numbers[f"{name}_growth_bytes_per_h"] = growth
            if held_bytes > self._limit_bytes:
                grows = f", growing by {growth / 1e6:.0f} MB an hour" if growth else ""
                remarks.append(
                    f"{name} holds {held_bytes / 1e6:.0f} MB of memory{grows}; "
                    f"health.process_memory_bytes is {self._limit_bytes / 1e6:.0f} MB"
                )
        for name in self._past.keys() - held.keys():
            del self._past[name]
        return HealthStatus(
            state=HealthState.DEGRADED if remarks else HealthState.OK,
            detail="; ".join(remarks),
            numbers=numbers,
        )

    def _growth(self, name: str, now_s: float, held_bytes: int) -> float | None:
        """Bytes an hour; ``None`` before it can be told."""
        past = self._past.setdefault(name, deque())
        past.append((now_s, held_bytes))
        while now_s - past[0][0] > GROWTH_OVER_S:
            past.popleft()
        since_s, before = past[0]
        if now_s - since_s < GROWTH_AFTER_S:
            return None
        return (held_bytes - before) / (now_s - since_s) * 3600

    def _read(self, processes: dict[str, int]) -> dict[str, int]:
        """Those that have just ended, and systems that do not tell, are left out."""
        read = {name: pss_bytes(process, self._proc) for name, process in processes.items()}
        return {name: held for name, held in read.items() if held}
