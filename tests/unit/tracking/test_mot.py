from dataclasses import replace

from spyoncino.geometry.boxes import Box
from spyoncino.schemas.detections import TrackState
from spyoncino.tracking.mot import MotWriter
from spyoncino.tracking.spec import TrackedObject

BASE = TrackedObject(
    track_id=1,
    label="person",
    score=0.75,
    best_score=0.9,
    box=Box(0.1, 0.2, 0.3, 0.6),
    state=TrackState.CONFIRMED,
    moved=True,
    stationary=False,
    initial=False,
    hits=3,
    start_s=0.0,
    end_s=0.0,
)


def at(pts_s: float, left: float = 0.1, state: TrackState = TrackState.CONFIRMED) -> TrackedObject:
    return replace(BASE, box=Box(left, 0.2, left + 0.2, 0.6), end_s=pts_s, state=state)


def columns(rows: list[str]) -> list[tuple[int, int, float]]:
    """Frame, id and left edge of each row."""
    cells = [row.split(",") for row in rows]
    return [(int(row[0]), int(row[1]), float(row[2])) for row in cells]


def test_a_row_counts_frames_from_one_and_is_in_pixels_of_the_source() -> None:
    writer = MotWriter(1000, 500)
    writer.add(0, [at(0.0)], 0.0)
    assert writer.rows() == ["1,1,100.00,100.00,200.00,200.00,0.750,-1,-1,-1"]


def test_frames_that_were_not_analysed_are_filled_by_straight_lines() -> None:
    writer = MotWriter(1000, 500)
    for step in range(3):
        writer.add(2 * step, [at(step * 0.08, 0.1 + 0.02 * step)], step * 0.08)
    assert columns(writer.rows()) == [
        (1, 1, 100.0),
        (2, 1, 110.0),
        (3, 1, 120.0),
        (4, 1, 130.0),
        (5, 1, 140.0),
    ]


def test_a_track_coasts_over_three_frames_and_no_more() -> None:
    for gap, rows in ((4, 5), (5, 2)):
        writer = MotWriter(1000, 500)
        for frame in range(gap + 1):
            is_seen = frame in (0, gap)
            writer.add(frame, [at(frame * 0.1 if is_seen else 0.0)], frame * 0.1)
        assert len(writer.rows()) == rows


def test_a_sparse_analysis_is_filled_however_far_apart_its_frames_are() -> None:
    writer = MotWriter(1000, 500)
    for step in range(3):
        writer.add(6 * step, [at(step * 0.2)], step * 0.2)
    assert len(writer.rows()) == 13


def test_a_filled_row_is_as_sure_as_the_less_sure_of_its_neighbours() -> None:
    for scores in ((0.5, 0.9), (0.9, 0.5)):
        writer = MotWriter(1000, 500)
        for step, score in enumerate(scores):
            writer.add(2 * step, [replace(at(0.1 * step), score=score)], 0.1 * step)
        assert writer.rows()[1].split(",")[6] == "0.500"


def frames_told(analysed: list[int], seen: list[int]) -> list[int]:
    """Frames with a row when a track is detected in some of the analysed frames."""
    writer = MotWriter(1000, 500)
    for frame in analysed:
        writer.add(frame, [at(frame * 0.04)] if frame in seen else [], frame * 0.04)
    return [frame - 1 for frame, _, _ in columns(writer.rows())]


def test_a_track_missed_in_a_sparse_analysis_is_not_filled() -> None:
    assert frames_told([0, 6, 12, 18], [0, 6, 18]) == [0, 1, 2, 3, 4, 5, 6, 18]


def test_the_usual_distance_of_analysed_frames_is_what_is_filled_and_no_more() -> None:
    assert frames_told([0, 6, 12, 18, 25], [18, 25]) == [18, 25]
    assert frames_told([0, 1, 2, 8, 14, 20], [14, 20]) == [14, 15, 16, 17, 18, 19, 20]


def test_a_coasting_track_hides_none_that_was_seen() -> None:
    writer = MotWriter(1000, 500)
    writer.add(1, [at(0.0, state=TrackState.COASTING), replace(at(0.1), track_id=2)], 0.1)
    assert [(frame, number) for frame, number, _ in columns(writer.rows())] == [(2, 2)]


def test_a_track_that_coasts_or_ended_gives_no_row_of_its_own() -> None:
    writer = MotWriter(1000, 500)
    writer.add(0, [at(0.0)], 0.0)
    writer.add(1, [at(0.0, state=TrackState.COASTING)], 0.1)
    writer.add(2, [at(0.2, state=TrackState.ENDED)], 0.2)
    assert len(writer.rows()) == 1


def test_a_track_is_written_from_its_first_detection_if_it_was_ever_confirmed() -> None:
    writer = MotWriter(1000, 500)
    writer.add(0, [at(0.0, state=TrackState.TENTATIVE)], 0.0)
    assert writer.rows() == []
    writer.add(1, [at(0.1)], 0.1)
    assert [frame for frame, _, _ in columns(writer.rows())] == [1, 2]


def test_rows_are_sorted_by_frame_then_id() -> None:
    writer = MotWriter(1000, 500)
    for frame in range(2):
        both = [at(frame * 0.1), replace(at(frame * 0.1), track_id=2)]
        writer.add(frame, both, frame * 0.1)
    assert [(frame, number) for frame, number, _ in columns(writer.rows())] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ]
