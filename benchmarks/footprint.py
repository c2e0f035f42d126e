"""What processes hold: memory, threads, descriptors, shared memory; one moment of it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from report import Row


@dataclass(frozen=True, slots=True)
class Memory:
    """Physical memory of a process in 1e6 bytes.

    Args:
        pss_mb: Proportional share: a page that three processes map counts a third for each.
        own_mb: Of that what no file lies behind. Growth is judged by this: the share of a library
            grows when somebody else who had it loaded ends.
    """

    pss_mb: float
    own_mb: float

    @classmethod
    def of(cls, pid: int) -> "Memory":
        """Measure a process now.

        Raises:
            OSError: It is gone.
        """
        sizes: dict[str, float] = {}
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
            name, size, _ = line.split()
            sizes[name] = int(size) * 1024 / 1e6
        return cls(sizes.get("Pss:", 0.0), sizes.get("Pss_Anon:", 0.0))


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
    own_memory_mb: float
    shared_files: int
    shared_mb: float

    @classmethod
    def of(cls, processes: Iterable[psutil.Process], shared: Path) -> "Footprint":
        """Measure now; a process that ends meanwhile is left out."""
        count = threads = descriptors = 0
        memory_mb = own_mb = 0.0
        for process in processes:
            with suppress(psutil.NoSuchProcess, OSError):
                memory = Memory.of(process.pid)
                memory_mb += memory.pss_mb
                own_mb += memory.own_mb
                threads += process.num_threads()
                descriptors += process.num_fds()
                count += 1
        files = sum(1 for path in shared.rglob("*") if path.is_file())
        shared_mb = on_disk_mb(shared)
        return cls(count, threads, descriptors, memory_mb, own_mb, files, shared_mb)

    def rows_until(self, after: "Footprint") -> list[Row]:
        """What a later moment holds, with this one as the budget."""
        pairs = (
            ("processes", self.processes, after.processes, "processes"),
            ("threads", self.threads, after.threads, "threads"),
            ("descriptors", self.descriptors, after.descriptors, "descriptors"),
            ("memory (PSS)", self.memory_mb, after.memory_mb, "MB"),
            ("memory without libraries", self.own_memory_mb, after.own_memory_mb, "MB"),
            ("files in shared memory", self.shared_files, after.shared_files, "files"),
            ("shared memory", self.shared_mb, after.shared_mb, "MB"),
        )
        note = "budget: before the first accident"
        return [Row(f"{name} afterwards", now, unit, was, note) for name, was, now, unit in pairs]
