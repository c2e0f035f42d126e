"""Faces as plain values: five landmarks, and how good a picture of a face is."""

from dataclasses import dataclass

Landmarks = tuple[tuple[float, float], ...]
"""Right eye, left eye, nose, right and left corner of the mouth (the person's own right) as (x, y),
normalised to the picture; empty where a detector finds none."""


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """How well a face can be told from others, and what made it so.

    Args:
        score: Everything together, 0..1; pictures of one track are compared by it.
        size_px: Width of the face in pixels of the picture that was looked at.
        sharpness: 0 (blurred) .. 1 (sharp).
        pose: 0 (profile or steep tilt) .. 1 (looks straight at the camera).
        exposure: 0 (black, white or flat) .. 1 (well lit).
        inside: 0 (cut off by the edge of the picture) .. 1 (whole).
    """

    score: float
    size_px: float
    sharpness: float
    pose: float
    exposure: float
    inside: float
