"""The pace at which a camera that woke makes up for what it slept through.

Faster than the camera, but not so fast that main gives frames up for newer ones: the next picture
waits until main has at most a few in hand, for a bounded time.
"""

import time
from collections.abc import Callable, Iterator

from spyoncino.media.decode import DecodedFrame
from spyoncino.runtime.capture.frame_publisher import FramePublisher
from spyoncino.runtime.capture.gated_decoder import GatedDecoder

TURN_S = 0.02
"""How long decoding goes on before the source and main's commands are looked at again."""

MIN_PACKETS = 2
"""Packets of a turn at least; the source gives one in that time, so it comes to an end."""

IN_HAND = 2
"""Pictures that main may hold while it is given another one: one looked at, one waiting."""

PATIENCE = 0.5
"""Share of the time between two analysed pictures that one may wait for main: at worst the
pictures come at twice the camera's pace, and what is made up for takes as long as was slept."""


class CatchUp:
    """Gives the pictures to make up for, in turns.

    Args:
        gated: Has the packets.
        publisher: Knows how many pictures main holds.
        now_s: Monotonic seconds.
    """

    def __init__(
        self,
        gated: GatedDecoder,
        publisher: FramePublisher,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gated = gated
        self._publisher = publisher
        self._now_s = now_s
        self._patient_until_s = 0.0
        self.newest_s = 0.0
        """Time of the newest video packet that has arrived."""

    @property
    def must_wait(self) -> bool:
        """Whether main has enough in hand for the moment."""
        return self._publisher.ring.held >= IN_HAND and self._now_s() < self._patient_until_s

    def frames(self, arrival_ns: int, *, is_all: bool) -> Iterator[tuple[DecodedFrame, int]]:
        """Pictures of one turn, each with the monotonic time at which its packet came.

        Args:
            arrival_ns: When the newest packet came.
            is_all: Go on to the end: nothing follows.
        """
        turn_ends_s = self._now_s() + TURN_S
        packets = 0
        while self._gated.is_behind:
            if not is_all and packets >= MIN_PACKETS and self._now_s() >= turn_ends_s:
                return
            packets += 1
            for frame in self._gated.catch_up():
                self._patient_until_s = self._now_s() + PATIENCE * self._publisher.interval_s
                late_s = max(0.0, self.newest_s - frame.pts_s)
                yield frame, arrival_ns - round(late_s * 1e9)
