"""How good a picture of a face is, measured before anything is spent on recognising it.

Each part reads as the share of its similarity that a face keeps when this part alone is bad; the
score is their product. So 0.8 says: expect four fifths of the similarity that a good picture of
the same person would have. The curves were fitted to the bundled embedder on portraits that were
blurred, shrunk, darkened, overexposed, turned, cut and made noisy; ``docs/design/face-vectors.md``
has the figures and how well the score orders pictures.
"""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.faces.alignment import (
    SIZE_PX,
    Image,
    align_box,
    similarity_transform,
    warp,
)
from spyoncino.geometry.faces import FaceQuality

_CORE: Final = np.s_[24:104, 24:88]
"""Rows and columns of the aligned picture that show face and neither hair nor background."""

_SIZE_SCALE_PX: Final = 14.0
"""Faces of this width keep 1 - 1/e of their similarity: 0.76 at 20 px, 0.94 at 40, 1.0 at 80."""

_DETAIL: Final = (0.08, 0.125, 0.18, 0.25, 0.30, 0.38, 0.48, 0.62)
_DETAIL_KEPT: Final = (0.20, 0.52, 0.70, 0.78, 0.88, 0.95, 0.98, 1.0)
"""Fine against coarse detail, and the similarity kept."""

_NOISE_HALF: Final = 0.8
"""Noise of this share of the face's contrast costs half of the similarity."""

_MAD_OF_NOISE: Final = 0.6745 * 6.0
"""Median of the absolute response of Immerkær's filter to noise of deviation 1: the filter's
weights have length 6, a normal distribution's median deviation is 0.6745."""

_NOISE_GAIN: Final = 0.06
"""Variance that noise measured as 1 has in the gradients of the fine scale alone: 0.0255 if it were
white, and about twice that because alignment smooths it before it is measured."""

_FLAT: Final = 1.0
_CONTRAST_SCALE: Final = 3.0
"""Grey levels (standard deviation) of a face without contrast, and over which similarity returns:
a face lit with a tenth of the light still has 4."""

_WHITE: Final = 250
_WHITE_COST: Final = 0.75
"""Grey level that is burnt out, and the share lost when the whole face is."""

_NOSE_DEPTH: Final = 0.5
"""How far the tip of the nose stands out of the plane of the eyes, in distances of the eyes; about
32 of 63 mm in adults."""

_FRONT_NOSE_DROP: Final = 0.55
"""Where the nose lies between the line of the eyes (0) and of the mouth (1), seen from the front:
the mean over portraits; the template has 0.49."""

_NOSE_DEPTH_OF_DROP: Final = 0.45
"""The depth of the nose in distances from eyes to mouth."""

_FREE_ROLL_DEG: Final = 30.0
"""Alignment makes up for a tilt up to here without loss; beyond, landmarks get worse."""

_NO_LANDMARKS: Final = 0.2
"""Highest score of a face that can only be cut out by its box."""


def measure(
    image: Image,
    box_px: tuple[float, float, float, float],
    landmarks_px: NDArray[np.float64] | None,
) -> FaceQuality:
    """Measure one face.

    Args:
        image: ``(h, w, 3)`` uint8 BGR; the picture, or a part of it that ends only where the
            picture ends or well outside of the face.
        box_px: Left, top, right, bottom of the face in pixels of ``image``.
        landmarks_px: ``(5, 2)`` points (x, y) in pixels of ``image``; ``None`` or points that are
            no face give ``pose`` 0 and a score of at most 0.2.

    Returns:
        All parts 0..1 and the width in pixels.
    """
    matrix = None if landmarks_px is None else similarity_transform(landmarks_px)
    size_px = max(0.0, box_px[2] - box_px[0])
    if matrix is None or landmarks_px is None:
        aligned = align_box(image, box_px)
        pose, inside = 0.0, _box_inside(image, box_px)
    else:
        aligned = warp(image, matrix, SIZE_PX)
        pose, inside = pose_of(landmarks_px), _face_inside(image, matrix)
    grey = cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY).astype(np.float32)
    sharpness, exposure = sharpness_of(grey), exposure_of(grey)
    facing = _NO_LANDMARKS if matrix is None else pose
    score = (1.0 - math.exp(-size_px / _SIZE_SCALE_PX)) * sharpness * facing * exposure * inside
    return FaceQuality(score, size_px, sharpness, pose, exposure, inside)


def sharpness_of(grey: NDArray[np.float32]) -> float:
    """How much of the detail of an aligned face is there, and is the face's own.

    Detail: energy of the gradients at a scale of 1 px against that at 2 px, along rows and along
    columns, the lesser of both (motion blurs one direction only). A ratio of two scales does not
    depend on light or contrast, and both are coarse enough to hardly see noise. Noise: Immerkær
    (Fast noise variance estimation, 1996) with a median in place of the mean, against contrast.

    Args:
        grey: ``(112, 112)`` float32, 0..255.

    Returns:
        0..1.
    """
    laplace = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = np.abs(cv2.filter2D(grey, cv2.CV_32F, laplace)[_CORE])
    noise = float(np.median(rough)) / _MAD_OF_NOISE
    laplace = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = np.abs(cv2.filter2D(grey, cv2.CV_32F, laplace)[_CORE])
    noise = float(np.median(rough)) / _MAD_OF_NOISE
    fine, coarse = (
        np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.float32) for sigma in (1.0, 2.0)
    )
    detail = min(_detail(fine, coarse, noise, across) for across in (1, 0))
    kept = float(np.interp(detail, _DETAIL, _DETAIL_KEPT))
    contrast = max(float(coarse[_CORE].std()), 1e-3)
    return kept / (1.0 + (noise / (_NOISE_HALF * contrast)) ** 2)


