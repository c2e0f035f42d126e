"""Finds the line that keeps the event loop, from outside: a thread looks what the loop's runs.

It counts how often it found the loop standing in the same place, not how long by the wall: a
computer that is busy with something else stops both, and blames nobody. A call that keeps the
interpreter's lock too (a long C function) hides from it.
"""

import asyncio
import sys
import threading
from types import FrameType, TracebackType
from typing import Self

LOOK_EVERY_S = 0.01
BEAT_EVERY_S = 0.002


class LoopWatch:
    """A context manager around work in the running loop.

    Args:
        package: Lines of this Python package (or module) count as the cause.
        max_step_s: How long one step may take.

    Attributes:
        blocked: ``file:line in function`` of each step that took longer.
    """

    def __init__(self, package: str, max_step_s: float) -> None:
        self.blocked: list[str] = []
        self._package = package
        self._max_looks = max(1, round(max_step_s / LOOK_EVERY_S))
        self._beats = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="loop watch", daemon=True)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._beat()
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._timer.cancel()
        await asyncio.to_thread(self._thread.join)

    def _beat(self) -> None:
        self._beats += 1
        self._timer = self._loop.call_later(BEAT_EVERY_S, self._beat)

    def _look(self) -> None:
        beats = looks = 0
        while not self._ended.wait(LOOK_EVERY_S):
            place = self._place()
            is_stuck = place and beats == self._beats
            looks = looks + 1 if is_stuck else 0
            beats = self._beats
            if looks == self._max_looks:
                self.blocked.append(place)

    def _place(self) -> str:
        """The innermost line of the package on the loop's stack; empty when there is none."""
        frame: FrameType | None = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the documented way
        while frame is not None:
            name = str(frame.f_globals.get("__name__", ""))
            if name == self._package or name.startswith(f"{self._package}."):
                file = frame.f_code.co_filename.rpartition("/")[2]
                return f"{file}:{frame.f_lineno} in {frame.f_code.co_name}"
            frame = frame.f_back
        return ""
