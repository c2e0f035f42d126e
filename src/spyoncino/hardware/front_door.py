"""A drawn front door with a script: somebody comes, rings, waits and leaves; later a cat crosses.

Every picture depends on its time and the seed alone, so that two runs see the same.
"""

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import SourceError
from spyoncino.hardware.figures import WALK_POSES, cat_poses, visitor_poses
from spyoncino.hardware.front_door_scene import (
    HORIZON_Y,
    PLANT_BOTTOM,
    PLANT_LEFT,
    PLANT_RIGHT,
    PLANT_TOP,
    SCENE_HEIGHT,
    SCENE_WIDTH,
    draw_background,
    draw_plant,
)
from spyoncino.hardware.sprites import Placement, Sprite, shrunk
from spyoncino.media.colour import bgr_to_i420, i420_planes

APPROACH_S = 6.0
"""Gate to door at a walk."""

WAIT_S = 5.0
"""In front of the door, the press included."""

LEAVE_S = 5.0
CAT_S = 6.0

NEAREST = 3.2
"""How far the visitor comes on the way of ``_on_path``. At 1 the feet are on the mat; at the bell
the camera sees only what was photographed, with a face wide enough to be named honestly (120 of
1280 px)."""

STEPS_PER_S = 1.8
"""Walking cadence, about 110 steps a minute."""

NOISE_STEP = 1.5
"""Standard deviation of the sensor's noise in luma steps: a small sensor by daylight."""

NOISE_OFFSET = 16
"""Added to the noise so that it fits unsigned steps, and taken off the picture again."""

NOISE_FIELDS = 7
"""Noise pictures prepared once and shown in turn at changing offsets."""

DRIFT_SHARE = 0.06
"""How far clouds change the light, as a share of it."""

DRIFT_PERIOD_S = 47.0
SWAY_PERIOD_S = 2.6
SWAY_PHASES = 24


@dataclass(frozen=True, slots=True)
class Script:
    """When what happens in each round; a negative time means never.

    Args:
        period_s: Length of a round.
        visitor_at_s: When the visitor appears at the gate.
        press_at_s: When the bell is pressed; only while a visitor comes at all.
        cat_at_s: When the cat comes in from the left.
    """

    period_s: float = 50.0
    visitor_at_s: float = 4.0
    press_at_s: float = 10.5
    cat_at_s: float = 33.0  # visitor and cat are further apart than events linger

    def __post_init__(self) -> None:
        if self.period_s <= 0:
            raise SourceError(f"The simulator's period_s must be above 0, not {self.period_s}.")

    def presses_between(self, after_s: float, until_s: float) -> list[float]:
        """Times of the presses after one moment up to and including another."""
        if self.visitor_at_s < 0 or not 0 <= self.press_at_s < self.period_s:
            return []
        first = math.floor((after_s - self.press_at_s) / self.period_s) + 1
        last = math.floor((until_s - self.press_at_s) / self.period_s)
        return [self.press_at_s + n * self.period_s for n in range(max(0, first), last + 1)]


