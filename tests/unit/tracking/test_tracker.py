import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.schemas.detections import TrackState
from spyoncino.tracking.tracker import Observation, TrackedObject, Tracker, TrackerSpec

STEP_S = 0.1


def person(x: float, y: float = 0.5, score: float = 0.9, label: str = "person") -> Observation:
    return Observation(label, score, Box(x - 0.03, y - 0.1, x + 0.03, y + 0.1))


def run(
    tracker: Tracker, frames: list[list[Observation]], start_s: float = 0.0
) -> list[list[TrackedObject]]:
    return [tracker.update(items, start_s + n * STEP_S) for n, items in enumerate(frames)]


def walking(steps: int, x: float = 0.2, speed: float = 0.01) -> list[list[Observation]]:
    return [[person(x + speed * n)] for n in range(steps)]


def test_one_walker_is_one_track_with_id_one() -> None:
    told = run(Tracker(), walking(30))
    assert {track.track_id for frame in told for track in frame} == {1}
    (last,) = told[-1]
    assert last.state is TrackState.CONFIRMED
    assert last.moved
    assert last.hits == 30
    assert last.start_s == 0.0
    assert last.end_s == pytest.approx(2.9)


def test_a_track_is_tentative_until_it_was_seen_often_enough() -> None:
    states = [frame[0].state for frame in run(Tracker(), walking(3))]
    assert states == [TrackState.TENTATIVE, TrackState.TENTATIVE, TrackState.CONFIRMED]


def test_an_empty_stream_tells_nothing() -> None:
    tracker = Tracker()
    assert run(tracker, [[], [], []]) == [[], [], []]
    assert tracker.finish() == []
    assert tracker.needs_look(1.0) == ()


def test_weak_detections_begin_no_track() -> None:
    assert run(Tracker(), [[person(0.2, score=0.49)]] * 5)[-1] == []


def test_weak_detections_continue_a_confirmed_track() -> None:
    frames = walking(5) + [[person(0.25 + 0.01 * n, score=0.35)] for n in range(10)]
    (track,) = run(Tracker(), frames)[-1]
    assert track.state is TrackState.CONFIRMED
    assert track.hits == 15
    assert track.score == 0.35
    assert track.best_score == 0.9


def test_a_tentative_track_is_not_continued_by_weak_detections() -> None:
    frames = [[person(0.2)], [person(0.2, score=0.4)], [person(0.2, score=0.4)]]
    (track,) = run(Tracker(), frames)[-1]
    assert track.hits == 1


def test_detections_below_the_joining_score_are_as_nothing() -> None:
    told = run(Tracker(), [*walking(5), [person(0.25, score=0.29)]])
    assert told[-1][0].state is TrackState.COASTING


def test_a_track_coasts_where_it_was_heading() -> None:
    told = run(Tracker(), walking(20) + [[]] * 5)
    (track,) = told[-1]
    assert track.state is TrackState.COASTING
    assert track.box.centre[0] == pytest.approx(0.2 + 0.01 * 24, abs=0.01)
    assert track.end_s == pytest.approx(1.9)


def test_a_track_comes_back_under_its_id_after_an_occlusion() -> None:
    frames = [*walking(20), *([[]] * 8), *([person(0.2 + 0.01 * n)] for n in range(28, 35))]
    ids = {track.track_id for frame in run(Tracker(), frames) for track in frame}
    assert ids == {1}


def test_an_end_is_told_once_and_then_never_again() -> None:
    told = run(Tracker(), walking(5) + [[]] * 40)
    ended = [n for n, frame in enumerate(told) if any(t.state is TrackState.ENDED for t in frame)]
    assert len(ended) == 1
    assert ended[0] == pytest.approx(5 + 20, abs=1)
    assert told[-1] == []


def test_a_track_that_was_never_confirmed_vanishes_without_a_word() -> None:
    told = run(Tracker(), [[person(0.2)]] + [[]] * 20)
    assert told[-1] == []
    assert all(t.state is TrackState.TENTATIVE for frame in told for t in frame)


