"""What a process costs, as the kernel tells it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # workers use this too and need none of it
    from spyoncino.runtime.capture_limits import CaptureStats
    from spyoncino.runtime.pool_stats import PoolStats

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """What one process costs.

    Args:
        pss_bytes: Proportional share of physical memory; 0 where the kernel does not tell.
        cpu_s: Processor time since it was started; 0 where the kernel does not tell.
    """

    pss_bytes: int
    cpu_s: float


def processes_of(
    pool: "PoolStats", captures: "Mapping[str, CaptureStats]"
) -> dict[str, int | None]:
    """Every process of the running system: main, which calls this, and its children."""
    return {
        "main": os.getpid(),
        **{f"capture-{camera}": stats.pid for camera, stats in captures.items()},
        **{worker.worker_id: worker.pid for worker in pool.workers},
    }


def cost_of(processes: Mapping[str, int | None]) -> dict[str, ProcessCost]:
    """What each process costs; blocks for about a millisecond a process.

    Args:
        processes: Name to process id; those without one are left out.
    """
    return {
        name: ProcessCost(pss_bytes(process), cpu_s(process))
        for name, process in processes.items()
        if process
    }


def cpu_s(process: int, proc: Path = Path("/proc")) -> float:
    """A process's processor time; 0 where the kernel does not tell."""
    try:
        text = (proc / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()  # the name before may hold spaces
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def pss_bytes(process: int, proc: Path = Path("/proc")) -> int:
    """A process's proportional share of physical memory; 0 where the kernel does not tell."""
    try:
        text = (proc / str(process) / "smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    sizes = [line.split()[1] for line in text.splitlines() if line.startswith("Pss:")]
    return int(sizes[0]) * 1024 if sizes else 0
