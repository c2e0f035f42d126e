import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import spyoncino
from spyoncino.faces.alignment import TEMPLATE_112, Image
from spyoncino.faces.quality import angles_deg, measure, pose_of
from spyoncino.geometry.faces import FaceQuality

VISITOR = Path(spyoncino.__file__).parent / "assets" / "demo" / "visitor.png"
LANDMARKS = np.array([[181, 88], [229, 86], [208, 112], [190, 132], [227, 130]], np.float64)
"""Of the bundled picture."""


@pytest.fixture(scope="module")
def portrait() -> Image:
    return np.asarray(cv2.imread(str(VISITOR)), np.uint8)


def measured(image: Image, points: NDArray[np.float64] | None = LANDMARKS) -> FaceQuality:
    return measure(image, (162.0, 40.0, 250.0, 160.0), points)


def test_good_portrait_is_nearly_perfect(portrait: Image) -> None:
    quality = measured(portrait)
    assert quality.score > 0.9
    assert quality.size_px == 88.0
    assert min(quality.sharpness, quality.pose, quality.exposure, quality.inside) > 0.95


def blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 3), np.uint8)


def noisy(image: Image, deviation: float = 40.0) -> Image:
    noise = np.random.default_rng(1).normal(0, deviation, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def moving(image: Image) -> Image:
    kernel = np.zeros((9, 9), np.float32)
    kernel[4] = 1 / 9
    return np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)


def dark(image: Image) -> Image:
    return np.asarray(image * 0.05, np.uint8)


def burnt(image: Image) -> Image:
    return np.asarray(np.clip(image * 3.0, 0, 255), np.uint8)


@pytest.mark.parametrize("spoil", [blurred, noisy, moving])
def test_blur_motion_and_noise_cost_sharpness(portrait: Image, spoil: object) -> None:
    assert callable(spoil)
    good, poor = measured(portrait), measured(spoil(portrait))
    assert poor.sharpness < good.sharpness - 0.04
    assert poor.score < good.score
    assert poor.exposure == pytest.approx(good.exposure, abs=0.05)


@pytest.mark.parametrize("spoil", [dark, burnt])
def test_darkness_and_glare_cost_exposure(portrait: Image, spoil: object) -> None:
    assert callable(spoil)
    assert measured(spoil(portrait)).exposure < measured(portrait).exposure - 0.3


def test_noise_does_not_make_a_blurred_face_sharp(portrait: Image) -> None:
    assert measured(noisy(blurred(portrait), 15)).sharpness < measured(portrait).sharpness - 0.1


def test_half_the_light_costs_little(portrait: Image) -> None:
    half = np.asarray(portrait * 0.5, np.uint8)
    assert measured(half).score == pytest.approx(measured(portrait).score, abs=0.05)


def test_small_faces_are_worth_less(portrait: Image) -> None:
    scores = []
    for scale in (1.0, 0.5, 0.3, 0.2):
        size = (round(portrait.shape[1] * scale), round(portrait.shape[0] * scale))
        small = np.asarray(cv2.resize(portrait, size, interpolation=cv2.INTER_AREA), np.uint8)
        box = (162 * scale, 40 * scale, 250 * scale, 160 * scale)
        scores.append(measure(small, box, LANDMARKS * scale).score)
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.7


def test_face_at_the_edge_of_the_picture_is_cut(portrait: Image) -> None:
    cut = portrait[:, 205:]
    quality = measure(cut, (0.0, 40.0, 45.0, 160.0), LANDMARKS - [205.0, 0.0])
    assert 0.6 < quality.inside < 0.8


def test_face_beyond_the_edge_is_worth_nothing(portrait: Image) -> None:
    assert measure(portrait, (-90.0, 0.0, -10.0, 90.0), LANDMARKS - [400.0, 0.0]).score == 0.0


@pytest.mark.parametrize("points", [None, np.full((5, 2), 7.0)], ids=["none", "one spot"])
def test_face_without_usable_landmarks_has_no_pose_and_a_low_score(
    portrait: Image, points: NDArray[np.float64] | None
) -> None:
    quality = measured(portrait, points)
    assert quality.pose == 0.0
    assert 0.0 < quality.score <= 0.2


def test_box_without_size_is_worth_nothing() -> None:
    grey = np.full((50, 50, 3), 99, np.uint8)
    assert measure(grey, (10.0, 10.0, 10.0, 10.0), None).score == 0.0


def seen_from(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Landmarks of a head of plain proportions, turned; orthographic."""
    head = np.array(
        [[-0.5, 0, 0], [0.5, 0, 0], [0, 0.605, 0.5], [-0.4, 1.1, 0], [0.4, 1.1, 0]], np.float64
    )
    yaw, pitch, roll = (math.radians(angle) for angle in (yaw_deg, pitch_deg, roll_deg))
    x = head[:, 0] * math.cos(yaw) + head[:, 2] * math.sin(yaw)
    depth = -head[:, 0] * math.sin(yaw) + head[:, 2] * math.cos(yaw)
    y = head[:, 1] * math.cos(pitch) + depth * math.sin(pitch)
    turned = np.stack(
        [x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)], axis=1
    )
    return turned * 60 + 200


@pytest.mark.parametrize("angle", [-40.0, -15.0, 0.0, 20.0, 45.0])
def test_angles_of_a_turned_head_are_found(angle: float) -> None:
    assert angles_deg(seen_from(angle, 0, 0))[0] == pytest.approx(angle, abs=2)
    assert angles_deg(seen_from(0, angle / 2, 0))[1] == pytest.approx(angle / 2, abs=5)
    assert angles_deg(seen_from(0, 0, angle))[2] == pytest.approx(angle, abs=2)


def test_looking_away_costs_more_the_further() -> None:
    poses = [pose_of(seen_from(angle, 0, 0)) for angle in (0, 20, 40, 60)]
    assert poses == sorted(poses, reverse=True)
    assert poses[0] > 0.99
    assert poses[-1] < 0.6


def test_a_tilt_that_alignment_makes_up_for_is_free() -> None:
    assert pose_of(seen_from(0, 0, 25)) == pytest.approx(pose_of(seen_from(0, 0, 0)), abs=1e-6)
    assert pose_of(seen_from(0, 0, 80)) < 0.7


def test_upside_down_face_has_no_pose() -> None:
    assert pose_of(seen_from(0, 0, 170)) == pytest.approx(0.0, abs=1e-6)


def test_points_in_one_spot_are_a_profile() -> None:
    assert angles_deg(np.zeros((5, 2)))[:2] == (90.0, 90.0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-50, 150), st.floats(-50, 150)), min_size=5, max_size=5),
    st.tuples(*[st.floats(-100, 300)] * 4),
)
def test_every_part_stays_between_0_and_1(
    points: list[tuple[float, float]], box: tuple[float, float, float, float]
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (80, 90, 3), dtype=np.uint8)
    quality = measure(image, box, np.array(points))
    parts = (quality.score, quality.sharpness, quality.pose, quality.exposure, quality.inside)
    assert all(0.0 <= part <= 1.0 for part in parts)
    assert quality.size_px >= 0


def test_template_looks_straight_ahead() -> None:
    assert pose_of(TEMPLATE_112) > 0.95
