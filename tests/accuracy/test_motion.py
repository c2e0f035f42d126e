"""Motion in real clips."""

import os
from pathlib import Path

import pytest
from tests.accuracy.following import analysed

from spyoncino.detectors.motion_factory import build_motion_detector
from spyoncino.detectors.motion_spec import MotionFacts, MotionMethod, MotionSpec

DATA = Path(os.environ.get("SPYONCINO_TESTDATA", "/nonexistent"))
CAR_PARK = "person-bicycle-car-detection.mp4"

pytestmark = [
    pytest.mark.accuracy,
    pytest.mark.skipif(not DATA.is_dir(), reason="SPYONCINO_TESTDATA is not set"),
]

every_method = pytest.mark.parametrize("method", ["average", "mog2"])


def measured(clip: str, method: MotionMethod) -> dict[int, MotionFacts]:
    """Frame index to what was measured."""
    detector = build_motion_detector(MotionSpec(method))
    assert detector is not None
    return {
        index: detector.measure(picture[: picture.shape[0] * 2 // 3], pts_s)
        for index, pts_s, picture in analysed(DATA / "clips" / clip)
    }


def share_with_motion(facts: dict[int, MotionFacts], first: int, last: int) -> float:
    inside = [item for index, item in facts.items() if first <= index <= last]
    return sum(bool(item.regions) for item in inside) / len(inside)


# Frames of the appearances are those of the ground truth, less its tolerance.
@every_method
@pytest.mark.parametrize(("first", "last"), [(111, 167), (296, 341), (339, 401)])
def test_who_crosses_the_car_park_is_seen_moving(
    method: MotionMethod, first: int, last: int
) -> None:
    assert share_with_motion(measured(CAR_PARK, method), first, last) > 0.9


# A car that was there when the camera started leaves a ghost for some seconds: 0.42 measured.
def test_an_empty_car_park_is_mostly_still_though_the_camera_sways() -> None:
    facts = measured(CAR_PARK, "average")
    assert share_with_motion(facts, 52, 103) < 0.6


@every_method
@pytest.mark.parametrize(
    ("clip", "first"), [(CAR_PARK, 105), ("vtest.avi", 0), ("visitors/student.mkv", 0)]
)
def test_people_and_cars_are_no_light_change(method: MotionMethod, clip: str, first: int) -> None:
    facts = measured(clip, method)
    assert not any(item.light_change for index, item in facts.items() if index >= first)
