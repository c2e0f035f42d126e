"""Where in the box of a person the face is looked for, and whose face it is that was found."""

from collections.abc import Sequence
from typing import Final

from spyoncino.detectors.results import FaceDetectionResult
from spyoncino.geometry.boxes import Box

_UPRIGHT: Final = 1.4
"""A box this many times as high as wide shows somebody from head to about the knees: only its
upper part is looked into, at twice the scale for the same price."""

_HEAD_PART: Final = 0.6
"""Share of such a box, from its top, in which the head is; persons who stoop included."""

_ABOVE: Final = 0.15
_ASIDE: Final = 0.10
"""A box is grown by these shares of its height (at most of its width) and width: boxes of objects
cut heads off."""

_SAME_FACE_IOU: Final = 0.4
"""Two faces that overlap more were found twice, in two regions."""

_MOSTLY: Final = 0.6
"""So much of a face must lie inside a person's box (grown as above) to be that person's."""

_HEAD_HEIGHT: Final = 0.13
"""Middle of the face below the top of an upright box, in heights of the box; close-ups with a
lower box have it lower, in proportion to their width."""


def head_part(box: Box, width_px: int, height_px: int) -> Box:
    """The part of a person's box to look into.

    Args:
        box: The person; normalised.
        width_px: Width of the picture: a box is upright in pixels, not in fractions.
        height_px: Height of the picture.

    Returns:
        Normalised and inside the picture.
    """
    upright = box.height * height_px >= _UPRIGHT * box.width * width_px
    bottom = box.top + _HEAD_PART * box.height if upright else box.bottom
    above = _ABOVE * min(box.height, box.width * width_px / height_px)
    aside = _ASIDE * box.width
    return Box(box.left - aside, box.top - above, box.right + aside, bottom).clipped()


def without_doubles(faces: Sequence[FaceDetectionResult]) -> list[FaceDetectionResult]:
    """Each face once, the most confident finding of it; best confidence first."""
    kept: list[FaceDetectionResult] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(face.box.iou(other.box) <= _SAME_FACE_IOU for other in kept):
            kept.append(face)
    return kept


def assign(faces: Sequence[Box], persons: Sequence[Box]) -> list[int | None]:
    """Whose face each one is: every person has one, and it is where heads are.

    Args:
        faces: Boxes of faces; normalised.
        persons: Boxes of persons; normalised.

    Returns:
        For each face the index of its person; ``None`` when it is nobody's, for example on a
        poster, or of somebody without a box.
    """
    fits = sorted(
        (_misfit(face, person), number, index)
        for number, face in enumerate(faces)
        for index, person in enumerate(persons)
        if _share_inside(face, person) >= _MOSTLY
    )
    owners: list[int | None] = [None] * len(faces)
    taken: set[int] = set()
    for _, number, index in fits:
        if owners[number] is None and index not in taken:
            owners[number] = index
            taken.add(index)
    return owners


def _share_inside(face: Box, person: Box) -> float:
    above, aside = _ABOVE * person.width, _ASIDE * person.width
    grown = Box(person.left - aside, person.top - above, person.right + aside, person.bottom)
    return face.overlap(grown) / face.area if face.area > 0 else 0.0


def _misfit(face: Box, person: Box) -> float:
    """How far a face is from where the head of a person should be, in widths of the person."""
    width = max(person.width, 1e-9)
    x, y = face.centre
    expected_y = person.top + max(_HEAD_HEIGHT * person.height, 0.5 * face.height)
    return abs(x - person.centre[0]) / width + abs(y - expected_y) / max(person.height, 1e-9)
