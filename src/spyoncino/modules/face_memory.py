"""What is remembered of the faces of one camera: the votes of each track, and of faces without."""

import itertools
from dataclasses import dataclass

import numpy as np

from spyoncino.faces.identify import TrackVote
from spyoncino.geometry.boxes import Box
from spyoncino.schemas.detections import Track, TrackState
from spyoncino.schemas.events import Identity
from spyoncino.schemas.faces import Face

NEAR_S = 2.0
"""A face without a track belongs to somebody who was there so long before or after it at most."""

MOST = 256
"""Tracks and faces remembered of one camera; the longest unseen give way."""


@dataclass(eq=False, slots=True)
class Follow:
    """One person's face.

    Args:
        vote: Every face of it that was embedded.
        seen_s: Camera time at which its face was last seen.
        box: Where that was.
        loose_id: Number that it had before it was found to belong to a track.
        said: What was last told about it.
        ended_s: When its track ended.
    """

    vote: TrackVote
    seen_s: float
    box: Box
    loose_id: int | None = None
    said: Identity | None = None
    ended_s: float | None = None


class FaceMemory:
    """The faces of one camera. Camera time only."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._tracks: dict[int, Follow] = {}
        self._loose: list[Follow] = []
        self._people: dict[int, tuple[float, Box]] = {}
        self.last_s = 0.0
        self.correlation_id: str | None = None

    def __len__(self) -> int:
        return len(self._tracks) + len(self._loose)

    def __iter__(self) -> "itertools.chain[Follow]":
        return itertools.chain(self._tracks.values(), self._loose)

    def take(self, face: Face, pts_s: float) -> Follow | None:
        """Let an embedded face vote for whom it belongs to.

        Returns:
            Whose it is; ``None`` for a face that was not embedded or not measured.
        """
        if not face.vector or face.quality is None:
            return None
        track_id = face.track_id if face.track_id is not None else self._track_at(face.box, pts_s)
        follow = self._find(track_id, face.box, pts_s)
        follow.vote.add(np.frombuffer(face.vector, "<f4"), face.quality, pts_s, face.box)
        if pts_s >= follow.seen_s:
            follow.seen_s, follow.box = pts_s, face.box
        return follow

    def see(self, tracks: tuple[Track, ...], pts_s: float) -> list[Follow]:
        """Where people are now; a face that had no track may have found it.

        Returns:
            Those that have.
        """
        self.last_s = max(self.last_s, pts_s)
        found: list[Follow] = []
        for track in tracks:
            if track.state is TrackState.ENDED:
                self._people.pop(track.track_id, None)
                if track.track_id in self._tracks:
                    self._tracks[track.track_id].ended_s = pts_s
                continue
            self._people[track.track_id] = pts_s, track.box
            if track.track_id in self._tracks:
                continue
            for follow in self._loose:
                if _is_in(follow.box, track.box) and abs(follow.seen_s - pts_s) <= NEAR_S:
                    found.append(self._adopt(follow, track.track_id))
                    break
        return found

    def forget_before(self, now_s: float, linger_s: float) -> None:
        """Forget whose track ended, or who was not seen, for long; and more than there may be."""
        for key, each in list(self._tracks.items()):
            if each.ended_s is not None and now_s - max(each.ended_s, each.seen_s) > linger_s:
                del self._tracks[key]
        self._loose = [each for each in self._loose if now_s - each.seen_s <= linger_s]
        while len(self) > MOST:
            if self._loose:
                self._loose.pop(0)
            else:
                del self._tracks[min(self._tracks, key=lambda key: self._tracks[key].seen_s)]

    def _find(self, track_id: int | None, box: Box, pts_s: float) -> Follow:
        near = [
            each
            for each in self._loose
            if each.box.iou(box) > 0 and abs(each.seen_s - pts_s) <= NEAR_S
        ]
        if track_id is None:
            if near:
                return max(near, key=lambda each: each.box.iou(box))
            loose = Follow(TrackVote(), pts_s, box, loose_id=next(self._numbers))
            self._loose.append(loose)
            return loose
        if track_id not in self._tracks:
            if near:
                return self._adopt(max(near, key=lambda each: each.box.iou(box)), track_id)
            self._tracks[track_id] = Follow(TrackVote(track_id), pts_s, box)
        return self._tracks[track_id]

    def _adopt(self, loose: Follow, track_id: int) -> Follow:
        self._loose.remove(loose)
        loose.vote.track_id = track_id
        self._tracks[track_id] = loose
        return loose

    def _track_at(self, box: Box, pts_s: float) -> int | None:
        """The one person in whose box a face lies; ``None`` for none or several."""
        found = [
            track_id
            for track_id, (at_s, person) in self._people.items()
            if abs(at_s - pts_s) <= NEAR_S and _is_in(box, person)
        ]
        return found[0] if len(found) == 1 else None


def _is_in(face: Box, person: Box) -> bool:
    x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2
    return person.left <= x <= person.right and person.top <= y <= person.bottom
