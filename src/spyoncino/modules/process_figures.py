"""Every process in figures: memory and processor time."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spyoncino.web.metrics import Figure

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


def process_figures(costs: Mapping[str, ProcessCost]) -> list[Figure]:
    """Memory and processor time by name of process."""
    return [
        Figure(
            "process_pss_bytes",
            "Proportional share of physical memory.",
            [({"process": name}, cost.pss_bytes) for name, cost in costs.items()],
        ),
        Figure(
            "process_cpu_seconds",
            "Processor time since the process was started.",
            [({"process": name}, cost.cpu_s) for name, cost in costs.items()],
            "counter",
        ),
    ]


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