def test_ids_count_up_and_are_never_used_again() -> None:
    tracker = Tracker()
    run(tracker, walking(5) + [[]] * 40)
    (track,) = tracker.update([person(0.8)], 5.0)
    assert track.track_id == 2


def test_two_who_cross_keep_their_ids() -> None:
    frames = [[person(0.2 + 0.01 * n, 0.5), person(0.8 - 0.01 * n, 0.56)] for n in range(60)]
    told = run(Tracker(), frames)
    first, second = told[-1]
    assert first.box.centre[0] == pytest.approx(0.79, abs=0.02)
    assert second.box.centre[0] == pytest.approx(0.21, abs=0.02)
    assert (first.track_id, second.track_id) == (1, 2)


def test_a_rider_and_the_bicycle_are_one_track_of_each() -> None:
    frames = [
        [person(0.2 + 0.01 * n), person(0.2 + 0.01 * n, 0.55, label="bicycle")] for n in range(10)
    ]
    told = run(Tracker(), frames)[-1]
    assert [track.label for track in told] == ["person", "bicycle"]


def test_a_car_now_called_truck_stays_one_track() -> None:
    frames = [[person(0.2, label="truck" if n % 3 == 1 else "car")] for n in range(12)]
    (track,) = run(Tracker(), frames)[-1]
    assert track.label == "car"


def test_a_second_box_of_the_same_thing_begins_no_track() -> None:
    twin = person(0.205, 0.51)
    told = run(Tracker(), [[person(0.2), twin]] * 5)
    assert len(told[-1]) == 1


def test_of_two_new_twins_the_surer_one_begins_the_track() -> None:
    (track,) = Tracker().update([person(0.2, score=0.6), person(0.205, score=0.8)], 0.0)
    assert track.score == 0.8


def test_a_fast_car_is_followed_though_its_boxes_do_not_overlap() -> None:
    def car(x: float) -> Observation:
        return Observation("car", 0.9, Box(x, 0.4, x + 0.1, 0.5))

    tracker = Tracker()
    for n in range(6):
        (track,) = tracker.update([car(0.02 + 0.13 * n)], n * 0.2)
    assert track.track_id == 1
    assert track.hits == 6


def test_what_stands_there_at_the_start_is_initial_and_does_not_move() -> None:
    frames = [[person(0.5)]] * 20
    (early,) = run(Tracker(), frames)[-1]
    assert early.initial
    assert not early.moved
    (late,) = run(Tracker(), [[]] * 20 + frames)[-1]
    assert not late.initial


def test_a_parked_car_becomes_stationary_and_moves_again() -> None:
    tracker = Tracker()
    for n in range(130):
        (track,) = tracker.update([person(0.5, label="car")], n * STEP_S)
        assert track.stationary is (n >= 100)
    for n in range(130, 150):
        (track,) = tracker.update([person(0.5 + 0.01 * (n - 130), label="car")], n * STEP_S)
    assert track.moved
    assert not track.stationary


def test_boxes_that_jitter_do_not_move() -> None:
    rng = np.random.default_rng(3)
    tracker = Tracker()
    for n in range(200):
        x, y = 0.5 + rng.normal(0, 0.006), 0.5 + rng.normal(0, 0.02)
        told = tracker.update([person(x, y)], n * STEP_S)
    assert not told[0].moved
    assert told[0].stationary


def test_a_track_outside_of_what_was_looked_at_is_not_missed() -> None:
    tracker = Tracker()
    run(tracker, walking(5, speed=0.0))
    for n in range(5, 60):
        (track,) = tracker.update([], n * STEP_S, (Box(0.5, 0.0, 1.0, 1.0),))
        assert track.state is TrackState.CONFIRMED
    (track,) = tracker.update([], 6.0, (Box(0.5, 0.0, 1.0, 1.0), FULL_PICTURE))
    assert track.state is TrackState.COASTING


