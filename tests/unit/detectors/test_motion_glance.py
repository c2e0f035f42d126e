"""A glance sees what a measurement would see, and leaves no trace; for every method."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.detectors.motion_factory import build_motion_detector
from spyoncino.detectors.motion_spec import MotionDetector, MotionMethod, MotionSpec

METHODS: tuple[MotionMethod, ...] = ("average", "mog2")
CALIBRATING_FRAMES = 20

Luma = NDArray[np.uint8]


@pytest.fixture(params=METHODS)
def detectors(request: pytest.FixtureRequest) -> tuple[MotionDetector, MotionDetector]:
    """Two that were taught the same."""
    first, second = (build_motion_detector(MotionSpec(request.param)) for _ in range(2))
    assert first is not None
    assert second is not None
    return first, second


def scene(number: int, *, has_visitor: bool = False) -> Luma:
    noise = np.random.default_rng(number).normal(100, 2, (180, 320))
    if has_visitor:
        noise[40:140, 150:190] = 200
    return np.asarray(np.clip(noise, 0, 255), np.uint8)


def test_while_the_background_is_unknown_a_glance_sees_a_change(
    detectors: tuple[MotionDetector, MotionDetector],
) -> None:
    detector, _ = detectors
    assert detector.glance(scene(0))
    detector.measure(scene(0), 0.0)
    assert detector.glance(scene(1))
    for number in range(1, 3 * CALIBRATING_FRAMES):
        detector.measure(scene(number), number / 5)
    assert not detector.glance(scene(999))
    assert detector.glance(scene(999)[::2, ::2])


def test_a_glance_says_what_a_measurement_says_and_changes_none(
    detectors: tuple[MotionDetector, MotionDetector],
) -> None:
    glancing, plain = detectors
    for number in range(120):
        picture = scene(number, has_visitor=60 < number % 80 < 66)
        glances = {glancing.glance(picture) for _ in range(3)}
        facts = glancing.measure(picture, number / 5)
        assert facts == plain.measure(picture, number / 5)
        if number > 2 * CALIBRATING_FRAMES:
            assert glances == {bool(facts.regions)}
