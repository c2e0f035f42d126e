"""Tracks in real clips against what people saw in them.

Thresholds and settings were chosen on vtest, TUD-Campus and the car park, and motion also on the
leaves; the motorway and the visitors at a door took no part in that.
"""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.accuracy.following import Followed, follow
from tests.accuracy.mot_score import read_mot, score

from spyoncino.detectors.objects_onnx import OnnxObjectDetector

DATA = Path(os.environ.get("SPYONCINO_TESTDATA", "/nonexistent"))
CAR_PARK = "person-bicycle-car-detection.mp4"
NONE_MARGIN_S = 0.5

pytestmark = [
    pytest.mark.accuracy,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not DATA.is_dir(), reason="SPYONCINO_TESTDATA is not set"),
]


@pytest.fixture(scope="module")
def detector() -> Iterator[OnnxObjectDetector]:
    with OnnxObjectDetector({}) as built:
        yield built


@pytest.fixture(scope="module")
def car_park(detector: OnnxObjectDetector) -> Followed:
    return follow(DATA / "clips" / CAR_PARK, detector)


def spans(clip: str) -> list[tuple[str, float, float]]:
    """Labels with the seconds in which they are in view."""
    with (DATA / "groundtruth" / "events.csv").open(encoding="utf-8") as file:
        return [
            (label, float(row["start_s"]), float(row["end_s"]))
            for row in csv.DictReader(file)
            if row["file"] == f"clips/{clip}"
            for label in row["label"].split("+")
        ]


@pytest.mark.parametrize(
    ("clip", "truth", "max_fps", "mota", "idf1"),
    [
        ("vtest.avi", "vtest_gt.txt", 5.0, 0.70, 0.60),
        ("TUD-Campus.mp4", "TUD-Campus_gt.txt", 15.0, 0.55, 0.60),
    ],
)
def test_people_in_a_street_are_followed(
    detector: OnnxObjectDetector, clip: str, truth: str, max_fps: float, mota: float, idf1: float
) -> None:
    wanted = read_mot((DATA / "groundtruth" / truth).read_text("utf-8").splitlines())
    told = score(wanted, read_mot(follow(DATA / "clips" / clip, detector, max_fps).mot_rows))
    assert told.mota >= mota
    assert told.idf1 >= idf1


def test_everyone_in_the_car_park_has_a_track_of_the_right_label(car_park: Followed) -> None:
    appearances = [span for span in spans(CAR_PARK) if span[0] != "none"]
    assert len(appearances) == 7
    missed = [
        (label, start_s)
        for label, start_s, end_s in appearances
        if car_park.overlaps(label, start_s, end_s) < min(1.0, 0.3 * (end_s - start_s))
    ]
    assert missed == []


def test_no_track_begins_while_the_car_park_is_empty(car_park: Followed) -> None:
    empty = [span[1:] for span in spans(CAR_PARK) if span[0] == "none"]
    assert empty
    false = [
        track
        for track in car_park.tracks
        for start_s, end_s in empty
        if start_s + NONE_MARGIN_S <= track.start_s <= end_s - NONE_MARGIN_S
    ]
    assert false == []


def test_leaves_in_the_wind_are_no_track(detector: OnnxObjectDetector) -> None:
    assert follow(DATA / "clips" / "tree.avi", detector).tracks == []


def test_the_cars_and_the_cyclist_of_a_motorway_have_tracks(detector: OnnxObjectDetector) -> None:
    followed = follow(DATA / "clips" / "motorway-cyclist.avi", detector, 5.0)
    assert followed.overlaps("car", 0.0, 29.9) > 3.0
    assert followed.overlaps("person", 2.7, 12.0) > 3.0


@pytest.mark.parametrize("clip", ["student.mkv", "walk.mkv", "help.mkv"])
def test_a_visitor_at_the_door_is_one_person_who_was_there_and_stayed(
    detector: OnnxObjectDetector, clip: str
) -> None:
    people = [
        track
        for track in follow(DATA / "clips" / "visitors" / clip, detector).tracks
        if track.label == "person"
    ]
    assert len(people) == 1
    assert people[0].initial
    assert not people[0].moved
