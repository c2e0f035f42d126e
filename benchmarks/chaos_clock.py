"""A wall clock that jumps, for one program and its children; the machine's own is not touched.

A small library is put before the C library (``wall_clock.c``, compiled here): Python, PyAV and
SQLite ask it for the time. So everything that reads the wall clock is exercised as it is. What is
not: timers of the kernel on the wall clock (nothing here uses any), and times of files.
"""

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("wall_clock.c")
OFFSET = struct.Struct("=q")


class WallClock:
    """The wall clock of what is started ``in_force``.

    Args:
        folder: For the library and the offset.
    """

    def __init__(self, folder: Path) -> None:
        self._library = folder / "wall_clock.so"
        self._offset = folder / "wall_clock.offset"
        self._offset.write_bytes(OFFSET.pack(0))
        compiler = shutil.which("cc")
        command = [compiler or "cc", "-shared", "-fPIC", "-O2", "-o"]
        command += [str(self._library), str(SOURCE)]
        self.can_jump = (
            compiler is not None and subprocess.run(command, check=False).returncode == 0
        )

    def jump_to(self, offset_s: int) -> None:
        """From now on it is so many seconds before the machine's."""
        with self._offset.open("r+b", buffering=0) as file:
            file.write(OFFSET.pack(offset_s))

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """What is started inside has this clock for its life."""
        if not self.can_jump:
            yield
            return
        ours = {"LD_PRELOAD": str(self._library), "WALL_CLOCK_OFFSET": str(self._offset)}
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name, text in before.items():
                if text is None:
                    del os.environ[name]
                else:
                    os.environ[name] = text
