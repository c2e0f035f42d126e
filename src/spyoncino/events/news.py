"""Which tracks have news: what changed enough since it was last told to be told again."""

from dataclasses import dataclass

from spyoncino.schemas.detections import Track, TrackState

TIME_TOLERANCE_S = 1e-6
"""Differences of two times in seconds are not exact in binary."""


@dataclass(frozen=True, slots=True)
class NewsSpec:
    """What counts as news.

    Args:
        same_iou: A box that overlaps the last told one at least this much (0..1) is the same.
        score_gain: A best score must grow by this much to be news.
        refresh_s: A living track is told again after this many seconds of camera time, news or not.
    """

    same_iou: float = 0.9
    score_gain: float = 0.05
    refresh_s: float = 1.0


@dataclass(slots=True)
class _Told:
    track: Track
    at_s: float
    left_out: int = 0


class NewsFilter:
    """Remembers what was told of each track of one camera.

    Args:
        spec: What counts as news.
    """

    def __init__(self, spec: NewsSpec) -> None:
        self._spec = spec
        self._told: dict[int, _Told] = {}

    def news(self, track: Track, pts_s: float) -> str:
        """Why the track is worth telling, in words; empty when it is not.

        Asking does not tell: call ``tell`` or ``leave_out`` afterwards. Tentative tracks never are
        news: they may be noise.
        """
        if track.state is TrackState.TENTATIVE:
            return ""
        told = self._told.get(track.track_id)
        if told is None:
            return "it is new" if track.state is not TrackState.ENDED else "it ended"
        change = self._change(told.track, track)
        if not change and pts_s - told.at_s >= self._spec.refresh_s - TIME_TOLERANCE_S:
            return "it was not told for a while"
        return change

    def _change(self, old: Track, new: Track) -> str:
        before = (old.label, old.state, old.moved, old.stationary)
        if before != (new.label, new.state, new.moved, new.stationary):
            return "its state changed"
        if new.best_score >= old.best_score + self._spec.score_gain:
            return "its score grew"
        if new.box.iou(old.box) < self._spec.same_iou:
            return "it changed its place"
        return ""

    def tell(self, track: Track, pts_s: float) -> int:
        """The track is told now.

        Returns:
            How many frames were left out since it was last told.
        """
        told = self._told.pop(track.track_id, None)
        if track.state is not TrackState.ENDED:
            self._told[track.track_id] = _Told(track, pts_s)
        return told.left_out if told else 0

    def leave_out(self, track: Track) -> None:
        """The track is not told in this frame."""
        told = self._told.get(track.track_id)
        if told is not None:
            told.left_out += 1

    def clear(self) -> None:
        """Forget everything: the stream is over or began again."""
        self._told.clear()
