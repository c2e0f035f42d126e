"""The life of one track: its label, its score, whether it moved. Where it is, the filters know."""

import math

from spyoncino.geometry.boxes import Box
from spyoncino.schemas.detections import TrackState
from spyoncino.tracking.spec import Observation, TrackedObject, TrackerSpec

LOOKALIKES = {
    "bicycle": "two-wheeler",
    "motorcycle": "two-wheeler",
    "car": "vehicle",
    "truck": "vehicle",
    "bus": "vehicle",
    "train": "vehicle",
    "bird": "animal",
    "cat": "animal",
    "dog": "animal",
    "horse": "animal",
    "sheep": "animal",
    "cow": "animal",
    "elephant": "animal",
    "bear": "animal",
    "zebra": "animal",
    "giraffe": "animal",
}
"""Labels between which a detector wavers for one and the same thing; they share a track."""

LEFT_SHIFT = 0.5
"""Shift of the middle, in box sizes, from which on a box has left its old place. Boxes of what
stands still jitter by 0.1, and by 0.33 when a detector now sees the whole person, now the half."""

LEFT_GROWTH = 1.3
"""Factor by which width *and* height must have changed where the middle stayed: somebody walks
straight up to the lens. Seeing half a person changes one of the two only."""

RIM = 0.01
"""A box that ends nearer to the rim of the picture than this may be cut by it."""

LEFT_HITS = 3
"""Detections in a row that must be off the old place; one or two may be slips."""

MOVING_SCORE = 0.45
"""Mean score that makes what moves credible without any sure detection; phantoms that follow
parts of a person score 0.41."""


def group_of(label: str) -> str:
    """Labels of one group may continue each other's tracks."""
    return LOOKALIKES.get(label, label)


def has_left(place: Box, box: Box) -> bool:
    """Whether a thing that was at ``place`` is now somewhere else, or much nearer or farther."""
    wide = max((place.width + box.width) / 2, 1e-9)
    high = max((place.height + box.height) / 2, 1e-9)
    across = _shift((place.left, place.right), (box.left, box.right))
    down = _shift((place.top, place.bottom), (box.top, box.bottom))
    if math.hypot(across / wide, down / high) >= LEFT_SHIFT:
        return True
    wider = box.width / max(place.width, 1e-9)
    higher = box.height / max(place.height, 1e-9)
    return min(wider, higher) >= LEFT_GROWTH or max(wider, higher) <= 1 / LEFT_GROWTH


def _shift(old: tuple[float, float], new: tuple[float, float]) -> float:
    """How far a side moved: its middle, or its inner end while the picture's rim cuts the other.

    What drives out of the picture is seen shorter and shorter; its middle moves half as far.
    """
    first, last = new[0] - old[0], new[1] - old[1]
    is_cut_first = min(old[0], new[0]) < RIM
    is_cut_last = max(old[1], new[1]) > 1.0 - RIM
    if is_cut_first == is_cut_last:
        return (first + last) / 2
    return last if is_cut_first else first


class Track:
    """What is remembered about one object.

    Args:
        track_id: Its number, from 1.
        first: The detection that began it.
        pts_s: Time of that detection.
        is_initial: It was seen when the camera had just started.
    """

    __slots__ = (
        "_anchor",
        "_anchor_s",
        "_off_place",
        "_score_sum",
        "_votes",
        "best_score",
        "end_s",
        "group",
        "has_moved",
        "hits",
        "is_initial",
        "label",
        "looked_s",
        "missed_s",
        "score",
        "start_s",
        "state",
        "track_id",
    )

    def __init__(
        self, track_id: int, first: Observation, pts_s: float, *, is_initial: bool
    ) -> None:
        self.track_id = track_id
        self.label = first.label
        self.group = group_of(first.label)
        self.score = self.best_score = first.score
        self.state = TrackState.TENTATIVE
        self.hits = 1
        self.start_s = self.end_s = self.looked_s = pts_s
        self.missed_s = 0.0
        self.is_initial = is_initial
        self.has_moved = False
        self._score_sum = first.score
        self._votes = {first.label: first.score}
        self._anchor = first.box
        self._anchor_s = pts_s
        self._off_place = 0

    def join(self, found: Observation, box: Box, pts_s: float, spec: TrackerSpec) -> None:
        """Take a detection; ``box`` is where the filter now sees the object."""
        self.hits += 1
        self.score = found.score
        self._score_sum += found.score
        self.best_score = max(self.best_score, found.score)
        self.end_s = self.looked_s = pts_s
        self.missed_s = 0.0
        votes = self._votes.get(found.label, 0.0) + found.score
        self._votes[found.label] = votes
        if votes > self._votes[self.label]:
            self.label = found.label
        self._watch_place(box, pts_s)
        if self.state is not TrackState.TENTATIVE or self._is_credible(spec):
            self.state = TrackState.CONFIRMED

    def _is_credible(self, spec: TrackerSpec) -> bool:
        """Seen often enough, and once surely or on the move: a phantom does not walk."""
        is_sure = self.best_score >= spec.confirm_score
        is_moving = self.has_moved and self._score_sum >= MOVING_SCORE * self.hits
        return self.hits >= spec.confirm_hits and (is_sure or is_moving)

    def miss(self, step_s: float, pts_s: float) -> None:
        """It was looked for and not found."""
        self.looked_s = pts_s
        self.missed_s += step_s
        if self.state is TrackState.CONFIRMED:
            self.state = TrackState.COASTING

    def is_over(self, spec: TrackerSpec) -> bool:
        """It was missed for too long."""
        is_young = self.state is TrackState.TENTATIVE
        return self.missed_s > (spec.tentative_lost_s if is_young else spec.lost_s)

    def _watch_place(self, box: Box, pts_s: float) -> None:
        if not has_left(self._anchor, box):
            self._off_place = 0
            return
        self._off_place += 1
        if self._off_place >= LEFT_HITS:
            self._off_place = 0
            self._anchor = box
            self._anchor_s = pts_s
            self.has_moved = True

    def is_stationary(self, pts_s: float, stationary_s: float) -> bool:
        """It has stayed in one place for this long."""
        return pts_s - self._anchor_s >= stationary_s

    def snapshot(self, box: Box, pts_s: float, stationary_s: float) -> TrackedObject:
        """The track as others see it."""
        return TrackedObject(
            track_id=self.track_id,
            label=self.label,
            score=self.score,
            best_score=self.best_score,
            box=box,
            state=self.state,
            moved=self.has_moved,
            stationary=self.is_stationary(pts_s, stationary_s),
            initial=self.is_initial,
            hits=self.hits,
            start_s=self.start_s,
            end_s=self.end_s,
        )
