import pytest

from spyoncino.geometry.boxes import Box
from spyoncino.schemas.detections import TrackState
from spyoncino.tracking.spec import Observation, TrackerSpec
from spyoncino.tracking.track import Track, group_of, has_left

PLACE = Box(0.4, 0.3, 0.5, 0.7)
SPEC = TrackerSpec()


def seen(label: str = "person", score: float = 0.8, box: Box = PLACE) -> Observation:
    return Observation(label, score, box)


def moved_by(share: float) -> Box:
    """The place, shifted sideways by a share of its width."""
    shift = share * PLACE.width
    return Box(PLACE.left + shift, PLACE.top, PLACE.right + shift, PLACE.bottom)


def scaled(across: float, down: float) -> Box:
    (x, y) = PLACE.centre
    half_width, half_height = PLACE.width * across / 2, PLACE.height * down / 2
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)


@pytest.mark.parametrize(
    ("box", "left"),
    [
        (PLACE, False),
        (moved_by(0.45), False),
        (moved_by(0.55), True),
        (scaled(1.0, 0.5), False),
        (scaled(1.35, 1.35), True),
        (scaled(1.4, 1.0), False),
        (scaled(0.7, 0.7), True),
        (scaled(1.2, 1.2), False),
        (Box(0.4, 0.3, 0.5, 0.5), False),
        (Box(0.34, 0.3, 0.5, 0.7), False),
        (Box(0.4, 0.3, 0.56, 0.7), False),
    ],
)
def test_a_place_is_left_by_going_away_or_coming_near(box: Box, left: bool) -> None:
    assert has_left(PLACE, box) is left


@pytest.mark.parametrize(
    ("place", "box"),
    [
        (Box(0.0, 0.3, 0.24, 0.6), Box(0.0, 0.3, 0.1, 0.6)),
        (Box(0.76, 0.3, 1.0, 0.6), Box(0.9, 0.3, 1.0, 0.6)),
        (Box(0.3, 0.0, 0.6, 0.24), Box(0.3, 0.0, 0.6, 0.1)),
        (Box(0.02, 0.3, 0.17, 0.6), Box(0.0, 0.3, 0.1, 0.6)),
        (Box(0.83, 0.3, 0.98, 0.6), Box(0.9, 0.3, 1.0, 0.6)),
    ],
)
def test_what_leaves_through_the_rim_has_left_its_place(place: Box, box: Box) -> None:
    assert has_left(place, box)
    assert has_left(box, place)


@pytest.mark.parametrize(("rim", "is_cut"), [(0.007, True), (0.015, False)])
def test_a_box_within_one_hundredth_of_the_rim_counts_as_cut_by_it(
    rim: float, is_cut: bool
) -> None:
    assert has_left(Box(rim, 0.3, 0.24, 0.6), Box(rim, 0.3, 0.1, 0.6)) is is_cut
    assert has_left(Box(0.76, 0.3, 1 - rim, 0.6), Box(0.9, 0.3, 1 - rim, 0.6)) is is_cut


def test_what_fills_the_picture_from_rim_to_rim_is_judged_by_its_middle() -> None:
    assert not has_left(Box(0.0, 0.2, 1.0, 0.8), Box(0.0, 0.2, 1.0, 0.9))


def test_a_box_without_size_has_left_by_any_step() -> None:
    empty = Box(0.5, 0.5, 0.5, 0.5)
    assert has_left(empty, Box(0.6, 0.5, 0.6, 0.5))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("car", "truck", True),
        ("bicycle", "motorcycle", True),
        ("cat", "dog", True),
        ("person", "bicycle", False),
        ("parcel", "parcel", True),
        ("parcel", "crate", False),
    ],
)
def test_labels_a_detector_mixes_up_share_a_group(first: str, second: str, same: bool) -> None:
    assert (group_of(first) == group_of(second)) is same


def track_of(*scores: float, boxes: tuple[Box, ...] = (), spec: TrackerSpec = SPEC) -> Track:
    track = Track(1, seen(score=scores[0]), 0.0, is_initial=False)
    for step, score in enumerate(scores[1:], start=1):
        box = boxes[step - 1] if boxes else PLACE
        track.join(seen(score=score, box=box), box, step * 0.1, spec)
    return track


@pytest.mark.parametrize(
    ("scores", "state"),
    [
        ((0.9, 0.9), TrackState.TENTATIVE),
        ((0.9, 0.9, 0.9), TrackState.CONFIRMED),
        ((0.5, 0.5, 0.6), TrackState.CONFIRMED),
        ((0.5, 0.55, 0.59, 0.59, 0.59), TrackState.TENTATIVE),
    ],
)
def test_a_track_is_believed_when_seen_often_and_surely(
    scores: tuple[float, ...], state: TrackState
) -> None:
    assert track_of(*scores).state is state


