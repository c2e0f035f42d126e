"""Watches whether new pictures of the same size keep coming from a live source.

Where a second stream is analysed, the main one is not decoded: then its packets count, and their
headers tell a change of size. Whether the second one goes on is watched where both come together.
"""

import time
from collections.abc import Callable, Sequence

from spyoncino.errors import SourceChangedError, SourceError
from spyoncino.hardware.live_camera import PATIENCE
from spyoncino.media.decode import DecodedFrame
from spyoncino.media.packets import MediaPacket
from spyoncino.media.parameter_sets import sequence_headers
from spyoncino.runtime.capture.messages import SourceState, SourceStateChanged

MAX_STEP_S = 2.0
"""Longest time between two looks that counts: in more than that this process was itself held up."""


class StallWatch:
    """Tells live from stalled, and when to give up; without a picture a connection is not live.

    Args:
        stall_s: Seconds without a new picture after which the source is stalled; after ``PATIENCE``
            times as many it is given up.
        now_s: Monotonic seconds.
        packets_of: Codec of the kept packets, where these are watched instead of pictures.
    """

    def __init__(
        self, stall_s: float, now_s: Callable[[], float] = time.monotonic, packets_of: str = ""
    ) -> None:
        self._trouble = ""
        self._stall_s = stall_s
        self._packets_of = packets_of
        self._headers = b""
        self._now_s = now_s
        self._looked_at_s = now_s()
        self._silent_s = 0.0
        self._is_heard = False
        self._state: SourceState | None = None
        self._size_px: tuple[int, int] | None = None

    def note(self, frames: Sequence[DecodedFrame], packets: Sequence[MediaPacket] = ()) -> None:
        """Look at the pictures that were just decoded and the packets that were just kept.

        Raises:
            SourceChangedError: They have another size, or coding, than those before.
        """
        if self._packets_of:
            self._note_packets(packets)
            return
        if not frames:
            return
        self._be_heard()
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
        state: SourceState | None = "live" if self._is_heard else None
        if self._silent_s >= self._stall_s:
            state = "stalled"
        if state is None or state == self._state:
            return None
        self._state = state
        silent = f"No new picture came for {self._stall_s:g} s."
        return SourceStateChanged(state, silent if state == "stalled" else self._trouble)

    def note_trouble(self, trouble: str) -> SourceStateChanged | None:
        """What is wrong with a source that is live all the same; told with that state.

        Args:
            trouble: In sentences for a person; empty for nothing.

        Returns:
            The state with the news, unless it is none or the source is not live.
        """
        if trouble == self._trouble:
            return None
        self._trouble = trouble
        return SourceStateChanged("live", trouble) if self._state == "live" else None

    def _be_heard(self) -> None:
        self._is_heard = True
        self._silent_s = 0.0
        self._looked_at_s = self._now_s()

    def _note_packets(self, packets: Sequence[MediaPacket]) -> None:
        for packet in packets:
            if packet.kind != "video":
                continue
            self._be_heard()
            headers = sequence_headers(packet.data, self._packets_of) if packet.is_key else b""
            if headers and self._headers and headers != self._headers:
                raise SourceChangedError("Size or coding of the main stream changed.")
            self._headers = headers or self._headers
