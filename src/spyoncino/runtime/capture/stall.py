"""Watches whether new pictures of the same size keep coming from a live source."""

import time
from collections.abc import Callable, Sequence

from spyoncino.errors import SourceChangedError, SourceError
from spyoncino.hardware.live_camera import PATIENCE
from spyoncino.media.decode import DecodedFrame
from spyoncino.runtime.capture.messages import SourceState, SourceStateChanged

MAX_STEP_S = 2.0
"""Longest time between two looks that counts: in more than that this process was itself held up."""


class StallWatch:
    """Tells live from stalled, and when to give up; without a picture a connection is not live.

    Args:
        stall_s: Seconds without a new picture after which the source is stalled; after ``PATIENCE``
            times as many it is given up.
        now_s: Monotonic seconds.
    """

    def __init__(self, stall_s: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._stall_s = stall_s
        self._now_s = now_s
        self._looked_at_s = now_s()
        self._silent_s = 0.0
        self._state: SourceState | None = None
        self._size_px: tuple[int, int] | None = None

    def note(self, frames: Sequence[DecodedFrame]) -> None:
        """Look at the pictures that were just decoded.

        Raises:
            SourceChangedError: They have another size than those before.
        """
        if not frames:
            return
        self._silent_s = 0.0
        self._looked_at_s = self._now_s()
        size_px = (frames[-1].picture.width, frames[-1].picture.height)
        before = self._size_px
        if before is not None and before != size_px:
            width_px, height_px = before
            raise SourceChangedError(
                f"The picture changed from {width_px}x{height_px} to {size_px[0]}x{size_px[1]}."
            )
        self._size_px = size_px

    def note_asleep(self) -> None:
        """A packet came that is skipped because nothing happens; the last key frame was good."""
        self._silent_s = 0.0
        self._looked_at_s = self._now_s()

    def change(self) -> SourceStateChanged | None:
        """The source's new state, once, when it has changed.

        Raises:
            SourceError: It has been stalled for too long.
        """
        now_s = self._now_s()
        self._silent_s += min(MAX_STEP_S, now_s - self._looked_at_s)
        self._looked_at_s = now_s
        if self._silent_s >= PATIENCE * self._stall_s:
            raise SourceError(f"No new picture came for {self._silent_s:.0f} s.")
        state: SourceState | None = "live" if self._size_px else None
        if self._silent_s >= self._stall_s:
            state = "stalled"
        if state is None or state == self._state:
            return None
        self._state = state
        silent = f"No new picture came for {self._stall_s:g} s."
        return SourceStateChanged(state, silent if state == "stalled" else "")
