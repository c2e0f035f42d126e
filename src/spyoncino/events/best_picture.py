"""Which picture shows an event best; compared by one number, so that the choice is repeatable."""

import math

from spyoncino.events.labels import FACE, PERSON, label_rank
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.schemas.events import BestPicture, Identity
from spyoncino.schemas.frames import FrameRef

RANK_STEP = 2.0
"""Distance between two label ranks: larger than every other term, so the label decides first."""

MIN_GAIN = 0.05
"""How much better a new picture must be: a smaller gain is not worth another JPEG."""

FULL_MARK_SIDE = 0.5
"""Root of the box's area (fraction of the picture) from which a larger box adds nothing."""

EDGE_MARGIN = 0.01
"""A box nearer to a border than this (fraction of the picture) is taken as cut off there."""

MIN_FACE_QUALITY = 0.2
"""A face worse than this (0..1, see ``geometry.faces``) shows less than the whole person does."""

_FACE_BONUS = 1.0
"""What a person's picture can have at most beside the rank of its label: every face is above it."""

_SCORE_WEIGHT = 0.55
_SIZE_WEIGHT = 0.45
_CUT_FACTOR = 0.7  # left, right, top: half a body, or a body without its head
_FEET_CUT_FACTOR = 0.9  # who stands before a doorbell is always cut below


def picture_quality(label: str, score: float, box: Box) -> float:
    """Quality of one picture of one object; only comparable within one event.

    Args:
        label: What is shown.
        score: The detector's confidence, 0..1.
        box: Where, normalised.

    Returns:
        ``RANK_STEP`` times the rank of the label, plus 0..1 for score and size, less for a box
        that the border of the picture cuts.
    """
    size = min(1.0, math.sqrt(box.clipped().area) / FULL_MARK_SIDE)
    value = _SCORE_WEIGHT * score + _SIZE_WEIGHT * size
    is_cut = (box.left < EDGE_MARGIN, box.right > 1 - EDGE_MARGIN, box.top < EDGE_MARGIN)
    value *= _CUT_FACTOR ** sum(is_cut)
    if box.bottom > 1 - EDGE_MARGIN:
        value *= _FEET_CUT_FACTOR
    return round(RANK_STEP * label_rank(label) + value, 6)


def picture_of(label: str, score: float, box: Box, frame: FrameRef) -> BestPicture:
    """A candidate for the best picture: one object in one frame."""
    return BestPicture(
        pts_s=frame.pts_s,
        box=box.clipped(),
        label=label,
        quality=picture_quality(label, score, box),
        frame=frame,
    )


def picture_of_face(identity: Identity) -> BestPicture | None:
    """A candidate for the best picture: the best face of a track; ``None`` when it is too poor.

    Any face that can be told is better than any picture of a person without one.
    """
    if identity.box is None or identity.pts_s is None or identity.quality < MIN_FACE_QUALITY:
        return None
    return BestPicture(
        pts_s=identity.pts_s,
        box=identity.box.clipped(),
        label=FACE,
        quality=round(RANK_STEP * label_rank(PERSON) + _FACE_BONUS + identity.quality, 6),
    )


def picture_without_object(label: str, pts_s: float, frame: FrameRef | None = None) -> BestPicture:
    """The picture of a press or of bare motion: the whole view at that moment.

    Its quality is the least of its label, so any object of an equal or higher rank replaces it.
    """
    return BestPicture(
        pts_s=pts_s,
        box=FULL_PICTURE,
        label=label,
        quality=RANK_STEP * label_rank(label),
        frame=frame,
    )


def is_better(candidate: BestPicture, current: BestPicture | None) -> bool:
    """Whether the candidate should replace the current picture, by ``MIN_GAIN`` at least."""
    return current is None or candidate.quality > current.quality + MIN_GAIN
