"""What the face detector knows of one camera."""

from spyoncino.events.face_moments import FaceMoments, MomentSpec
from spyoncino.modules.face_frames import HeldFrames
from spyoncino.modules.face_line import FaceLine
from spyoncino.modules.face_places import FacePlaces


class FaceCamera:
    """Looks, moments and places of one camera.

    Args:
        line: Its looks.
        spec: How often to look.
        frames: Its last frames.

    Attributes:
        source_px: Width of its full-size pictures; 0 before it is known.
        press_until_s: Camera time until which a press has right of way.
        time_told_s: Camera time until which it was told that every look is told; plus infinity
            before the first look, minus infinity when it must be told at the next occasion.
        last_pts_s: The last moment heard of.
    """

    def __init__(self, line: FaceLine, spec: MomentSpec, frames: HeldFrames) -> None:
        self.line = line
        self.moments = FaceMoments(spec)
        self.frames = frames
        self.places = FacePlaces()
        self.source_px = 0
        self.press_until_s = float("-inf")
        self.time_told_s = float("inf")
        self.last_pts_s = 0.0

    def begin_again(self) -> None:
        """The stream is over: camera time begins anew."""
        self.moments.clear()
        self.places.clear()
        self.frames.release_all()
        self.press_until_s = float("-inf")
        self.time_told_s = float("inf")
