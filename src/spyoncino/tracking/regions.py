"""Chooses where an object detector should look a second time, closer.

A detector sees the whole picture shrunk to its own small input. A square around something small
shows it several times larger. Looking closer everywhere costs a look each and finds phantoms too,
so it is done only where something moves that the first look did not explain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from spyoncino.geometry.boxes import Box

INSIDE_SHARE = 0.9
"""What lies in a chosen square by this share of its area needs no square of its own."""


@dataclass(frozen=True, slots=True)
class RegionSpec:
    """When and how squares are cut.

    Args:
        margin: Side of a square as a multiple of the longer side of what it is around: a detector
            needs to see what surrounds a thing.
        min_side_px: Smallest side of a square in pixels of the analysed picture: the model's own
            input. A smaller one only magnifies the blocks of the compression.
        small_share: Something longer than this share of the picture's longer side is large enough
            in the look at the whole picture.
        max_regions: At most this many squares a frame; each costs as much as the whole picture,
            and every further one finds more phantoms than things.
        sure_score: A detection this sure explains what moves under it.
        explained_share: Share of a motion box that must lie under such detections. Little is
            enough: a shadow, a reflection or a neighbour who was found moves in the same box.
    """

    margin: float = 1.6
    min_side_px: int = 416
    small_share: float = 0.4
    max_regions: int = 1
    sure_score: float = 0.4
    explained_share: float = 0.3


class Seen(Protocol):
    """What a detector saw; its own results and the tracker's observations both are."""

    @property
    def score(self) -> float:
        """Confidence, 0..1."""
        ...

    @property
    def box(self) -> Box:
        """Where, normalised to the whole picture."""
        ...


def closer_look(
    motion: Sequence[Box],
    found: Sequence[Seen],
    size_px: tuple[int, int],
    spec: RegionSpec | None = None,
) -> tuple[Box, ...]:
    """Squares in which to look again after the look at the whole picture.

    Args:
        motion: Boxes around motion, most important first.
        found: Detections of the whole picture, of the wanted labels only: a phantom aeroplane as
            large as the picture must not explain everything.
        size_px: Width and height of the analysed picture.
        spec: When and how to cut.

    Returns:
        Normalised boxes; none when the first look explained what moves.
    """
    return choose_regions(unexplained(motion, found, spec), (), size_px, spec)


def unexplained(
    motion: Sequence[Box], found: Sequence[Seen], spec: RegionSpec | None = None
) -> tuple[Box, ...]:
    """The motion boxes under which no sure detection lies, in their order.

    Args:
        motion: Boxes around motion.
        found: Detections of the whole picture.
        spec: What counts as sure and as explained.
    """
    spec = spec or RegionSpec()
    sure = [seen.box for seen in found if seen.score >= spec.sure_score]
    return tuple(
        box
        for box in motion
        if sum(box.overlap(other) for other in sure) < spec.explained_share * box.area
    )


def choose_regions(
    motion: Sequence[Box],
    tracks: Sequence[Box],
    size_px: tuple[int, int],
    spec: RegionSpec | None = None,
) -> tuple[Box, ...]:
    """Squares (in pixels) around motion and around tracks that need a look; deterministic.

    Args:
        motion: Boxes around motion, most important first.
        tracks: Boxes of tracks that need a look; they come before motion.
        size_px: Width and height of the analysed picture.
        spec: How to cut.

    Returns:
        At most ``max_regions`` normalised boxes inside the picture, in order of importance; none
        when there is nothing that a square would show better than the whole picture does.
    """
    spec = spec or RegionSpec()
    width_px, height_px = size_px
    largest = min(width_px, height_px)
    smallest = min(spec.min_side_px, largest)
    if max(width_px, height_px) <= spec.min_side_px:
        return ()
    longest = spec.small_share * max(width_px, height_px)
    waiting = [
        scaled
        for box in (*tracks, *motion)
        if 0.0 < max((scaled := _scaled(box, width_px, height_px)).width, scaled.height) <= longest
    ]
    chosen: list[Box] = []
    while waiting and len(chosen) < spec.max_regions:
        together = waiting.pop(0)
        side = max(smallest, spec.margin * max(together.width, together.height))
        if side > largest:
            continue
        for other in list(waiting):
            joined = together.union(other)
            if spec.margin * max(joined.width, joined.height) <= side:
                together = joined
                waiting.remove(other)
        square = _square(together, side, size_px)
        waiting = [box for box in waiting if box.overlap(square) < INSIDE_SHARE * box.area]
        chosen.append(_scaled(square, 1 / width_px, 1 / height_px).clipped())
    return tuple(chosen)


def _scaled(box: Box, across: float, down: float) -> Box:
    return Box(box.left * across, box.top * down, box.right * across, box.bottom * down)


def _square(box: Box, side: float, size_px: tuple[int, int]) -> Box:
    """A square of this side around the middle of the box, pushed into the picture."""
    middle_x, middle_y = box.centre
    left = min(max(middle_x - side / 2, 0.0), size_px[0] - side)
    top = min(max(middle_y - side / 2, 0.0), size_px[1] - side)
    return Box(left, top, left + side, top + side)
