"""What the running average promises beyond what every motion detector does."""

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.motion_average import AverageMotionDetector
from spyoncino.detectors.motion_spec import MotionSpec

Picture = NDArray[np.uint8]


def fence(shift_px: float = 0.0) -> Picture:
    """Hard vertical bars, the worst case for a camera that moves."""
    columns = np.arange(640) + shift_px
    row = 120 + 60 * np.tanh(12 * np.sin(columns * np.pi / 40))
    return np.repeat(row[None, :], 360, axis=0).astype(np.uint8)


def test_a_camera_that_trembles_by_a_pixel_soon_shows_no_motion() -> None:
    detector = AverageMotionDetector(MotionSpec())
    seen = []
    for frame in range(300):
        sway_px = 0.5 * np.sin(frame * 0.2 / 8 * 2 * np.pi)
        seen.append(bool(detector.measure(fence(float(sway_px)), frame * 0.2).regions))
    assert not any(seen[80:])


def test_an_exposure_that_drifts_shows_no_motion_and_no_light() -> None:
    detector = AverageMotionDetector(MotionSpec())
    picture = fence()
    for frame in range(100):
        facts = detector.measure(picture + np.uint8(frame // 4), frame * 0.2)
        assert not facts.regions
        assert not facts.light_change


def test_what_flickers_for_a_while_raises_the_bar_only_where_it_flickers() -> None:
    detector = AverageMotionDetector(MotionSpec())
    rng = np.random.default_rng(4)
    seen = []
    for frame in range(400):
        picture = np.full((360, 640), 100, np.uint8)
        leaves = rng.integers(0, 2, (20, 20)).repeat(5, 0).repeat(5, 1).astype(np.uint8) * 25
        picture[50:150, 50:150] += leaves
        seen.append(bool(detector.measure(picture, frame * 0.2).regions))
    assert any(seen[:60])
    assert sum(seen[-50:]) <= 5
    picture[200:260, 400:420] = 60
    (region,) = detector.measure(picture, 80.2).regions
    assert region.left > 0.5


def test_a_visitor_who_waits_does_not_hide_the_next_one() -> None:
    detector = AverageMotionDetector(MotionSpec())
    empty = np.full((360, 640), 120, np.uint8)
    waiting = empty.copy()
    waiting[100:300, 300:380] = 60
    for frame in range(50):
        detector.measure(empty, frame * 0.2)
    for frame in range(50, 125):
        detector.measure(waiting, frame * 0.2)
    for frame in range(125, 175):
        detector.measure(empty, frame * 0.2)
    assert detector.measure(waiting, 35.2).regions