@pytest.mark.parametrize(
    ("edge", "state"), [(0.2, TrackState.CONFIRMED), (0.18, TrackState.COASTING)]
)
def test_a_track_is_missed_only_where_most_of_it_was_looked_at(
    edge: float, state: TrackState
) -> None:
    tracker = Tracker()
    run(tracker, walking(5, speed=0.0))
    (track,) = tracker.update([], 0.5, (Box(edge, 0.0, 1.0, 1.0),))
    assert track.state is state


def test_nobody_looked_anywhere_means_nobody_missed_anything() -> None:
    tracker = Tracker()
    run(tracker, walking(5))
    (track,) = tracker.update([], 0.5, ())
    assert track.state is TrackState.CONFIRMED


def test_moving_tracks_need_a_look_always_and_stationary_ones_now_and_then() -> None:
    tracker = Tracker()
    run(tracker, [[person(0.5)]] * 105)
    assert tracker.needs_look(10.5) == ()
    assert tracker.needs_look(20.3) == ()
    (box,) = tracker.needs_look(20.5)
    assert box.centre[0] == pytest.approx(0.5)
    run(tracker, [[person(0.5), person(0.2)]] * 5, 10.5)
    (box,) = tracker.needs_look(11.0)
    assert box.centre[0] == pytest.approx(0.2)


def test_the_look_is_asked_for_where_the_track_will_be() -> None:
    tracker = Tracker()
    run(tracker, walking(20))
    (box,) = tracker.needs_look(2.4)
    assert box.centre[0] == pytest.approx(0.2 + 0.01 * 24, abs=0.01)


def test_nothing_is_expected_to_go_on_for_more_than_two_seconds_nor_back_in_time() -> None:
    tracker = Tracker()
    run(tracker, walking(20))
    (now,), (back,) = tracker.needs_look(1.9), tracker.needs_look(1.4)
    assert back == now
    (far,), (farther,) = tracker.needs_look(1.9 + 2.0), tracker.needs_look(1.9 + 5.0)
    assert far.centre[0] == pytest.approx(0.59, abs=0.02)
    assert farther == pytest.approx(far)
    (track,) = tracker.update([], 1.4)
    assert track.box == pytest.approx(now)


def test_finish_ends_confirmed_tracks_and_empties_the_tracker() -> None:
    tracker = Tracker()
    run(tracker, walking(5))
    tracker.update([person(0.25), person(0.8)], 0.5)
    (ended,) = tracker.finish()
    assert (ended.track_id, ended.state) == (1, TrackState.ENDED)
    assert ended.end_s == 0.5
    assert tracker.finish() == []


def test_frames_of_one_moment_and_steps_back_are_survived() -> None:
    tracker = Tracker()
    run(tracker, walking(5))
    for pts_s in (0.4, 0.3):
        (track,) = tracker.update([person(0.24)], pts_s)
        assert track.track_id == 1
    (ended, begun) = tracker.update([person(0.24)], 1e6)
    assert ended.state is TrackState.ENDED
    assert begun.track_id == 2


def test_the_thresholds_are_those_of_the_settings() -> None:
    spec = TrackerSpec(start_score=0.2, join_score=0.05, confirm_hits=1, confirm_score=0.2)
    (track,) = Tracker(spec).update([person(0.2, score=0.25)], 0.0)
    assert track.state is TrackState.TENTATIVE
    told = run(Tracker(spec), [[person(0.2, score=0.25)]] * 2)
    assert told[-1][0].state is TrackState.CONFIRMED


def test_a_sure_detection_is_taken_before_a_weak_one_that_fits_better() -> None:
    tracker = Tracker()
    run(tracker, walking(5, speed=0.0))
    (track,) = tracker.update([person(0.2, score=0.45), person(0.225, score=0.9)], 0.5)
    assert (track.score, track.hits) == (0.9, 6)


@pytest.mark.parametrize(("shift", "hits"), [(0.0175, 6), (0.04, 5)])
def test_a_weak_detection_must_fit_well(shift: float, hits: int) -> None:
    frames = [*walking(5, speed=0.0), [person(0.2 + shift, score=0.35)]]
    assert run(Tracker(), frames)[-1][0].hits == hits