def exposure_of(grey: NDArray[np.float32]) -> float:
    """How well an aligned face is lit: not flat (dark, fog) and not burnt out.

    Args:
        grey: ``(112, 112)`` float32, 0..255.

    Returns:
        0..1.
    """
    core = grey[_CORE]
    contrast = float(cv2.GaussianBlur(grey, (0, 0), 2.0)[_CORE].std())
    lit = 1.0 - math.exp(-max(0.0, contrast - _FLAT) / _CONTRAST_SCALE)
    white = float(np.mean(core >= _WHITE))
    return lit * (1.0 - _WHITE_COST * white**2)


def pose_of(landmarks_px: NDArray[np.float64]) -> float:
    """How straight a face looks at the camera: cos(yaw) * cos(pitch) * what a tilt leaves.

    See ``angles_deg``. A tilt costs nothing up to 30 degrees, then the cosine of what is more.

    Args:
        landmarks_px: ``(5, 2)`` points (x, y) in pixels.

    Returns:
        0..1.
    """
    yaw, pitch, roll = (math.radians(angle) for angle in angles_deg(landmarks_px))
    tilt = max(0.0, abs(roll) - math.radians(_FREE_ROLL_DEG))
    return max(0.0, math.cos(yaw) * math.cos(pitch) * math.cos(min(tilt, math.pi / 2)))


def angles_deg(landmarks_px: NDArray[np.float64]) -> tuple[float, float, float]:
    """Estimate where a face looks from where its nose lies.

    The tip of the nose stands out of the plane of eyes and mouth. Turning the head by *yaw* moves
    it sideways, off the line between the middles of eyes and mouth, by ``depth * sin(yaw)`` while
    the eyes come nearer by ``cos(yaw)``: so their quotient is ``depth * tan(yaw)``. Nodding moves
    it likewise along that line. *Roll* is the slope of the line of the eyes. Good to about 10
    degrees, as noses differ; enough to prefer one picture to another.

    Args:
        landmarks_px: ``(5, 2)`` points (x, y) in pixels.

    Returns:
        Yaw (positive: nose towards the right of the picture), pitch (positive: down) and roll
        (positive: clockwise), in degrees; 90 for yaw and pitch where points coincide.
    """
    points = np.asarray(landmarks_px, np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across = points[1] - points[0]
    roll = math.degrees(math.atan2(across[1], across[0]))
    width = float(np.hypot(*across))
    down = mouth - eyes
    height = float(np.hypot(*down))
    if width < 1e-6 or height < 1e-6:
        return 90.0, 90.0, roll
    nose = points[2] - eyes
    drop = float(nose @ down) / height**2
    aside = float((nose - drop * down) @ across) / width**2
    yaw = math.degrees(math.atan(aside / _NOSE_DEPTH))
    pitch = math.degrees(math.atan((drop - _FRONT_NOSE_DROP) / _NOSE_DEPTH_OF_DROP))
    return yaw, pitch, roll


def _detail(
    fine: NDArray[np.float32], coarse: NDArray[np.float32], noise: float, across: int
) -> float:
    """Gradients that only the finer picture has, without noise's share, against the coarser's."""
    fine_step = np.diff(fine, axis=across)[_CORE]
    coarse_step = np.diff(coarse, axis=across)[_CORE]
    own = float((fine_step - coarse_step).var()) - _NOISE_GAIN * noise**2
    return math.sqrt(max(0.0, own)) / max(float(coarse_step.std()), 1e-3)


def _face_inside(image: Image, matrix: NDArray[np.float64]) -> float:
    """Root of the share of the face, brows to chin, that lies inside of the picture."""
    height, width = image.shape[:2]
    columns, rows = np.meshgrid(np.linspace(18, 94, 20), np.linspace(24, 108, 20))
    grid = np.stack([columns.ravel(), rows.ravel(), np.ones(columns.size)])
    across, down = cv2.invertAffineTransform(matrix) @ grid
    seen = (across >= 0) & (across <= width) & (down >= 0) & (down <= height)
    return math.sqrt(float(np.mean(seen)))


def _box_inside(image: Image, box_px: tuple[float, float, float, float]) -> float:
    """The same for a box."""
    height, width = image.shape[:2]
    left, top, right, bottom = box_px
    seen_width = max(0.0, min(right, width) - max(left, 0.0))
    seen_height = max(0.0, min(bottom, height) - max(top, 0.0))
    whole = (right - left) * (bottom - top)
    return math.sqrt(min(1.0, seen_width * seen_height / whole)) if whole > 0 else 0.0
