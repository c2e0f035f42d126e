"""The life of a camera's second stream beside the main one: a state machine without a stream.

::

              it is open             the times are known
    opening ────────────▶ settling ──────────────────────▶ live
      ▲  │                    │                              │
      │  │ not opened         │ broken or silent             │ broken, silent, blind, times jumped
      │  ▼                    ▼                              ▼
    waiting ◀────────────────────────────────────────────────┘
     1 s × 2 … 60 s

Only while it is live its pictures are analysed; before and after it the main stream's are.
"""

import time
from collections.abc import Callable
from typing import Literal

from spyoncino.hardware.backoff import Backoff

STABLE_S = 10.0
"""A stream that was live for so long makes the pauses start from the first again."""

MAX_STEP_S = 1.0
"""Longest time between two packets of the main stream that counts as silence of the other: in
more than that the camera, the network or this process stood still as a whole."""

SubState = Literal["opening", "settling", "live", "waiting"]


class SubLink:
    """Knows in which state the second stream is, and when to try it again.

    Args:
        stall_s: Seconds of silence, while the main stream goes on, after which it counts as lost.
        pauses: Between tries.
        now_s: Monotonic seconds.
    """

    def __init__(
        self,
        stall_s: float,
        pauses: Backoff | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stall_s = stall_s
        self._pauses = pauses or Backoff()
        self._now_s = now_s
        self._state: SubState = "opening"
        self._live_since_s = 0.0
        self._due_s = 0.0
        self._main_at_s: float | None = None
        self._silent_s = 0.0
        self.losses = 0

    @property
    def state(self) -> SubState:
        """The state now."""
        return self._state

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next try."""
        return self._state == "waiting" and self._now_s() >= self._due_s

    def retry(self) -> None:
        """A try begins."""
        self._state = "opening"

    def opened(self) -> None:
        """The try succeeded."""
        self._state = "settling"
        self._silent_s = 0.0

    def settled(self) -> None:
        """Its times are known: it is analysed from now on."""
        self._state = "live"
        self._live_since_s = self._now_s()

    def lost(self, *, is_refused: bool = False) -> None:
        """It could not be opened, broke, or is of no use.

        Args:
            is_refused: Name or password are wrong; the longest pause at once.
        """
        now_s = self._now_s()
        if self._state == "live":
            self.losses += 1
            if now_s - self._live_since_s >= STABLE_S:
                self._pauses.reset()
        self._state = "waiting"
        self._due_s = now_s + self._pauses.pause_s(is_refused=is_refused)

    def sub_heard(self) -> None:
        """A packet of it arrived."""
        self._silent_s = 0.0

    def main_heard(self, arrival_s: float) -> bool:
        """A packet of the main stream arrived.

        Args:
            arrival_s: When; monotonic seconds.

        Returns:
            Whether the second stream, open, has been silent for too long beside it.
        """
        if self._main_at_s is not None:
            self._silent_s += min(MAX_STEP_S, max(0.0, arrival_s - self._main_at_s))
        self._main_at_s = arrival_s
        return self._state in ("settling", "live") and self._silent_s >= self._stall_s
