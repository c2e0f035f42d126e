"""The visitor and the cat: photographed where it matters, drawn where the photograph ends.

Measures are in pixels of the photographs; what is drawn continues their scale.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.hardware.sprites import Picture, demo_picture, shrunk

WALK_POSES = 4
"""Steps of the walking cycle; pose 0 stands."""

_TROUSERS = (92, 58, 40)
_TROUSERS_DARK = (55, 34, 24)
_BOOT = (20, 18, 18)
_GLOVE = (52, 40, 44)

_BODY_HEIGHT = 1180

_HIP_X = 190
"""Middle of the hips in the portrait, below the face."""


def visitor_poses() -> list[Picture]:
    """The visitor standing and walking, each uint8 ``(1180, 378, 4)``, feet at the bottom."""
    portrait = demo_picture("visitor.png")
    return _cycle([_visitor(portrait, stride) for stride in (0, 26, -26)])


def _cycle(poses: list[Picture]) -> list[Picture]:
    """Stand, one stride, stand, the other stride."""
    stand, one, other = poses
    return [stand, one, stand, other]


def _visitor(portrait: Picture, stride: int) -> Picture:
    height, width = portrait.shape[:2]
    canvas = np.zeros((_BODY_HEIGHT, width, 4), np.uint8)
    _leg(canvas, _HIP_X - 62, -stride)
    _leg(canvas, _HIP_X + 62, stride)
    hips = np.array(
        [[62, 440], [318, 440], [322, 640], [206, 660], [190, 690], [174, 660], [58, 640]]
    )
    _shaded(canvas, hips, 58, 322)
    for x in (128, 252):
        cv2.ellipse(canvas, (x, 508), (30, 40), 0, 0, 360, (*_GLOVE, 255), -1, cv2.LINE_AA)
    _over(canvas[:height], portrait)
    canvas[:, :, 3] = cv2.GaussianBlur(canvas[:, :, 3], (3, 3), 0)
    return canvas


def _leg(canvas: Picture, centre_x: int, lift: int) -> None:
    """One leg from the hips down; ``lift`` moves the foot up (towards the back) or down."""
    foot_y = _BODY_HEIGHT - 30 - max(0, lift)
    knee_y = 850 - lift // 2
    left, right = centre_x - 66, centre_x + 66
    outline = np.array(
        [
            [left, 600],
            [right, 600],
            [right - 10, knee_y],
            [right - 18, foot_y - 40],
            [left + 18, foot_y - 40],
            [left + 10, knee_y],
        ]
    )
    _shaded(canvas, outline, left, right)
    boot = np.array(
        [
            [left + 14, foot_y - 70],
            [right - 14, foot_y - 70],
            [right - 4, foot_y + 22],
            [right - 24, foot_y + 30],
            [left + 24, foot_y + 30],
            [left + 4, foot_y + 22],
        ]
    )
    cv2.fillPoly(canvas, [boot], (*_BOOT, 255), cv2.LINE_AA)
    for y, bend in ((knee_y - 20, 12), (knee_y + 10, -10), (foot_y - 120, 9)):
        cv2.line(
            canvas, (left + 20, y), (right - 24, y + bend), (*_TROUSERS_DARK, 255), 4, cv2.LINE_AA
        )


def _shaded(canvas: Picture, outline: NDArray[np.int_], left: int, right: int) -> None:
    """Cloth of the trousers, darker towards both sides like a cylinder."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA)
    across = (np.arange(canvas.shape[1]) - (left + right) / 2) / ((right - left) / 2)
    light = np.clip(1.0 - 0.55 * np.abs(across + 0.15) ** 2, 0.3, 1.0)
    folds = 1.0 + 0.06 * np.sin(np.arange(canvas.shape[0]) / 17.0)
    shade = (folds[:, None] * light[None, :]).astype(np.float32)
    colours = shade[:, :, None] * np.array(_TROUSERS, np.float32)
    cloth = np.dstack([np.clip(colours, 0, 255).astype(np.uint8), mask])
    _over(canvas, cloth)


def cat_poses() -> list[Picture]:
    """The cat walking to the right, each uint8 ``(520, 900, 4)`` with the paws at the bottom."""
    head = demo_picture("cat.png")
    fur = _fur(head)
    return _cycle([_cat(head, fur, swing) for swing in (0, 34, -34)])


def _fur(head: Picture) -> Picture:
    """A texture of ``(520, 900, 3)`` from the forehead, mirrored until it is large enough."""
    patch = np.ascontiguousarray(head[8:78, 120:240, :3])
    row = np.hstack([patch, patch[:, ::-1]])
    tile = np.vstack([row, row[::-1]])
    return np.ascontiguousarray(np.tile(tile, (4, 4, 1))[:520, :900])


def _cat(head: Picture, fur: Picture, swing: int) -> Picture:
    mask = np.zeros((520, 900), np.uint8)
    for x, sign in ((215, 1), (290, -1), (560, 1), (625, -1)):
        hip, foot = (x, 300), (x + sign * swing, 500)
        cv2.line(mask, hip, foot, 255, 52, cv2.LINE_AA)
        cv2.ellipse(mask, (foot[0] + 14, 498), (38, 20), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(mask, (420, 255), (275, 112), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(mask, (225, 270), (110, 120), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(mask, (640, 225), (95, 105), 0, 0, 360, 255, -1, cv2.LINE_AA)
    tail = np.array([[150, 240], [80, 190], [50, 110], [70, 40], [110, 20]])
    cv2.polylines(mask, [tail], isClosed=False, color=255, thickness=40, lineType=cv2.LINE_AA)
    rows = np.linspace(1.15, 0.55, 520, dtype=np.float32)[:, None, None]
    body = np.dstack([np.clip(fur * rows, 0, 255).astype(np.uint8), mask])
    canvas = np.zeros((520, 900, 4), np.uint8)
    _over(canvas, body)
    small = shrunk(head, 258, round(258 * head.shape[0] / head.shape[1]))
    _ears(canvas, fur)
    top, left = 62, 612
    _over(canvas[top : top + small.shape[0], left : left + small.shape[1]], small)
    return canvas


def _ears(canvas: Picture, fur: Picture) -> None:
    """The photograph cuts the ears off; these continue them."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    for ear in ([[622, 80], [640, 2], [706, 66]], [[800, 70], [862, 4], [868, 84]]):
        cv2.fillPoly(mask, [np.array(ear)], 255, cv2.LINE_AA)
    _over(canvas, np.dstack([(fur * 0.9).astype(np.uint8), mask]))


def _over(canvas: Picture, top: Picture) -> None:
    """Lay one picture with opacity over another of the same size, in place."""
    opacity = top[:, :, 3:].astype(np.float32) / 255
    mixed = top[:, :, :3] * opacity + canvas[:, :, :3] * (1 - opacity)
    canvas[:, :, :3] = mixed.astype(np.uint8)
    np.maximum(canvas[:, :, 3], top[:, :, 3], out=canvas[:, :, 3])
