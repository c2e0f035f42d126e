"""Joins detections of successive frames into tracks, by the two-stage idea of ByteTrack.

Sure detections are paired first, then weak ones continue what is left (Zhang et al. 2022): a
person half hidden keeps the track although the detector hesitates. Weak ones never begin a track.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spyoncino.geometry.boxes import Box, as_array
from spyoncino.schemas.detections import TrackState
from spyoncino.tracking.association import NO_PAIRS, Pairs, assign_within, overlap_cost
from spyoncino.tracking.kalman import BoxFilters, as_boxes
from spyoncino.tracking.spec import Observation, TrackedObject, TrackerSpec
from spyoncino.tracking.track import Track, group_of

__all__ = ["Observation", "TrackedObject", "Tracker", "TrackerSpec"]

SURE_COST = 0.9
WEAK_COST = 0.7
FAR_COST = 0.9
FAR_INFLATE = 0.5
"""Highest costs (1 - IoU x (0.5 + 0.5 score)) of a pair: for sure detections a little overlap is
enough, weak ones must fit well; the third pass compares boxes grown by half their size, for what
moved further than its width between two frames or comes back from behind something."""

TWIN_IOU = 0.5
"""A detection that overlaps one already joined this much is a second box of the same thing."""

LOOKED_SHARE = 0.7
"""Share of a box that must lie in what was looked at, else the track was not missed."""

MAX_STEP_S = 2.0
"""A longer gap between frames moves nothing further than this: velocities do not hold that long."""


class Tracker:
    """The tracks of one camera. Same input, same output; time comes with the frames only.

    Args:
        spec: Settings.
    """

    def __init__(self, spec: TrackerSpec | None = None) -> None:
        self._spec = spec or TrackerSpec()
        self._filters = BoxFilters()
        self._tracks: list[Track] = []
        self._next_id = 1
        self._first_s: float | None = None
        self._last_s = 0.0
        self._where: list[Box] = []

    def update(
        self,
        observations: Sequence[Observation],
        pts_s: float,
        looked_at: Sequence[Box] | None = None,
    ) -> list[TrackedObject]:
        """Take the detections of one frame.

        Args:
            observations: What was detected; scores below ``join_score`` are ignored.
            pts_s: Time of the frame; frames must come in order.
            looked_at: Parts of the picture in which a detector looked; ``None`` for all of it. A
                track outside them is not missed in this frame and does not age.

        Returns:
            Every living track (tentative ones too) in order of id, and once each that ended.
        """
        if self._first_s is None:
            self._first_s = self._last_s = pts_s
        step_s = max(0.0, pts_s - self._last_s)
        self._last_s = pts_s
        self._filters.predict(min(step_s, MAX_STEP_S))
        found = [item for item in observations if item.score >= self._spec.join_score]
        boxes = as_array([item.box for item in found])
        pairs = self._pair(found, boxes)
        self._filters.correct(pairs.rows, boxes[pairs.columns])
        self._where = as_boxes(self._filters.boxes())
        self._join(found, pairs, pts_s)
        self._miss(pairs, step_s, pts_s, looked_at)
        told = self._remove_ended(pts_s)
        self._begin(found, boxes, pairs, pts_s)
        told += [
            track.snapshot(box, pts_s, self._spec.stationary_s)
            for track, box in zip(self._tracks, self._where, strict=True)
        ]
        return sorted(told, key=lambda item: item.track_id)

    def needs_look(self, pts_s: float) -> tuple[Box, ...]:
        """Predicted boxes of the tracks a detector should look at now.

        Moving tracks always, stationary ones every ``look_every_s``.
        """
        ahead_s = min(max(0.0, pts_s - self._last_s), MAX_STEP_S)
        predicted = as_boxes(self._filters.boxes(ahead_s))
        return tuple(
            box
            for track, box in zip(self._tracks, predicted, strict=True)
            if not track.is_stationary(pts_s, self._spec.stationary_s)
            or pts_s - track.looked_s >= self._spec.look_every_s
        )

    def finish(self) -> list[TrackedObject]:
        """End of the stream: every confirmed track, ended. The tracker is empty afterwards."""
        for track in self._tracks:
            track.missed_s = float("inf")
        return self._remove_ended(self._last_s)

    def _pair(self, found: Sequence[Observation], boxes: NDArray[np.float64]) -> Pairs:
        """Tracks and detections that belong together."""
        if not found or not self._tracks:
            return NO_PAIRS
        scores = np.array([item.score for item in found])
        groups = np.array([group_of(item.label) for item in found])
        own = np.array([track.group for track in self._tracks])
        is_allowed = own[:, None] == groups[None, :]
        is_sure = scores >= self._spec.start_score
        is_told = np.array([track.state is not TrackState.TENTATIVE for track in self._tracks])
        is_any = np.ones_like(is_told)
        predicted = self._filters.boxes()
        sure_cost = overlap_cost(predicted, boxes, scores, is_allowed)
        pairs = assign_within(sure_cost, SURE_COST, is_any, is_sure)
        left = ~np.isin(np.arange(len(own)), pairs.rows)
        pairs = pairs.plus(assign_within(sure_cost, WEAK_COST, left & is_told, ~is_sure))
        left = ~np.isin(np.arange(len(own)), pairs.rows)
        over = is_sure & ~np.isin(np.arange(len(found)), pairs.columns)
        if left.any() and over.any():
            far_cost = overlap_cost(predicted, boxes, scores, is_allowed, FAR_INFLATE)
            pairs = pairs.plus(assign_within(far_cost, FAR_COST, left, over))
        return pairs

    def _join(self, found: Sequence[Observation], pairs: Pairs, pts_s: float) -> None:
        for row, column in zip(pairs.rows.tolist(), pairs.columns.tolist(), strict=True):
            self._tracks[row].join(found[column], self._where[row], pts_s, self._spec)

    def _miss(
        self, pairs: Pairs, step_s: float, pts_s: float, looked_at: Sequence[Box] | None
    ) -> None:
        joined = set(pairs.rows.tolist())
        for row, track in enumerate(self._tracks):
            if row not in joined and _was_looked_at(self._where[row], looked_at):
                track.miss(step_s, pts_s)

    def _remove_ended(self, pts_s: float) -> list[TrackedObject]:
        kept: list[int] = []
        told = []
        for row, track in enumerate(self._tracks):
            if not track.is_over(self._spec):
                kept.append(row)
            elif track.state is not TrackState.TENTATIVE:
                track.state = TrackState.ENDED
                told.append(track.snapshot(self._where[row], pts_s, self._spec.stationary_s))
        if len(kept) < len(self._tracks):
            self._filters.keep(np.array(kept, np.intp))
            self._tracks = [self._tracks[row] for row in kept]
            self._where = [self._where[row] for row in kept]
        return told

    def _begin(
        self,
        found: Sequence[Observation],
        boxes: NDArray[np.float64],
        pairs: Pairs,
        pts_s: float,
    ) -> None:
        taken = pairs.columns.tolist()
        fresh = [
            column
            for column, item in enumerate(found)
            if item.score >= self._spec.start_score and column not in taken
        ]
        is_initial = pts_s - (self._first_s or 0.0) <= self._spec.initial_s
        for column in sorted(fresh, key=lambda number: (-found[number].score, number)):
            item = found[column]
            if any(_are_twins(item, found[other]) for other in taken):
                continue
            taken.append(column)
            self._filters.append(boxes[column : column + 1])
            self._tracks.append(Track(self._next_id, item, pts_s, is_initial=is_initial))
            self._where.append(item.box.clipped())
            self._next_id += 1


def _are_twins(first: Observation, second: Observation) -> bool:
    """Two boxes of one thing."""
    return group_of(first.label) == group_of(second.label) and first.box.iou(second.box) > TWIN_IOU


def _was_looked_at(box: Box, looked_at: Sequence[Box] | None) -> bool:
    if looked_at is None:
        return True
    return any(box.overlap(part) >= LOOKED_SHARE * box.area for part in looked_at)
