"""Counts the times in which a camera that was live gave no pictures, and how long they lasted."""

from dataclasses import replace

from spyoncino.hardware.live_camera import PATIENCE
from spyoncino.runtime.capture.messages import SourceStateChanged

_SILENT = frozenset({"stalled", "retrying"})


class GapMeter:
    """One camera's gaps, over connections and processes; times are monotonic nanoseconds of main.

    A gap begins with the last picture before the camera stalls or is lost, and ends when it is live
    again. What comes before the first picture of all is no gap.

    Args:
        stall_s: Seconds without a new picture after which the capture process says so.
    """

    def __init__(self, stall_s: float) -> None:
        self.count = 0
        self._stall_s = stall_s
        self._last_picture_ns: int | None = None
        self._began_ns: int | None = None
        self._closed_s = 0.0

    def note_picture(self, now_ns: int) -> None:
        """A picture arrived."""
        self._last_picture_ns = now_ns

    def told(self, change: SourceStateChanged, now_ns: int) -> SourceStateChanged:
        """Note a new state.

        Returns:
            The same; when it ends a gap, with its length and a sentence about it.
        """
        if change.state in _SILENT:
            self._begin(change, now_ns)
        elif change.state == "live" and self._began_ns is not None:
            gap_s = (now_ns - self._began_ns) / 1e9
            self._began_ns = None
            self._closed_s += gap_s
            sentence = f"{change.detail} Pictures again after a gap of {gap_s:.0f} s.".lstrip()
            return replace(change, detail=sentence, gap_s=gap_s)
        return change

    def lost_s(self, now_ns: int) -> float:
        """Seconds of all gaps, the present one included."""
        running_ns = 0 if self._began_ns is None else now_ns - self._began_ns
        return self._closed_s + running_ns / 1e9

    def _begin(self, change: SourceStateChanged, now_ns: int) -> None:
        last_ns = self._last_picture_ns
        if self._began_ns is not None or last_ns is None:
            return
        self.count += 1
        if change.state == "stalled":
            # The capture process decodes more pictures than it announces, so it knows better.
            last_ns = now_ns - round(self._stall_s * 1e9)
        self._began_ns = max(last_ns, now_ns - round(PATIENCE * self._stall_s * 1e9))
