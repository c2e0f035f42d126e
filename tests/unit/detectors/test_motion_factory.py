"""What every motion detector must do, whatever its method."""

import functools

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.detectors.motion_factory import build_motion_detector
from spyoncino.detectors.motion_spec import MotionDetector, MotionFacts, MotionMethod, MotionSpec

Picture = NDArray[np.uint8]

WIDTH, HEIGHT = 640, 360
STEP_S = 0.2
LEARNED = 25

METHODS: tuple[MotionMethod, ...] = ("average", "mog2")
every_method = pytest.mark.parametrize("method", METHODS)


@functools.cache
def wall(seed: int = 1, low: int = 60, high: int = 180) -> Picture:
    rough = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH))
    soft = cv2.GaussianBlur(rough, (0, 0), 6)
    return np.asarray(cv2.normalize(soft, None, low, high, cv2.NORM_MINMAX), np.uint8)  # type: ignore[call-overload]


def noisy(picture: Picture, frame: int, sigma: float = 2.0) -> Picture:
    return np.clip(picture + sigma * noise(frame % 8), 0, 255).astype(np.uint8)


@functools.cache
def noise(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH)).astype(np.float32)


def build(method: MotionMethod, **settings: float) -> MotionDetector:
    detector = build_motion_detector(MotionSpec(method, **settings))
    assert detector is not None
    return detector


def learned(method: MotionMethod, picture: Picture) -> MotionDetector:
    """A detector that has seen this picture for some seconds."""
    detector = build(method)
    for frame in range(LEARNED):
        detector.measure(noisy(picture, frame), frame * STEP_S)
    return detector


def see(detector: MotionDetector, picture: Picture, frame: int) -> MotionFacts:
    return detector.measure(noisy(picture, frame), frame * STEP_S)


def walker(picture: Picture, x: int, *, height: int = 40, grey: int = 20) -> Picture:
    drawn = picture.copy()
    drawn[200 : 200 + height, x : x + height // 3] = grey
    return drawn


def test_off_builds_no_detector() -> None:
    assert build_motion_detector(MotionSpec("off")) is None


@every_method
def test_a_still_noisy_picture_has_no_motion(method: MotionMethod) -> None:
    detector = learned(method, wall())
    facts = [see(detector, wall(), LEARNED + n) for n in range(20)]
    assert not any(item.regions for item in facts)
    assert not any(item.light_change for item in facts)


@every_method
def test_a_small_walker_is_seen_where_he_is(method: MotionMethod) -> None:
    detector = learned(method, wall())
    for step in range(15):
        x = 100 + 6 * step
        regions = see(detector, walker(wall(), x), LEARNED + step).regions
        assert regions
        left, top, right, bottom = regions[0]
        assert left * WIDTH == pytest.approx(x, abs=10)
        assert right * WIDTH == pytest.approx(x + 13, abs=26)
        assert top * HEIGHT == pytest.approx(200, abs=8)
        assert bottom * HEIGHT == pytest.approx(240, abs=8)


@every_method
def test_the_first_frames_only_calibrate(method: MotionMethod) -> None:
    detector = build(method)
    facts = [see(detector, walker(wall(), 30 * n), n) for n in range(4)]
    assert all(item.calibrating for item in facts)
    assert not any(item.regions for item in facts)
    assert not learned(method, wall()).measure(wall(), LEARNED * STEP_S).calibrating


@every_method
def test_another_picture_size_begins_again(method: MotionMethod) -> None:
    detector = learned(method, wall())
    half = np.ascontiguousarray(wall()[::2, ::2])
    assert detector.measure(half, LEARNED * STEP_S).calibrating


@every_method
def test_a_switched_light_is_told_as_light_and_over_at_once(method: MotionMethod) -> None:
    detector = learned(method, wall())
    bright = np.clip(wall() * 1.35, 0, 255).astype(np.uint8)
    first = see(detector, bright, LEARNED)
    assert first.light_change
    after = [see(detector, bright, LEARNED + n) for n in range(1, 5)]
    assert not any(item.light_change or item.regions for item in after)


@every_method
def test_a_person_who_steps_up_to_the_lens_is_no_light_change(method: MotionMethod) -> None:
    detector = learned(method, wall())
    near = wall().copy()
    near[:, 60:600] = wall(9, 10, 130)[:, 60:600]
    for step in range(10):
        facts = see(detector, near, LEARNED + step)
        assert not facts.light_change
        assert sum(box.area for box in facts.regions) > 0.5


@every_method
def test_what_moves_under_a_mask_is_not_seen(method: MotionMethod) -> None:
    mask = ((0.1, 0.5), (0.5, 0.5), (0.5, 0.7), (0.1, 0.7))
    detector = build_motion_detector(MotionSpec(method), (mask,))
    assert detector is not None
    for frame in range(LEARNED):
        detector.measure(noisy(wall(), frame), frame * STEP_S)
    for step in range(10):
        assert not see(detector, walker(wall(), 100 + 6 * step), LEARNED + step).regions


@every_method
def test_what_stays_becomes_background_after_the_absorb_time(method: MotionMethod) -> None:
    detector = build(method, absorb_s=4.0)
    for frame in range(LEARNED):
        see(detector, wall(), frame)
    parked = walker(wall(), 300, height=120)
    facts = [see(detector, parked, LEARNED + n) for n in range(60)]
    assert facts[0].regions
    assert not any(item.regions for item in facts[40:])


@every_method
def test_a_jump_back_in_time_is_survived(method: MotionMethod) -> None:
    detector = learned(method, wall())
    assert not detector.measure(noisy(wall(), 99), 0.0).regions
    assert not detector.measure(noisy(wall(), 98), 1000.0).regions


@every_method
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (241, 321)])
def test_odd_and_tiny_pictures_are_measured(method: MotionMethod, size: tuple[int, int]) -> None:
    detector = build(method)
    for frame in range(LEARNED):
        facts = detector.measure(np.full(size, 90, np.uint8), frame * STEP_S)
    assert facts == MotionFacts(0.0)


@every_method
def test_a_view_with_a_wider_stride_is_measured_like_its_copy(method: MotionMethod) -> None:
    wide = np.zeros((HEIGHT, WIDTH + 32), np.uint8)
    first, second = build(method), build(method)
    for frame in range(LEARNED):
        picture = noisy(walker(wall(), 10 * frame), frame)
        wide[:, :WIDTH] = picture
        assert first.measure(wide[:, :WIDTH], frame * STEP_S) == second.measure(
            picture, frame * STEP_S
        )


@every_method
def test_noise_is_measured_in_grey_levels(method: MotionMethod) -> None:
    quiet, loud = build(method), build(method)
    for frame in range(60):
        calm = quiet.measure(noisy(wall(), frame, 0.0), frame * STEP_S)
        wild = loud.measure(noisy(wall(), frame, 25.0), frame * STEP_S)
    assert calm.noise < 0.1
    assert wild.noise > calm.noise + 0.5


@every_method
def test_more_sensitivity_sees_fainter_things(method: MotionMethod) -> None:
    seen = []
    for sensitivity in (0.0, 1.0):
        detector = build(method, sensitivity=sensitivity)
        plain = np.full((HEIGHT, WIDTH), 100, np.uint8)
        plain[:100] = 220  # a bright sky gives the picture contrast
        for frame in range(LEARNED):
            see(detector, plain, frame)
        faint = plain.copy()
        faint[200:300, 100:160] += 9
        seen.append(sum(bool(see(detector, faint, LEARNED + n).regions) for n in range(3)))
    assert seen[0] < seen[1]