def test_what_appears_more_than_two_widths_away_is_somebody_else() -> None:
    old, new = run(Tracker(), [*walking(5, speed=0.0), [person(0.2 + 2.2 * 0.06)]])[-1]
    assert old.state is TrackState.COASTING
    assert new.track_id == 2


def test_two_who_stand_close_are_two_from_the_beginning() -> None:
    assert len(Tracker().update([person(0.2), person(0.226)], 0.0)) == 2


def test_a_track_takes_one_of_two_sure_detections_and_the_other_begins_one() -> None:
    tracker = Tracker()
    run(tracker, walking(5, speed=0.0))
    old, new = tracker.update([person(0.2), person(0.235)], 0.5)
    assert old.hits == 6
    assert old.box.centre[0] == pytest.approx(0.2, abs=0.005)
    assert (new.track_id, new.hits) == (2, 1)


def test_of_two_neighbours_the_one_who_vanished_is_missed() -> None:
    tracker = Tracker()
    run(tracker, [[person(0.2), person(0.235)]] * 5)
    stayed, vanished = tracker.update([person(0.2)], 0.5)
    assert (stayed.state, stayed.hits) == (TrackState.CONFIRMED, 6)
    assert (vanished.state, vanished.hits) == (TrackState.COASTING, 5)


def test_the_start_and_join_scores_themselves_are_enough() -> None:
    told = run(Tracker(), [[person(0.2, score=0.5)]] * 3)
    assert told[-1][0].hits == 3
    told = run(Tracker(), [*walking(5, speed=0.0), [person(0.2, score=0.3)]])
    assert told[-1][0].hits == 6


def test_the_beginning_is_where_the_stream_begins_whatever_its_clock_says() -> None:
    for start_s in (0.0, 1000.0):
        tracker = Tracker()
        tracker.update([], start_s)
        (track,) = tracker.update([person(0.2)], start_s + 1.0)
        assert track.initial
        _, late = tracker.update([person(0.2), person(0.8)], start_s + 1.25)
        assert not late.initial


def test_a_twin_does_not_keep_a_third_from_its_track() -> None:
    told = Tracker().update([person(0.2), person(0.205, score=0.8), person(0.7, score=0.6)], 0.0)
    assert [track.score for track in told] == [0.9, 0.6]


def test_the_end_is_told_where_the_track_was_last() -> None:
    told = run(Tracker(), walking(5, speed=0.0) + [[]] * 40)
    (ended,) = [track for frame in told for track in frame if track.state is TrackState.ENDED]
    assert ended.box.centre == pytest.approx((0.2, 0.5))
    assert ended.end_s == pytest.approx(0.4)


def test_a_look_in_vain_is_a_look_too() -> None:
    tracker = Tracker(TrackerSpec(lost_s=60.0))
    run(tracker, walking(5, speed=0.0))
    tracker.update([], 15.0)
    assert tracker.needs_look(24.5) == ()
    assert len(tracker.needs_look(25.0)) == 1


def test_a_new_tracker_needs_no_look_and_has_nothing_to_finish() -> None:
    tracker = Tracker()
    assert tracker.needs_look(5.0) == ()
    assert tracker.finish() == []


@st.composite
def scenes(draw: st.DrawFn) -> list[list[Observation]]:
    place = st.floats(0.05, 0.95)
    item = st.builds(person, place, place, st.floats(0.0, 1.0), st.sampled_from(["person", "car"]))
    return draw(st.lists(st.lists(item, max_size=5), max_size=25))


@settings(max_examples=60, deadline=None)
@given(scenes())
def test_whatever_comes_ids_are_unique_boxes_inside_and_answers_repeatable(
    frames: list[list[Observation]],
) -> None:
    tracker = Tracker()
    told = run(tracker, frames)
    ended: set[int] = set()
    for frame in told:
        ids = [track.track_id for track in frame]
        assert ids == sorted(set(ids))
        assert not ended & set(ids)
        ended |= {track.track_id for track in frame if track.state is TrackState.ENDED}
        for track in frame:
            assert track.box == track.box.clipped()
            assert track.best_score >= track.score
            assert track.start_s <= track.end_s
    assert run(Tracker(), frames) == told
