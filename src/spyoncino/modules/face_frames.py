"""Keeps the last analysis frames of a camera whose pictures are analysed in full size.

There nothing has to be decoded again for a look at a face: going back to the key frame costs as
much as a hundred looks at a small face.
"""

from collections import deque
from typing import Protocol

from spyoncino.runtime.frame_ring import FrameHandle, SlotRef
from spyoncino.schemas.frames import Frame

KEPT = 3
"""Frames kept of one camera: a track is told one or two frames after its own. A ring has twelve."""


class Leases(Protocol):
    """Who keeps a picture from being overwritten; see ``runtime.captures.Captures``."""

    def hold(self, ref: SlotRef) -> None:
        """Add a lease."""

    def release(self, ref: SlotRef) -> None:
        """End a lease."""


class HeldFrames:
    """The leases on the last frames of one camera.

    Args:
        leases: Who counts them.
    """

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._held: deque[FrameHandle] = deque()

    def take(self, frame: Frame) -> None:
        """Keep a frame that is leased at this moment, if it is of full size."""
        ref = frame.frame
        if (ref.width_px, ref.height_px) != (frame.source_width_px, frame.source_height_px):
            return
        handle = FrameHandle(ref.ring, ref.slot, ref.generation, ref.width_px, ref.height_px)
        self._leases.hold(handle)
        self._held.append(handle)
        while len(self._held) > KEPT:
            self._leases.release(self._held.popleft())

    def lend(self, ref: SlotRef) -> FrameHandle | None:
        """A frame with a lease of its own, which the caller gives back; ``None``: not kept."""
        for handle in self._held:
            if (handle.ring, handle.slot, handle.generation) == (
                ref.ring,
                ref.slot,
                ref.generation,
            ):
                self._leases.hold(handle)
                return handle
        return None

    def release_all(self) -> None:
        """Keep nothing any more."""
        while self._held:
            self._leases.release(self._held.popleft())
