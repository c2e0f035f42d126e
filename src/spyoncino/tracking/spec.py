"""What a tracker is asked for, what it is fed with and what it answers."""

from dataclasses import dataclass

from spyoncino.geometry.boxes import Box
from spyoncino.schemas.detections import TrackState


@dataclass(frozen=True, slots=True)
class Observation:
    """One detection as the tracker takes it; ``box`` normalised, ``score`` 0..1."""

    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class TrackedObject:
    """One track as it stands in one frame; the fields of ``schemas.detections.Track``.

    ``box`` is the joined detection's box smoothed by the filter, or the prediction while coasting.
    ``end_s`` is the time of the last detection that was joined. A track is told with state
    ``ended`` exactly once, unless it was never confirmed: such a track vanishes without a word.
    """

    track_id: int
    label: str
    score: float
    best_score: float
    box: Box
    state: TrackState
    moved: bool
    stationary: bool
    initial: bool
    hits: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class TrackerSpec:
    """Settings of one camera's tracker.

    Args:
        start_score: A detection this sure may begin a track, is paired before weaker ones and may
            lie further from where the track was expected.
        join_score: A detection this sure may continue one (ByteTrack's low threshold).
        confirm_hits: Detections a track must have before it is told as confirmed.
        confirm_score: It must also have been seen this surely once, or have moved: what a
            detector takes a signpost for scores low and stays where it is.
        lost_s: Seconds without a detection after which a track ends.
        tentative_lost_s: The same for a track that was not confirmed yet.
        stationary_s: Seconds without moving after which a track is stationary.
        look_every_s: How often a stationary track must be looked at.
        initial_s: What is seen standing within this many seconds of the first frame was there
            when the camera started.
    """

    start_score: float = 0.5
    join_score: float = 0.3
    confirm_hits: int = 3
    confirm_score: float = 0.6
    lost_s: float = 2.0
    tentative_lost_s: float = 0.5
    stationary_s: float = 10.0
    look_every_s: float = 10.0
    initial_s: float = 1.0
