"""Puts the pictures chosen for analysis into the frame ring, with what the motion detector saw."""

from collections.abc import Callable

from spyoncino.detectors.motion_spec import MotionDetector
from spyoncino.media.decode import DecodedFrame
from spyoncino.media.pictures import I420Converter
from spyoncino.runtime.capture.looking import PictureLooking
from spyoncino.runtime.capture.messages import FrameReady
from spyoncino.runtime.frame_ring import FrameRing

PACE_TOLERANCE = 0.02
"""Share of the interval by which a frame may come early: containers round times to 1 ms, which is
1.5 % of the interval at 15 frames a second."""


class EvenPace:
    """Chooses evenly spaced frames: the first, then each that is a full interval after the last.

    A source of 25 frames a second analysed at 15 gives every second frame, never a limping mix of
    one and two.

    Args:
        fps: Frames to choose per second at most.
    """

    def __init__(self, fps: float) -> None:
        self._interval_s = (1.0 - PACE_TOLERANCE) / fps
        self._last_s: float | None = None

    @property
    def interval_s(self) -> float:
        """Shortest time between two chosen frames."""
        return self._interval_s

    def chooses(self, pts_s: float) -> bool:
        """Whether this frame is one of them; a jump back in time begins anew."""
        if self._last_s is not None and 0 <= pts_s - self._last_s < self._interval_s:
            return False
        self._last_s = pts_s
        return True


class FramePublisher:
    """Scales, measures and announces the chosen frames.

    Args:
        ring: Slots for pictures of ``size_px``.
        size_px: Width and height of the analysis pictures.
        pace: Which frames are chosen.
        motion: Measures each published frame; ``None`` for no motion detection.
        tell: Sends a message to main.
        looking: Looks at whole pictures now and then; ``None``: nobody does.
    """

    def __init__(
        self,
        ring: FrameRing,
        size_px: tuple[int, int],
        pace: EvenPace,
        motion: MotionDetector | None,
        tell: Callable[[FrameReady], None],
        looking: PictureLooking | None = None,
    ) -> None:
        self.ring = ring
        self.size_px = size_px
        self._converter = I420Converter(*size_px)
        self._pace = pace
        self._motion = motion
        self._tell = tell
        self._looking = looking
        self.decoded = 0
        self.published = 0
        self.skipped = 0
        self.last_pts_s = 0.0

    @property
    def interval_s(self) -> float:
        """Shortest time between two analysed frames."""
        return self._pace.interval_s

    def chooses(self, frame: DecodedFrame) -> bool:
        """Count the next decoded frame and say whether it is to be analysed."""
        self.decoded += 1
        self.last_pts_s = frame.pts_s
        return self._pace.chooses(frame.pts_s)

    def publish(self, frame: DecodedFrame, arrival_ns: int, utc_origin_s: float) -> bool:
        """Put a chosen frame into the ring and announce it.

        Args:
            frame: The picture, its time and its number.
            arrival_ns: Monotonic time at which the packet arrived that completed it.
            utc_origin_s: Wall time of ``pts_s`` 0, in seconds since 1970.

        Returns:
            Whether a slot was free; if not, try again or ``skip``.
        """
        slot = self.ring.claim()
        if slot is None:
            return False
        width_px, height_px = self.size_px
        out = self.ring.picture(slot, width_px, height_px)
        self._converter.write(frame.picture, out)
        facts = self._motion.measure(out[:height_px], frame.pts_s) if self._motion else None
        if self._looking:
            self._looking.see(out, frame.pts_s, utc_origin_s + frame.pts_s)
        self._tell(
            FrameReady(
                handle=self.ring.publish(slot, width_px, height_px),
                frame_index=frame.index,
                sequence=self.published,
                pts_s=frame.pts_s,
                monotonic_ns=arrival_ns,
                utc_epoch_s=utc_origin_s + frame.pts_s,
                motion=facts,
            )
        )
        self.published += 1
        return True

    def skip(self) -> None:
        """Give up a chosen frame for which no slot was free."""
        self.skipped += 1
