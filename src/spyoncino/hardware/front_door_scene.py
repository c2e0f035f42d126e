"""The drawn front door: house, door, bell, path, gate, hedge, and a plant that the wind moves.

Coordinates are those of a picture of 1280x720; the caller scales the result.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.hardware.sprites import Picture

SCENE_WIDTH, SCENE_HEIGHT = 1280, 720

HORIZON_Y = 250
"""Where the path begins: the foot line of somebody at the gate."""

PLANT_LEFT, PLANT_TOP, PLANT_RIGHT, PLANT_BOTTOM = 318, 330, 518, 640
"""The part of the picture that the plant needs, sway included."""

_SKY, _HAZE = (222, 196, 164), (232, 226, 214)
_LAWN_FAR, _LAWN_NEAR = (86, 128, 104), (52, 104, 72)
_PATH = (142, 152, 158)
_WALL = (150, 172, 190)
_BRICK = (96, 112, 158)
_DOOR = (92, 62, 36)
_BRASS = (70, 160, 200)


def draw_background(random: np.random.Generator) -> Picture:
    """The scene without plant and without anybody, uint8 ``(720, 1280, 3)`` BGR."""
    canvas = np.empty((SCENE_HEIGHT, SCENE_WIDTH, 3), np.uint8)
    _gradient(canvas[:HORIZON_Y], _SKY, _HAZE)
    _gradient(canvas[HORIZON_Y:], _LAWN_FAR, _LAWN_NEAR)
    _texture(canvas[HORIZON_Y:], random, 9.0)
    _hedge(canvas, random)
    _path(canvas, random)
    _gate(canvas)
    _house(canvas, random)
    _door(canvas)
    return np.asarray(cv2.GaussianBlur(canvas, (3, 3), 0), dtype=np.uint8)


def draw_plant(sway: float) -> Picture:
    """The potted plant beside the door, uint8 ``(310, 200, 4)``.

    Args:
        sway: -1..1, how far the wind bends it to the right.
    """
    canvas = np.zeros((PLANT_BOTTOM - PLANT_TOP, PLANT_RIGHT - PLANT_LEFT, 4), np.uint8)
    foot = np.array([100, 225])
    for index in range(15):
        angle = np.deg2rad(-160 + 10 * index + (index * 37) % 11)
        length = 95 + (index * 53) % 65
        tip = foot + length * np.array([np.cos(angle), np.sin(angle)])
        tip[0] += sway * 10 * (length / 120)
        middle = (foot + tip) / 2 + np.array([sway * 3, -14])
        green = (40 + (index * 29) % 30, 92 + (index * 41) % 60, 48 + (index * 17) % 30, 255)
        near, far = middle - np.array([9, 0]), middle + np.array([9, 4])
        leaf = np.array([foot, near, tip, far]).astype(np.int32)
        cv2.fillPoly(canvas, [leaf], green, cv2.LINE_AA)
    pot = np.array([[58, 220], [142, 220], [128, 304], [72, 304]])
    cv2.fillPoly(canvas, [pot], (58, 84, 140, 255), cv2.LINE_AA)
    cv2.rectangle(canvas, (52, 212), (148, 232), (66, 94, 154, 255), -1)
    return canvas


def _gradient(part: Picture, top: tuple[int, int, int], bottom: tuple[int, int, int]) -> None:
    weight = np.linspace(0, 1, part.shape[0])[:, None, None]
    part[:] = (np.array(top) * (1 - weight) + np.array(bottom) * weight).astype(np.uint8)


def _texture(part: Picture, random: np.random.Generator, strength: float) -> None:
    """Speckle, coarser than a pixel, so that surfaces look like surfaces."""
    height, width = part.shape[:2]
    grain = random.normal(0, strength, (height // 2 + 1, width // 2 + 1)).astype(np.float32)
    smooth = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    part[:] = np.clip(part + smooth[:, :, None], 0, 255).astype(np.uint8)


def _hedge(canvas: Picture, random: np.random.Generator) -> None:
    top = HORIZON_Y - 92
    for _ in range(900):
        x, y = int(random.uniform(300, SCENE_WIDTH)), int(random.uniform(top, HORIZON_Y + 6))
        shade = random.uniform(0.7, 1.15)
        colour = tuple(int(c * shade) for c in (44, 84, 52))
        cv2.circle(canvas, (x, y), int(random.uniform(6, 15)), colour, -1, cv2.LINE_AA)


def _path(canvas: Picture, random: np.random.Generator) -> None:
    outline = np.array([[880, HORIZON_Y + 4], [984, HORIZON_Y + 4], [1060, 719], [400, 719]])
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA)
    slabs = np.empty_like(canvas)
    slabs[:] = _PATH
    _texture(slabs, random, 7.0)
    for index in range(12):
        y = int(HORIZON_Y + 466 * (index / 12) ** 1.7)
        cv2.line(slabs, (300, y), (SCENE_WIDTH, y), (112, 122, 128), 1 + index // 3, cv2.LINE_AA)
    np.copyto(canvas, slabs, where=mask[:, :, None] > 127)


def _gate(canvas: Picture) -> None:
    wood = (206, 214, 218)
    for left, right in ((640, 876), (990, 1270)):
        cv2.rectangle(canvas, (left, HORIZON_Y - 48), (right, HORIZON_Y - 40), wood, -1)
        cv2.rectangle(canvas, (left, HORIZON_Y - 18), (right, HORIZON_Y - 10), wood, -1)
        for x in range(left, right, 18):
            cv2.rectangle(canvas, (x, HORIZON_Y - 60), (x + 8, HORIZON_Y + 4), wood, -1)


def _house(canvas: Picture, random: np.random.Generator) -> None:
    wall = canvas[:, :360]
    wall[:] = _WALL
    _texture(wall, random, 6.0)
    for row, y in enumerate(range(520, 720, 22)):
        for x in range(-30 + (row % 2) * 28, 360, 56):
            shade = 0.9 + 0.2 * ((row * 7 + x) % 5) / 5
            colour = tuple(int(c * shade) for c in _BRICK)
            cv2.rectangle(canvas, (max(0, x), y), (min(356, x + 53), min(719, y + 19)), colour, -1)
    cv2.rectangle(canvas, (352, 0), (364, 719), (120, 138, 152), -1)
    cv2.rectangle(canvas, (0, 0), (420, 34), (70, 80, 92), -1)


def _door(canvas: Picture) -> None:
    cv2.rectangle(canvas, (46, 110), (254, 690), (216, 222, 226), -1)
    cv2.rectangle(canvas, (62, 126), (238, 690), _DOOR, -1)
    darker = tuple(int(c * 0.72) for c in _DOOR)
    for left, top, right, bottom in ((82, 330, 218, 480), (82, 510, 218, 660)):
        cv2.rectangle(canvas, (left, top), (right, bottom), darker, 4)
    cv2.rectangle(canvas, (96, 156), (204, 296), (196, 186, 150), -1)
    cv2.line(canvas, (150, 156), (150, 296), darker, 6)
    cv2.line(canvas, (96, 226), (204, 226), darker, 6)
    cv2.circle(canvas, (222, 420), 9, _BRASS, -1, cv2.LINE_AA)
    cv2.putText(canvas, "7", (284, 250), cv2.FONT_HERSHEY_DUPLEX, 1.6, (60, 60, 66), 3, cv2.LINE_AA)
    cv2.rectangle(canvas, (290, 372), (322, 436), (58, 58, 62), -1)
    cv2.circle(canvas, (306, 404), 10, (210, 226, 236), -1, cv2.LINE_AA)
    cv2.ellipse(canvas, (306, 150), (18, 26), 0, 0, 360, (150, 214, 240), -1, cv2.LINE_AA)
    mat: NDArray[np.int_] = np.array([[30, 690], [270, 690], [300, 719], [10, 719]])
    cv2.fillPoly(canvas, [mat], (52, 62, 74), cv2.LINE_AA)
