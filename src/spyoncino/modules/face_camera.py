"""What the face detector knows of one camera."""

from collections.abc import Mapping

from spyoncino.events.face_moments import FaceMoments, MomentSpec
from spyoncino.faces.best_shots import BestShots
from spyoncino.geometry.boxes import Box
from spyoncino.modules.face_frames import HeldFrames
from spyoncino.modules.face_line import FaceLine
from spyoncino.modules.face_places import FacePlaces
from spyoncino.runtime.tasks import FaceRegion
from spyoncino.schemas.faces import Face


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
        self._shots: dict[int, BestShots[None]] = {}
        self.source_px = 0
        self.press_until_s = float("-inf")
        self.time_told_s = float("inf")
        self.last_pts_s = 0.0

    def regions(self, people: Mapping[int, Box], pts_s: float) -> tuple[FaceRegion, ...]:
        """Where to look for the faces of these people, and how good one must be to be embedded."""
        return tuple(
            FaceRegion(box.clipped(), track_id, self._shots[track_id].embed_above(pts_s))
            if track_id in self._shots
            else FaceRegion(box.clipped(), track_id)
            for track_id, box in people.items()
        )

    def note(self, track_id: int, faces: tuple[Face, ...], pts_s: float) -> None:
        """A look into the box of a track found these faces of it."""
        best = max((f.quality for f in faces if f.quality), key=lambda q: q.score, default=None)
        self.moments.end(track_id, best)
        for face in faces:
            if face.vector and face.quality:
                shots = self._shots.setdefault(track_id, BestShots())
                shots.offer(pts_s, face.quality.score, None)

    def forget(self, track_id: int) -> None:
        """A track has ended."""
        self.moments.forget(track_id)
        self.places.forget(track_id)
        self._shots.pop(track_id, None)

    def begin_again(self) -> None:
        """The stream is over: camera time begins anew."""
        self._shots.clear()
        self.moments.clear()
        self.places.clear()
        self.frames.release_all()
        self.press_until_s = float("-inf")
        self.time_told_s = float("inf")
