"""What is wrong with a picture to enrol: one sentence that says how to do better.

A bad reference harms for years: it is compared with every face at the door. So enrolling is
stricter than looking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spyoncino.errors import UsageError
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import FaceQuality

CLEARLY_LARGER: Final = 1.6
"""A face at least so many times as wide as all others is the one that is meant: the others are
people in the background."""

SAME_PICTURE: Final = 0.97
"""Cosine from which a picture shows nothing that another does not: the same one resized, mirrored
or written again is at 0.976 to 1, two portraits of one person at 0.94 at most
(``docs/design/gallery.md``)."""

ALIKE_ABOVE: Final = 0.3
"""Share of the way from an embedder's ``known_from`` to 1 at which a picture is refused because it
looks like another person. At ``known_from`` itself many pairs of strangers would be: of the bundled
model 0.50 and 0.65, while two pictures of one person are at 0.82 in the middle."""


@dataclass(frozen=True, slots=True)
class EnrolLimits:
    """What a reference picture must have.

    Args:
        min_size_px: Width of the face in pixels of the picture.
        min_sharpness: See ``FaceQuality``, as all that follow.
        min_pose: 0..1.
        min_exposure: 0..1.
        min_inside: 0..1.
        resembles_from: Cosine to another person from which it is worth a remark.
        alike_from: Cosine to another person from which the picture is refused.
    """

    min_size_px: float = 40.0
    min_sharpness: float = 0.6
    min_pose: float = 0.5
    min_exposure: float = 0.6
    min_inside: float = 0.75
    resembles_from: float = 0.5
    alike_from: float = 0.65

    @classmethod
    def of(cls, known_from: float, min_size_px: float) -> "EnrolLimits":
        """Those of an embedder; enrolling never takes smaller faces than naming does."""
        return cls(
            min_size_px=max(cls().min_size_px, min_size_px),
            resembles_from=known_from,
            alike_from=known_from + ALIKE_ABOVE * (1.0 - known_from),
        )


@dataclass(frozen=True, slots=True)
class FaceInPicture:
    """One face of a picture.

    Args:
        box: Normalised.
        quality: As it was measured.
    """

    box: Box
    quality: FaceQuality


def from_left(faces: Sequence[FaceInPicture]) -> list[int]:
    """Places in ``faces`` from left to right: face number 1 is the first of them."""
    return sorted(range(len(faces)), key=lambda place: (faces[place].box.left, place))


def chosen_face(faces: Sequence[FaceInPicture], number: int | None = None) -> int:
    """Which face of a picture is meant.

    Args:
        faces: All that were found, in any order.
        number: Counted from the left, from 1; ``None``: the only one, or the clearly largest.

    Returns:
        Its place in ``faces``.

    Raises:
        UsageError: There is none, or it is not clear which; a sentence without a file name.
    """
    if not faces:
        raise UsageError(
            "no face was found; take a picture in which the face looks at the camera "
            f"and is at least {EnrolLimits().min_size_px:.0f} pixels wide"
        )
    order = from_left(faces)
    if number is not None:
        if not 1 <= number <= len(faces):
            raise UsageError(f"it has {len(faces)} faces, so there is no face {number}")
        return order[number - 1]
    by_size = sorted(order, key=lambda place: -faces[place].quality.size_px)
    largest = by_size[0]
    if len(faces) == 1:
        return largest
    second_px = faces[by_size[1]].quality.size_px
    if faces[largest].quality.size_px >= CLEARLY_LARGER * second_px:
        return largest
    sizes = ", ".join(
        f"{rank} ({faces[place].quality.size_px:.0f} px)" for rank, place in enumerate(order, 1)
    )
    raise UsageError(
        f"it has {len(faces)} faces, from left to right: {sizes}; the largest is "
        f"{order.index(largest) + 1}: say which one is meant with --face, or cut the picture"
    )


def problem_of(quality: FaceQuality, limits: EnrolLimits) -> str | None:
    """Why a face is no good reference; ``None`` when it is one.

    The first thing that is wrong is told, in the order in which a person would mend it.
    """
    if quality.size_px < limits.min_size_px:
        return (
            f"the face is too small: {quality.size_px:.0f} pixels wide, at least "
            f"{limits.min_size_px:.0f} are needed; go nearer or take a larger picture"
        )
    checks = (
        (quality.inside, limits.min_inside, "the face is cut off by the edge of the picture"),
        (quality.pose, limits.min_pose, "the face is turned away; it should look at the camera"),
        (
            quality.exposure,
            limits.min_exposure,
            "the face is too dark, too bright or without contrast",
        ),
        (quality.sharpness, limits.min_sharpness, "the face is too blurred or too noisy"),
    )
    for value, least, sentence in checks:
        if value < least:
            return f"{sentence} ({value:.2f} of 1, at least {least:.2f})"
    return None