@pytest.mark.parametrize(("score", "is_believed"), [(0.5, True), (0.42, False)])
def test_what_moves_is_believed_with_a_fair_mean_score(score: float, is_believed: bool) -> None:
    boxes = tuple(moved_by(0.6 * step) for step in range(1, 6))
    track = track_of(*([score] * 6), boxes=boxes)
    assert track.has_moved
    assert (track.state is TrackState.CONFIRMED) is is_believed


def test_a_few_slips_of_a_box_are_no_movement() -> None:
    boxes = (PLACE, moved_by(0.8), moved_by(0.8), PLACE, moved_by(0.8))
    assert not track_of(*([0.9] * 6), boxes=boxes).has_moved


@pytest.mark.parametrize(("hits", "has_moved"), [(2, False), (3, True)])
def test_movement_needs_three_detections_off_the_old_place(hits: int, has_moved: bool) -> None:
    track = track_of(*([0.9] * (hits + 1)), boxes=(moved_by(0.8),) * hits)
    assert track.has_moved is has_moved


def test_where_it_stopped_is_its_new_place() -> None:
    track = track_of(*([0.9] * 4), boxes=(moved_by(0.8),) * 3)
    for pts_s in (1.0, 5.0, 10.0):
        track.join(seen(), moved_by(0.8), pts_s, SPEC)
    assert track.is_stationary(10.5, 10.0)


def test_the_next_movement_needs_three_detections_again() -> None:
    track = track_of(*([0.9] * 4), boxes=(moved_by(0.8),) * 3)
    for pts_s, is_stationary in ((12.0, True), (13.0, True), (14.0, False)):
        track.join(seen(), moved_by(3.0), pts_s, SPEC)
        assert track.is_stationary(15.0, 10.0) is is_stationary


def test_a_place_is_left_from_half_a_size_on() -> None:
    assert has_left(Box(0.25, 0.25, 0.5, 0.5), Box(0.375, 0.25, 0.625, 0.5))


def test_a_label_with_as_many_votes_changes_nothing() -> None:
    track = Track(1, seen("car", 0.5), 0.0, is_initial=False)
    track.join(seen("truck", 0.5), PLACE, 0.1, SPEC)
    assert track.label == "car"


def test_votes_weighted_by_score_decide_the_label() -> None:
    track = Track(1, seen("car", 0.5), 0.0, is_initial=False)
    track.join(seen("truck", 0.4), PLACE, 0.1, SPEC)
    assert track.label == "car"
    track.join(seen("truck", 0.4), PLACE, 0.2, SPEC)
    assert track.label == "truck"


def test_it_coasts_when_missed_and_is_over_when_missed_too_long() -> None:
    track = track_of(0.9, 0.9, 0.9)
    track.miss(1.0, 1.2)
    assert track.state is TrackState.COASTING
    assert not track.is_over(SPEC)
    track.miss(1.0, 2.2)
    assert not track.is_over(SPEC)
    track.miss(0.1, 2.3)
    assert track.is_over(SPEC)
    assert track.looked_s == 2.3


def test_a_detection_ends_the_coasting_and_the_count_of_misses() -> None:
    track = track_of(0.9, 0.9, 0.9)
    track.miss(1.5, 1.7)
    track.join(seen(score=0.3), PLACE, 1.8, SPEC)
    assert track.state is TrackState.CONFIRMED
    track.miss(1.5, 3.3)
    assert not track.is_over(SPEC)


def test_an_unconfirmed_track_is_over_sooner() -> None:
    track = track_of(0.9)
    track.miss(0.5, 0.5)
    assert not track.is_over(SPEC)
    track.miss(0.1, 0.6)
    assert track.is_over(SPEC)
    assert track.state is TrackState.TENTATIVE


def test_it_is_stationary_after_the_stationary_time_in_one_place() -> None:
    track = track_of(0.9, 0.9, 0.9)
    assert not track.is_stationary(9.9, 10.0)
    assert track.is_stationary(10.0, 10.0)


def test_moving_again_ends_being_stationary() -> None:
    track = track_of(0.9, 0.9, 0.9)
    for step in range(3):
        track.join(seen(box=moved_by(2.0)), moved_by(2.0), 12.0 + step, SPEC)
    assert track.has_moved
    assert not track.is_stationary(15.0, 10.0)
    assert track.is_stationary(24.0, 10.0)


def test_the_snapshot_tells_all_there_is_to_know() -> None:
    track = track_of(0.9, 0.7, 0.8)
    told = track.snapshot(PLACE, 0.2, 10.0)
    assert (told.track_id, told.label, told.hits) == (1, "person", 3)
    assert (told.score, told.best_score) == (0.8, 0.9)
    assert (told.start_s, told.end_s) == (0.0, 0.2)
    assert told.box == PLACE
    assert not told.moved
    assert not told.stationary
    assert not told.initial
