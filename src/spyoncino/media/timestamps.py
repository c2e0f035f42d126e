"""Repairs the times of one stream: missing, repeated, jumping back, leaping far ahead.

After repair the decoding times of a stream rise strictly and no picture is shown before it is
decoded, which is what muxers demand and what the rest of the program relies on.
"""

from dataclasses import dataclass

MAX_GAP_S = 60.0
"""A longer step forward between two packets is a broken clock rather than a pause in a video."""


@dataclass(frozen=True, slots=True)
class RepairedTime:
    """Times of one packet in ticks, and whether they had to be changed."""

    pts: int
    dts: int
    is_repaired: bool


class TimestampRepair:
    """Follows one stream in decoding order.

    A step back by up to one frame only moves that packet; a larger step, back or far ahead, is a
    new time line and moves everything that follows so that it continues where the old one ended.

    Args:
        ticks_per_second: Resolution of the stream's clock.
        step: Nominal ticks from one packet to the next, at least 1.
        reorder_depth: How many packets a picture may be decoded before it is shown.
    """

    def __init__(self, ticks_per_second: float, step: int, reorder_depth: int = 0) -> None:
        self._step = max(1, step)
        self._reorder_depth = reorder_depth
        self._max_gap = MAX_GAP_S * ticks_per_second
        self._shift = 0
        self._last_dts: int | None = None

    def apply(self, pts: int | None, dts: int | None, duration: int) -> RepairedTime:
        """Times for the next packet.

        Args:
            pts: As the container gave it; ``None`` where it gave none.
            dts: As the container gave it.
            duration: Ticks the packet lasts; 0 when unknown.
        """
        step = duration if duration > 0 else self._step
        last = self._last_dts
        is_repaired = pts is None and dts is None
        if dts is None:
            dts = self._guessed_dts(pts, step)
        new_dts = dts + self._shift
        if last is not None and not last < new_dts <= last + self._max_gap:
            is_repaired = True
            if last - step <= new_dts <= last:
                new_dts = last + 1
            else:
                self._shift = last + step - dts
                new_dts = last + step
        new_pts = new_dts if pts is None else pts + self._shift
        if new_pts < new_dts:
            is_repaired = True
            new_pts = new_dts
        self._last_dts = new_dts
        return RepairedTime(new_pts, new_dts, is_repaired)

    def _guessed_dts(self, pts: int | None, step: int) -> int:
        """A decoding time on the container's own scale, for a packet that came without."""
        if self._last_dts is not None:
            return self._last_dts + step - self._shift
        return pts - self._reorder_depth * step if pts is not None else 0
