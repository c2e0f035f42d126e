"""What processes hold: memory, threads, descriptors, shared memory; one moment of it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from report import Row


def pss_mb(pid: int) -> float:
    """Proportional share of physical memory, in 1e6 bytes.

    Raises:
        OSError: The process is gone.
    """
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def on_disk_mb(folder: Path) -> float:
    """Bytes that the files below a folder take, in 1e6."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # it may be removed meanwhile
            total += path.stat().st_blocks * 512
    return total / 1e6


@dataclass(frozen=True, slots=True)
class Footprint:
    """Sums over some processes, and the shared memory of a folder."""

    processes: int
    threads: int
    descriptors: int
    memory_mb: float
    shared_files: int
    shared_mb: float

    @classmethod
    def of(cls, processes: Iterable[psutil.Process], shared: Path) -> "Footprint":
        """Measure now; a process that ends meanwhile is left out."""
        count = threads = descriptors = 0
        memory_mb = 0.0
        for process in processes:
            with suppress(psutil.NoSuchProcess, OSError):
                memory_mb += pss_mb(process.pid)
                threads += process.num_threads()
                descriptors += process.num_fds()
                count += 1
        files = sum(1 for path in shared.rglob("*") if path.is_file())
        return cls(count, threads, descriptors, memory_mb, files, on_disk_mb(shared))

    def rows_until(self, after: "Footprint") -> list[Row]:
        """What a later moment holds, with this one as the budget."""
        pairs = (
            ("processes", self.processes, after.processes, "processes"),
            ("threads", self.threads, after.threads, "threads"),
            ("descriptors", self.descriptors, after.descriptors, "descriptors"),
            ("memory (PSS)", self.memory_mb, after.memory_mb, "MB"),
            ("files in shared memory", self.shared_files, after.shared_files, "files"),
            ("shared memory", self.shared_mb, after.shared_mb, "MB"),
        )
        note = "budget: before the first accident"
        return [Row(f"{name} afterwards", now, unit, was, note) for name, was, now, unit in pairs]
