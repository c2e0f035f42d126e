"""One look at every process of the running program, told apart by what they do."""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from footprint import Memory, on_disk_mb

RING = re.compile(r"/([\w-]+?)\.\d+[^/\n]*-frames\.ring")
"""A mapped frame ring: the camera's name, the process id."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one process holds and has used; memory in 1e6 bytes, with and without libraries."""

    memory_mb: float
    own_mb: float
    descriptors: float
    threads: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Sample:
    """The whole system at one moment.

    Args:
        at_s: Seconds since the watching began.
        held: Name of each process, such as ``capture door``, to what it holds.
        shared_mb: Shared memory.
        database_mb: The database with its log.
    """

    at_s: float
    held: dict[str, Held]
    shared_mb: float
    database_mb: float


class Sampler:
    """Looks at a process and its children, and knows them again by their number.

    Args:
        main: Process id of main.
        shared: Folder of its shared memory.
        data: Its data folder.
    """

    def __init__(self, main: int, shared: Path, data: Path) -> None:
        self._main = psutil.Process(main)
        self._shared = shared
        self._data = data
        self._names: dict[int, str] = {main: "main"}

    def take(self, at_s: float) -> Sample:
        """Look now; a process that ends meanwhile is left out."""
        held: dict[str, Held] = {}
        for process in [self._main, *self._main.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, OSError):
                name = self._names.get(process.pid) or self._named(process)
                cpu = process.cpu_times()
                memory = Memory.of(process.pid)
                held[name] = Held(
                    memory.pss_mb,
                    memory.own_mb,
                    float(process.num_fds()),
                    float(process.num_threads()),
                    cpu.user + cpu.system,
                )
        database = sum(path.stat().st_size for path in self._data.glob("*.db*")) / 1e6
        return Sample(at_s, held, on_disk_mb(self._shared), database)

    def _named(self, process: psutil.Process) -> str:
        """A name by what it has mapped; kept once the process is what it will be."""
        maps = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="replace")
        if "onnxruntime" in maps:
            number = sum(name.startswith("worker") for name in self._names.values()) + 1
            name = f"worker {number}"
        elif found := RING.search(maps):
            camera = found.group(1)
            lives = sum(name.startswith(f"capture {camera}") for name in self._names.values())
            name = f"capture {camera}" + (f" ({lives + 1})" if lives else "")
        elif "resource_tracker" in " ".join(process.cmdline()):
            name = "resource tracker"
        else:
            return f"other {process.pid}"
        self._names[process.pid] = name
        return name