class FrontDoor:
    """Draws the front door at any moment. Not safe for several threads.

    Args:
        width_px: Even width of the pictures.
        height_px: Even height of the pictures.
        seed: What the noise, the bricks and the hedge are drawn from.
        script: When what happens.

    Raises:
        SourceError: The size is odd or too small.
    """

    def __init__(self, width_px: int, height_px: int, seed: int, script: Script) -> None:
        if width_px % 2 or height_px % 2 or width_px < 64 or height_px < 64:
            raise SourceError(
                f"The simulator draws even sizes from 64x64 on, not {width_px}x{height_px}."
            )
        self.width_px, self.height_px = width_px, height_px
        self._script = script
        self._scale_x, self._scale_y = width_px / SCENE_WIDTH, height_px / SCENE_HEIGHT
        random = np.random.default_rng(seed)
        scene = draw_background(random)
        self._background = shrunk(scene, width_px, height_px)
        self._background_i420 = bgr_to_i420(self._background)
        self._visitor, self._cat, self._plants = _sprites()
        self._noise = [self._noise_field(random) for _ in range(NOISE_FIELDS)]

    def _noise_field(self, random: np.random.Generator) -> NDArray[np.uint8]:
        size = (self.height_px, self.width_px)
        field = random.standard_normal(size, dtype=np.float32) * NOISE_STEP + NOISE_OFFSET
        noise: NDArray[np.uint8] = np.clip(field, 0, 255).astype(np.uint8)
        return noise

    def draw(self, pts_s: float) -> NDArray[np.uint8]:
        """The picture at a moment: I420, uint8 ``(height * 3 // 2, width)``, a new array."""
        canvas = self._background.copy()
        changed = [self._lay_plant(canvas, pts_s)]
        round_s = pts_s % self._script.period_s
        changed += [self._lay_cat(canvas, round_s), self._lay_visitor(canvas, round_s)]
        picture = self._background_i420.copy()
        for box in changed:
            if box is not None:
                self._paste(canvas, picture, box)
        self._light_and_noise(picture[: self.height_px], pts_s)
        return picture

    def visitor_box(self, pts_s: float) -> tuple[float, float, float, float] | None:
        """Where the visitor is drawn, normalised left, top, right, bottom; ``None`` when absent.

        Only what the picture shows: at the bell the legs are below it.
        """
        place = self._visitor_place(pts_s % self._script.period_s)
        if place is None:
            return None
        half = place.height * 378 / 1180 / 2
        left, right = (min(max(place.foot_x + side, 0), SCENE_WIDTH) for side in (-half, half))
        if left == right:
            return None
        return (
            left / SCENE_WIDTH,
            (place.foot_y - place.height) / SCENE_HEIGHT,
            right / SCENE_WIDTH,
            min(place.foot_y, SCENE_HEIGHT) / SCENE_HEIGHT,
        )

    def _visitor_place(self, round_s: float) -> Placement | None:
        """The visitor's place in scene coordinates: gate, door, and away to the right."""
        since = round_s - self._script.visitor_at_s
        if self._script.visitor_at_s < 0 or not 0 <= since <= APPROACH_S + WAIT_S + LEAVE_S:
            return None
        if since < APPROACH_S:
            return _on_path(since / APPROACH_S)
        since -= APPROACH_S
        if since < WAIT_S:
            place = _on_path(1.0)
            sway = 5 * math.sin(2 * math.pi * since / 3.1)
            return Placement(place.foot_x + sway, place.foot_y, place.height)
        away = (since - WAIT_S) / LEAVE_S
        place = _on_path(1.0)
        return Placement(place.foot_x + away * 980, place.foot_y - away * 20, place.height)

    def _lay_visitor(
        self, canvas: NDArray[np.uint8], round_s: float
    ) -> tuple[int, int, int, int] | None:
        place = self._visitor_place(round_s)
        if place is None:
            return None
        since = round_s - self._script.visitor_at_s
        is_waiting = APPROACH_S <= since < APPROACH_S + WAIT_S
        pose = 0 if is_waiting else int(since * STEPS_PER_S * 2) % WALK_POSES
        bob = 0.0 if is_waiting else 0.008 * place.height * abs(math.sin(math.pi * since * 1.8))
        moved = Placement(place.foot_x, place.foot_y - bob, place.height)
        return self._visitor[pose].lay(canvas, self._scaled(moved))

    def _lay_cat(
        self, canvas: NDArray[np.uint8], round_s: float
    ) -> tuple[int, int, int, int] | None:
        since = round_s - self._script.cat_at_s
        if self._script.cat_at_s < 0 or not 0 <= since <= CAT_S:
            return None
        share = since / CAT_S
        pose = int(since * 6) % WALK_POSES
        place = Placement(200 + 1240 * share, 668 + 14 * share, 190)
        return self._cat[pose].lay(canvas, self._scaled(place))

    def _lay_plant(
        self, canvas: NDArray[np.uint8], pts_s: float
    ) -> tuple[int, int, int, int] | None:
        gust = 0.6 + 0.4 * math.sin(2 * math.pi * pts_s / 17.0)
        sway = gust * math.sin(2 * math.pi * pts_s / SWAY_PERIOD_S)
        phase = round(math.asin(sway) / (2 * math.pi) * SWAY_PHASES) % SWAY_PHASES
        place = Placement((PLANT_LEFT + PLANT_RIGHT) / 2, PLANT_BOTTOM, PLANT_BOTTOM - PLANT_TOP)
        return self._plants[phase].lay(canvas, self._scaled(place))

    def _scaled(self, place: Placement) -> Placement:
        return Placement(
            place.foot_x * self._scale_x,
            place.foot_y * self._scale_y,
            place.height * self._scale_y,
        )

    def _paste(
        self,
        canvas: NDArray[np.uint8],
        picture: NDArray[np.uint8],
        box: tuple[int, int, int, int],
    ) -> None:
        """Convert one part of the BGR canvas into the I420 picture."""
        left, top = box[0] & ~1, box[1] & ~1
        right, bottom = (box[2] + 1) & ~1, (box[3] + 1) & ~1
        part = np.ascontiguousarray(canvas[top:bottom, left:right])
        luma, blue, red = i420_planes(bgr_to_i420(part))
        to_luma, to_blue, to_red = i420_planes(picture)
        chroma = np.s_[top // 2 : bottom // 2, left // 2 : right // 2]
        np.copyto(to_luma[top:bottom, left:right], luma)
        np.copyto(to_blue[chroma], blue)
        np.copyto(to_red[chroma], red)

    def _light_and_noise(self, luma: NDArray[np.uint8], pts_s: float) -> None:
        """Slow light, and noise that differs from picture to picture."""
        gain = 1.0 + DRIFT_SHARE * math.sin(2 * math.pi * pts_s / DRIFT_PERIOD_S)
        cv2.convertScaleAbs(luma, dst=luma, alpha=gain, beta=-NOISE_OFFSET)
        tick = round(pts_s * 1000)
        field = np.roll(self._noise[tick % NOISE_FIELDS], tick % 97 * 13)
        cv2.add(luma, field, dst=luma)


@functools.cache
def _sprites() -> tuple[tuple[Sprite, ...], tuple[Sprite, ...], tuple[Sprite, ...]]:
    """Poses of visitor and cat, phases of the plant: the same at every size and for every seed.

    Drawing them takes a third of a second, which a simulator that is opened again is spared.
    """
    return (
        tuple(Sprite(picture) for picture in visitor_poses()),
        tuple(Sprite(picture) for picture in cat_poses()),
        tuple(
            Sprite(draw_plant(math.sin(2 * math.pi * phase / SWAY_PHASES)))
            for phase in range(SWAY_PHASES)
        ),
    )


def _on_path(share: float) -> Placement:
    """A place on the way from the gate (0) to the bell (1), with the perspective of the picture."""
    near = NEAREST * share**2.2
    return Placement(
        foot_x=930 - 330 * min(near, 1.0),
        foot_y=HORIZON_Y + 24 + 420 * near,
        height=150 + 440 * near,
    )
